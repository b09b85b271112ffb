public import GleanerCore

/// Encodes the frames of sources that give pixels: those that are kept, and only they.
///
/// JPEGs are of quality 95 with colours at full resolution, PNGs without loss.
///
/// It keeps what it can from picture to picture. Not copyable, so one thread at a time uses it.
public struct PictureEncoder: ~Copyable, Sendable {
    #if JPEG
        private var jpeg: JPEGCompressor?
    #endif

    public init() {}

    /// - Throws: ``GleanerError`` with code `picture.not_encoded`, or `picture.no_jpeg` in a build without JPEG.
    public mutating func encode(_ pixels: PixelBuffer, as encoding: PictureEncoding) throws -> [UInt8] {
        switch encoding {
        case .png: try PNGEncoder.encode(pixels)
        case .jpeg: try encodeJPEG(pixels)
        }
    }

    #if JPEG
        private mutating func encodeJPEG(_ pixels: PixelBuffer) throws -> [UInt8] {
            let compressor = try jpeg ?? JPEGCompressor()
            jpeg = compressor
            return try compressor.encode(pixels)
        }
    #else
        private func encodeJPEG(_ pixels: PixelBuffer) throws -> [UInt8] {
            throw GleanerError(
                .pictureNoJPEG, "the frame is to be kept as a JPEG, and this build of Gleaner writes only PNG",
                remedy: "install libturbojpeg0-dev and build with `swift build --traits JPEG`, or keep frames as png")
        }
    #endif
}
