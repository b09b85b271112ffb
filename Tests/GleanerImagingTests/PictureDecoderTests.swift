import Foundation
import GleanerCore
import GleanerImaging
import Testing

@Suite struct PictureDecoderTests {
    func decode(_ bytes: some ContiguousBytes) throws -> PixelBuffer {
        var decoder = PictureDecoder()
        var pixels = PixelBuffer()
        try bytes.withUnsafeBytes { _ = try decoder.decode($0, into: &pixels) }
        return pixels
    }

    @Test func theFixturesAreThere() {
        #expect(Fixtures.all.pictures.count == 10)
        #expect(Fixtures.all.resizes.count == 18)
    }

    @Test(arguments: Fixtures.jpegsIfSupported)
    func everyKindOfPictureDecodesAsPillowDecodesIt(picture: Fixtures.Picture) throws {
        let pixels = try decode(picture.bytes)
        #expect(pixels.width == picture.width)
        #expect(pixels.height == picture.height)
        #expect(pixels.levels == Array(picture.rgb))
    }

    @Test func halfTransparentPixelsAreMixedWithBlack() throws {
        // One pixel, 8-bit RGBA (200, 100, 0, 128), made with Pillow.
        let base64 =
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGM4kcLQAAAE0QGthTwvTQAAAABJRU5ErkJggg=="
        let bytes = try #require(Data(base64Encoded: base64))
        let levels = try decode(bytes).levels
        // Light adds up linearly, so half of it shows brighter than half the level.
        #expect((100...160).contains(levels[0]))
        #expect((50...80).contains(levels[1]))
        #expect(levels[2] == 0)
    }

    @Test(arguments: Fixtures.jpegsIfSupported)
    func everyPrefixOfAPictureIsAnError(picture: Fixtures.Picture) {
        for count in 0..<picture.bytes.count {
            // The last two bytes of a JPEG are its end marker, without which nothing is missing but the marker.
            let error = #expect(throws: GleanerError.self) { try decode(picture.bytes.prefix(count)) }
            if let error, count > 8 { #expect(error.code == .pictureTruncated, "\(count) bytes: \(error)") }
        }
    }

    @Test(arguments: Fixtures.jpegsIfSupported)
    func flippedBitsGiveAPictureOrAnErrorAndNeverATrap(picture: Fixtures.Picture) {
        var numbers = FixedNumbers(state: 7)
        var decoder = PictureDecoder()
        var pixels = PixelBuffer()
        var failureCount = 0
        for _ in 0..<500 {
            var bytes = picture.bytes
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                bytes[Int.random(in: 0..<bytes.count, using: &numbers)] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
            }
            do {
                try bytes.withUnsafeBytes { _ = try decoder.decode($0, into: &pixels) }
                #expect(pixels.width > 0 && pixels.height > 0)
            } catch {
                #expect(error is GleanerError)
                failureCount += 1
            }
        }
        #expect(failureCount > 0)
    }

    @Test func aDecoderGoesOnAfterABadPicture() throws {
        let pictures = Fixtures.jpegsIfSupported
        var decoder = PictureDecoder()
        var pixels = PixelBuffer()
        for picture in pictures {
            let half = picture.bytes.prefix(picture.bytes.count / 2)
            do {
                try half.withUnsafeBytes { _ = try decoder.decode($0, into: &pixels) }
                Issue.record("half of \(picture) decoded")
            } catch {}
            try picture.bytes.withUnsafeBytes { _ = try decoder.decode($0, into: &pixels) }
            #expect(pixels.levels == Array(picture.rgb))
        }
    }

    #if !JPEG
        @Test func aJPEGWithoutTheTraitIsAnErrorThatNamesIt() throws {
            let picture = try #require(Fixtures.all.pictures.first(where: \.isJPEG))
            let error = #expect(throws: GleanerError.self) { try decode(picture.bytes) }
            #expect(error?.code == .pictureNoJPEG)
            #expect(error?.remedy.contains("--traits JPEG") == true)
        }
    #endif

    @Test(.enabled(if: Fixtures.hasDataOrMust)) func everyRealPictureDecodes() throws {
        let files = FileManager.default.enumerator(at: Fixtures.dataFolder, includingPropertiesForKeys: nil)
        var decoder = PictureDecoder()
        var pixels = PixelBuffer()
        var count = 0
        while let file = files?.nextObject() as? URL {
            guard ["jpg", "jpeg", "png"].contains(file.pathExtension.lowercased()) else { continue }
            let bytes = try Data(contentsOf: file)
            let header = try bytes.withUnsafeBytes { try decoder.decode($0, into: &pixels) }
            #expect(header.width == pixels.width)
            count += 1
        }
        #expect(count > 6000)
    }
}
