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
        #expect(Fixtures.all.pictures.count == 28)
        #expect(Fixtures.all.resizes.count == 18)
    }

    @Test(arguments: Fixtures.jpegsIfSupported)
    func everyKindOfPictureDecodesAsPillowAndOpenCVDecodeIt(picture: Fixtures.Picture) throws {
        let pixels = try decode(picture.bytes)
        #expect(pixels.width == picture.width)
        #expect(pixels.height == picture.height)
        let distance = zip(pixels.levels, picture.rgb).map { abs(Int($0) - Int($1)) }.max() ?? .max
        #expect(distance <= picture.tolerance, "\(distance)")
    }

    /// Where the two differ, the fixtures hold what Pillow gives.
    @Test func pillowAndOpenCVAgreeOnAllButInks() {
        for picture in Fixtures.all.pictures {
            #expect(
                picture.apart <= (picture.name.contains("cmyk") || picture.name.contains("ycck") ? 2 : 0), "\(picture)")
        }
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
            let distance = zip(pixels.levels, picture.rgb).map { abs(Int($0) - Int($1)) }.max() ?? .max
            #expect(distance <= picture.tolerance)
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
