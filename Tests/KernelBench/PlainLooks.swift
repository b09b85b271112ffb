import GleanerCore

/// What a frame looks like from afar, in plain loops.
enum PlainLooks {
    private static func luma(_ frame: PixelBuffer, _ y: Int, _ x: Int) -> Int {
        let (levels, pixel) = (frame.storage, (y * frame.width + x) * 3)
        let (red, green, blue) = (Int(levels[pixel]), Int(levels[pixel + 1]), Int(levels[pixel + 2]))
        return (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16
    }

    /// The positions of one of the equal parts of an axis, as many as `countMax` or fewer.
    private static func hashPositions(_ part: Int, of partCount: Int, in length: Int) -> [Int] {
        let start = min(part * length / partCount, length - 1)
        let end = max(start + 1, (part + 1) * length / partCount)
        return Array(stride(from: start, to: end, by: max(1, (end - start + 15) / 16)))
    }

    static func hash(_ frame: PixelBuffer) -> PerceptualHash {
        var means = [Int](repeating: 0, count: 72)
        for row in 0..<8 {
            for column in 0..<9 {
                let ys = hashPositions(row, of: 8, in: frame.height)
                let xs = hashPositions(column, of: 9, in: frame.width)
                var sum = 0
                for y in ys { for x in xs { sum += luma(frame, y, x) } }
                means[row * 9 + column] = sum * 256 / (ys.count * xs.count)
            }
        }
        var bits: UInt64 = 0
        for row in 0..<8 {
            for column in 1...8 {
                let (left, right) = (means[row * 9 + column - 1], means[row * 9 + column])
                bits = bits << 1 | (right > left + 256 ? 1 : 0)
            }
        }
        return PerceptualHash(bits: bits)
    }

    private static func gridPositions(_ part: Int, in length: Int) -> [Int] {
        let start = min(part * length / 8, length - 1)
        let end = max(start + 1, (part + 1) * length / 8)
        return Array(stride(from: start, to: end, by: max(1, (end - start) / 8)))
    }

    static func grid(_ frame: PixelBuffer) -> [Float] {
        var cells: [Float] = []
        for row in 0..<8 {
            for column in 0..<8 {
                let (ys, xs) = (gridPositions(row, in: frame.height), gridPositions(column, in: frame.width))
                var sum = 0
                for y in ys { for x in xs { sum += luma(frame, y, x) } }
                cells.append(Float(sum) / Float(ys.count * xs.count))
            }
        }
        let mean = cells.reduce(0, +) / 64
        let centred = cells.map { $0 - mean }
        let length = centred.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return centred.map { length > 1 ? $0 / length : 0 }
    }
}
