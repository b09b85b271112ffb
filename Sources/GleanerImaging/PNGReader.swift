import CPNG
import GleanerCore

/// Reads PNG through libpng's simplified interface: the others report errors by `longjmp`, which is undefined
/// across Swift frames.
enum PNGReader {
    static func decode(
        _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, into pixels: inout PixelBuffer
    ) throws {
        if try hasUnusualGamma(bytes) {
            // libpng would brighten or darken it; OpenCV and Pillow do not.
            let plain = withoutGamma(bytes)
            return try plain.withUnsafeBytes { try read($0, header, into: &pixels) }
        }
        try read(bytes, header, into: &pixels)
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, into pixels: inout PixelBuffer
    ) throws {
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        defer { png_image_free(&image) }
        guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
            throw GleanerError.malformedPicture(image.text)
        }
        guard Int(image.width) == header.width, Int(image.height) == header.height else {
            throw GleanerError.malformedPicture("its header gives two sizes")
        }
        // Otherwise 16-bit samples count as linear light and come out far brighter than their 8-bit twins.
        image.flags |= pngFlag16BitIsSRGB
        pixels.resize(width: header.width, height: header.height)
        if image.format & pngFormatAlpha != 0 { return try readWithAlpha(&image, header, into: &pixels) }
        image.format = pngFormatRGB
        let isRead = pixels.withMutableBytes {
            png_image_finish_read(&image, nil, $0.baseAddress, png_int_32(header.width * 3), nil) != 0
        }
        guard isRead else { throw GleanerError.malformedPicture(image.text) }
    }

    /// Colours as they are behind their transparency.
    private static func readWithAlpha(
        _ image: inout png_image, _ header: PictureHeader, into pixels: inout PixelBuffer
    ) throws {
        try header.requireRoomForTwo()
        image.format = pngFormatRGB | pngFormatAlpha
        var levels = [UInt8](repeating: 0, count: header.width * header.height * 4)
        let isRead = levels.withUnsafeMutableBufferPointer {
            png_image_finish_read(&image, nil, $0.baseAddress, png_int_32(header.width * 4), nil) != 0
        }
        guard isRead else { throw GleanerError.malformedPicture(image.text) }
        pixels.withMutableBytes { target in
            for pixel in 0..<header.width * header.height {
                for channel in 0..<3 { target[pixel * 3 + channel] = levels[pixel * 4 + channel] }
            }
        }
    }

    private static let endChunk: UInt32 = 0x4945_4e44
    private static let gammaChunk: UInt32 = 0x6741_4d41

    /// Calls `body` with each chunk's kind and the range of all its bytes, to the end chunk.
    ///
    /// - Throws: ``GleanerError`` when there is none: libpng names a missing end and wrong bytes alike.
    private static func forEachChunk(
        of bytes: UnsafeRawBufferPointer, _ body: (_ kind: UInt32, _ range: Range<Int>) -> Void
    ) throws {
        var position = 8
        while position <= bytes.count - 12 {
            let length = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
            let kind = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self))
            guard length <= bytes.count - position - 12 else { break }
            body(kind, position..<position + 12 + length)
            if kind == endChunk { return }
            position += 12 + length
        }
        throw GleanerError.truncatedPicture("it has no end chunk")
    }

    /// Whether the picture says that its light follows another curve than a screen's, 1 / 2.2 within a twentieth.
    private static func hasUnusualGamma(_ bytes: UnsafeRawBufferPointer) throws -> Bool {
        var isUnusual = false
        try forEachChunk(of: bytes) { kind, range in
            guard kind == gammaChunk, range.count == 16 else { return }
            let gamma = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound + 8, as: UInt32.self))
            isUnusual = isUnusual || !(43_200...47_700).contains(gamma)
        }
        return isUnusual
    }

    private static func withoutGamma(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var plain = [UInt8](bytes.prefix(8))
        try? forEachChunk(of: bytes) { kind, range in
            if kind != gammaChunk { plain.append(contentsOf: bytes[range]) }
        }
        return plain
    }
}

// Macros that Swift cannot import.
let pngFormatRGB = png_uint_32(0x02)  // PNG_FORMAT_FLAG_COLOR
private let pngFormatAlpha = png_uint_32(0x01)  // PNG_FORMAT_FLAG_ALPHA
private let pngFlag16BitIsSRGB = png_uint_32(0x04)  // PNG_IMAGE_FLAG_16BIT_sRGB

extension png_image {
    /// libpng's own words about its error.
    var text: String {
        withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
