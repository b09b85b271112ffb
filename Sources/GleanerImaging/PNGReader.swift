import CPNG
import GleanerCore

/// Reads PNG through libpng's simplified interface: the others report errors by `longjmp`, which is undefined
/// across Swift frames.
enum PNGReader {
    static func decode(
        _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, into pixels: inout PixelBuffer
    ) throws {
        try checkChunks(bytes)
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        defer { png_image_free(&image) }
        guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
            throw GleanerError.malformedPicture(image.text)
        }
        guard Int(image.width) == header.width, Int(image.height) == header.height else {
            throw GleanerError.malformedPicture("its header gives two sizes")
        }
        image.format = pngFormatRGB
        // Otherwise 16-bit samples count as linear light and come out far brighter than their 8-bit twins.
        image.flags |= pngFlag16BitIsSRGB
        pixels.resize(width: header.width, height: header.height)
        var black = png_color(red: 0, green: 0, blue: 0)
        let isRead = pixels.withMutableBytes {
            png_image_finish_read(&image, &black, $0.baseAddress, png_int_32(header.width * 3), nil) != 0
        }
        guard isRead else { throw GleanerError.malformedPicture(image.text) }
    }

    /// Walks the chunks to `IEND`, because libpng names a missing end and wrong bytes alike.
    private static func checkChunks(_ bytes: UnsafeRawBufferPointer) throws {
        var position = 8
        while position <= bytes.count - 12 {
            let length = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
            let kind = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self))
            guard Int(length) <= bytes.count - position - 12 else { break }
            if kind == 0x4945_4e44 { return }
            position += 12 + Int(length)
        }
        throw GleanerError.truncatedPicture("it has no end chunk")
    }
}

// Macros that Swift cannot import.
let pngFormatRGB = png_uint_32(0x02)  // PNG_FORMAT_FLAG_COLOR
private let pngFlag16BitIsSRGB = png_uint_32(0x04)  // PNG_IMAGE_FLAG_16BIT_sRGB

extension png_image {
    /// libpng's own words about its error.
    var text: String {
        withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
