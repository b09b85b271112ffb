import GleanerCore
import GleanerImaging
import Testing

@Suite struct PNGEncoderTests {
    @Test(arguments: [(1, 1), (7, 3), (64, 48), (300, 2)])
    func anEncodedFrameDecodesToTheSameLevels(width: Int, height: Int) throws {
        let frame = PixelBuffer.pattern(width: width, height: height)
        let encoded = try PNGEncoder.encode(frame)
        var decoded = PixelBuffer()
        var decoder = PictureDecoder()
        try encoded.withUnsafeBytes { _ = try decoder.decode($0, into: &decoded) }
        #expect(decoded.width == width)
        #expect(decoded.levels == frame.levels)
    }

    @Test func noiseThatCannotBeCompressedFits() throws {
        var numbers = FixedNumbers(state: 3)
        let frame = PixelBuffer(width: 200, height: 200) { _, _, _ in Int.random(in: 0...255, using: &numbers) }
        #expect(try PNGEncoder.encode(frame).count > frame.byteCount)
    }

    @Test func aBufferThatWasLargerEncodesOnlyItsPicture() throws {
        var frame = PixelBuffer.pattern(width: 40, height: 30)
        frame.resize(width: 2, height: 2)
        let header = try PNGEncoder.encode(frame).withUnsafeBytes { try PictureHeader.read($0) }
        #expect(header == PictureHeader(encoding: .png, width: 2, height: 2))
    }

    @Test func aPictureWithoutPixelsIsAnError() {
        let error = #expect(throws: GleanerError.self) { try PNGEncoder.encode(PixelBuffer()) }
        #expect(error?.code == .pictureNotEncoded)
    }
}
