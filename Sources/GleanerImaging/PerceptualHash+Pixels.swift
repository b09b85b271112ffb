public import GleanerCore

extension PerceptualHash {
    /// A difference hash: the frame as 9 × 8 mean levels of luma, and a bit for each that its right neighbour
    /// outshines. Light that changes as a whole leaves it alone.
    ///
    /// Areas are sampled at up to 16 × 16 points, which averages noise away at 20 µs a frame.
    public static func of(_ pixels: PixelBuffer) -> PerceptualHash {
        guard pixels.width > 0, pixels.height > 0 else { return PerceptualHash(bits: 0) }
        var bits: UInt64 = 0
        pixels.withBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            for row in 0..<8 {
                let ys = Samples(row, of: 8, in: pixels.height)
                var left = mean(base, pixels.width, ys, Samples(0, of: 9, in: pixels.width))
                for column in 1...8 {
                    let right = mean(base, pixels.width, ys, Samples(column, of: 9, in: pixels.width))
                    bits = bits << 1 | (right > left + stepMin ? 1 : 0)
                    left = right
                }
            }
        }
        return PerceptualHash(bits: bits)
    }

    /// Flat areas differ by noise alone; below this step, in 1/256 of a level, their bits stay 0 instead of flickering.
    private static let stepMin: Int32 = 256

    /// Mean luma in 1/256 of a level.
    private static func mean(_ base: UnsafePointer<UInt8>, _ width: Int, _ ys: Samples, _ xs: Samples) -> Int32 {
        var sum: Int32 = 0
        var row = base + 3 * (ys.start * width + xs.start)
        for _ in 0..<ys.count {
            var pixel = row
            for _ in 0..<xs.count {
                sum &+= Int32(LumaRow.luma(pixel))
                pixel += 3 * xs.step
            }
            row += 3 * ys.step * width
        }
        return sum &* 256 / Int32(truncatingIfNeeded: ys.count &* xs.count)
    }

    /// Up to 16 positions spread over one of the equal parts of an axis; at least one, however short the axis.
    private struct Samples {
        let start: Int
        let step: Int
        let count: Int

        init(_ part: Int, of partCount: Int, in length: Int) {
            start = min(part * length / partCount, length - 1)
            let end = max(start + 1, (part + 1) * length / partCount)
            step = max(1, (end - start + 15) / 16)
            count = (end - start + step - 1) / step
        }
    }
}
