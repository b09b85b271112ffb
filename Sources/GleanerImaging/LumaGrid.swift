public import GleanerCore

/// A frame as 8 × 8 levels of light, without its mean and its contrast: what it looks like from afar.
public enum LumaGrid {
    public static let side = 8

    /// 64 numbers of mean 0 and length 1; all 0 for a frame of one level.
    public static func of(_ pixels: PixelBuffer) -> [Float] {
        guard pixels.width > 0, pixels.height > 0 else { return [Float](repeating: 0, count: side * side) }
        var cells = [Float](repeating: 0, count: side * side)
        pixels.withBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            for row in 0..<side {
                for column in 0..<side { cells[row * side + column] = cellMean(base, pixels, row, column) }
            }
        }
        let mean = cells.reduce(0, +) / Float(cells.count)
        for index in cells.indices { cells[index] -= mean }
        let length = cells.reduce(0) { $0 + $1 * $1 }.squareRoot()
        // Below a level of difference there is nothing but noise.
        for index in cells.indices { cells[index] = length > 1 ? cells[index] / length : 0 }
        return cells
    }

    /// The mean of up to 8 × 8 points of a cell.
    private static func cellMean(_ base: UnsafePointer<UInt8>, _ pixels: PixelBuffer, _ row: Int, _ column: Int)
        -> Float
    {
        var sum = 0
        var count = 0
        for y in positions(row, in: pixels.height) {
            for x in positions(column, in: pixels.width) {
                sum += Int(LumaRow.luma(base + 3 * (y * pixels.width + x)))
                count += 1
            }
        }
        return Float(sum) / Float(max(count, 1))
    }

    private static func positions(_ part: Int, in length: Int) -> StrideTo<Int> {
        let start = min(part * length / side, length - 1)
        let end = max(start + 1, (part + 1) * length / side)
        return stride(from: start, to: end, by: max(1, (end - start) / 8))
    }
}
