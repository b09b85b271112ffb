import CPNG
public import GleanerCore

/// Writes frames as PNG, fast rather than small.
public enum PNGEncoder {
    /// Encodes the pixels without loss.
    ///
    /// 1280 × 720 pixels take about 50 ms: keep it off the frame loop.
    ///
    /// - Throws: ``GleanerError`` with code `picture.not_encoded` for a picture without pixels or too wide for PNG.
    public static func encode(_ pixels: PixelBuffer) throws -> [UInt8] {
        guard pixels.width > 0, pixels.height > 0, let width = png_uint_32(exactly: pixels.width),
            let height = png_uint_32(exactly: pixels.height)
        else { throw GleanerError(.pictureNotEncoded, "a picture without pixels cannot be encoded") }
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        image.width = width
        image.height = height
        image.format = pngFormatRGB
        image.flags = png_uint_32(0x02)  // PNG_IMAGE_FLAG_FAST: zlib level 1, one filter
        defer { png_image_free(&image) }
        var byteCount = byteCountMax(pixels)
        let isWritten: Int32
        var encoded = [UInt8](repeating: 0, count: byteCount)
        isWritten = encoded.withUnsafeMutableBytes { memory in
            pixels.withBytes {
                png_image_write_to_memory(&image, memory.baseAddress, &byteCount, 0, $0.baseAddress, 0, nil)
            }
        }
        guard isWritten != 0 else { throw GleanerError(.pictureNotEncoded, "cannot encode a PNG: \(image.text)") }
        return Array(encoded[..<byteCount])
    }

    /// What the picture takes if nothing can be compressed, as `PNG_IMAGE_PNG_SIZE_MAX` counts it.
    private static func byteCountMax(_ pixels: PixelBuffer) -> Int {
        let raw = (pixels.width * 3 + 1) * pixels.height
        let deflated = raw + (raw + 7) >> 3 + (raw + 63) >> 6 + 11
        return deflated + 12 * (deflated / 8192 + 2) + 1024
    }
}
