import GleanerCore

/// An 8-bit colour.
struct Color: Hashable, Sendable {
    var red: UInt8
    var green: UInt8
    var blue: UInt8

    init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) { (self.red, self.green, self.blue) = (red, green, blue) }

    static func gray(_ level: UInt8) -> Color { Color(level, level, level) }

    /// Black or white, whichever can be read on it.
    var contrast: Color {
        let luma = 299 * Int(red) + 587 * Int(green) + 114 * Int(blue)
        return luma > 128_000 ? .gray(0) : .gray(255)
    }
}

/// A rectangle of whole pixels.
struct PixelRect: Hashable {
    var x: Int
    var y: Int
    var width: Int
    var height: Int

    func inset(by count: Int) -> PixelRect {
        PixelRect(x: x + count, y: y + count, width: width - 2 * count, height: height - 2 * count)
    }
}

/// A picture that is drawn on; whatever lies outside is left out.
struct Canvas {
    private(set) var pixels: PixelBuffer

    init(width: Int, height: Int, background: Color) {
        pixels = PixelBuffer(width: width, height: height)
        fill(PixelRect(x: 0, y: 0, width: width, height: height), background)
    }

    mutating func fill(_ rect: PixelRect, _ color: Color) {
        let (width, height) = (pixels.width, pixels.height)
        let columns = max(0, rect.x)..<max(0, rect.x, min(width, rect.x + rect.width))
        let rows = max(0, rect.y)..<max(0, rect.y, min(height, rect.y + rect.height))
        pixels.withMutableBytes { bytes in
            for y in rows {
                for x in columns {
                    let index = (y * width + x) * 3
                    bytes[index] = color.red
                    bytes[index + 1] = color.green
                    bytes[index + 2] = color.blue
                }
            }
        }
    }

    /// Draws the edge of `rect`, inside of it.
    mutating func stroke(_ rect: PixelRect, _ color: Color, thickness: Int) {
        let t = thickness
        fill(PixelRect(x: rect.x, y: rect.y, width: rect.width, height: t), color)
        fill(PixelRect(x: rect.x, y: rect.y + rect.height - t, width: rect.width, height: t), color)
        fill(PixelRect(x: rect.x, y: rect.y, width: t, height: rect.height), color)
        fill(PixelRect(x: rect.x + rect.width - t, y: rect.y, width: t, height: rect.height), color)
    }

    /// Draws a line of text with its top left corner at `x`, `y`, each pixel of the font `scale` pixels wide.
    mutating func text(_ text: String, x: Int, y: Int, scale: Int, _ color: Color) {
        var left = x
        for scalar in text.unicodeScalars {
            let top = y + BitmapFont.drop(of: scalar) * scale
            for (row, bits) in BitmapFont.rows(of: scalar).enumerated() {
                for column in 0..<BitmapFont.glyphWidth where bits & (16 >> column) != 0 {
                    fill(
                        PixelRect(x: left + column * scale, y: top + row * scale, width: scale, height: scale), color)
                }
            }
            left += BitmapFont.advance * scale
        }
    }

    /// Draws a frame, scaled to fill `rect`: sharp pixels if it is enlarged at least twice, smooth ones otherwise.
    mutating func draw(_ frame: PixelBuffer, in rect: PixelRect) {
        let isSharp = rect.width >= 2 * frame.width
        var resampler = FrameResampler(
            filter: isSharp ? .nearest : .antialiased, order: ChannelOrder(layout: .nhwc, color: .rgb))
        resampler.plan(
            FrameFit(frameWidth: frame.width, frameHeight: frame.height, width: rect.width, height: rect.height),
            frameWidth: frame.width, frameHeight: frame.height)
        let width = pixels.width
        pixels.withMutableBytes { target in
            frame.withBytes { source in
                guard let base = source.baseAddress else { return }
                for y in 0..<rect.height {
                    let levels = resampler.row(y, of: base)
                    let start = ((rect.y + y) * width + rect.x) * 3
                    for index in 0..<rect.width * 3 {
                        target[start + index] = UInt8(truncatingIfNeeded: levels[index])
                    }
                }
            }
        }
    }
}
