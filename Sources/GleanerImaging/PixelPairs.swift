/// Mixes each two neighbouring pixels of a row, as a filter of two taps asks for, all channels in one piece.
///
/// A level times its weight has 19 bits. So two levels that lie 24 bits apart, as neighbours of one channel do, times two
/// weights that do so the other way round, have the sum of the two products in the middle, apart from all others:
/// `(a + b × 2²⁴) × (v + u × 2²⁴) = a×v + (a×u + b×v) × 2²⁴ + …`
struct PixelPairs: ~Copyable {
    private static let distance: UInt64 = 24
    private var count = 0
    /// Of the first pixel's red in a row, for each output position.
    private var offsets = ScratchBuffer<Int32>()
    /// The second pixel's weight, and above it the first one's.
    private var factors = ScratchBuffer<UInt64>()

    /// Takes over an axis of two taps whose source has at least two positions.
    mutating func plan(_ axis: borrowing ResampleAxis, sourceCount: Int, outputCount: Int) {
        count = outputCount
        offsets.reserve(count)
        factors.reserve(count)
        for output in 0..<count {
            var first = Int(axis.positions[2 * output])
            var (weight, nextWeight) = (axis.weights[2 * output], axis.weights[2 * output + 1])
            // One that stands alone has a neighbour of no weight, and the last one's is before it.
            if first == Int(axis.positions[2 * output + 1]) { (weight, nextWeight) = (weight + nextWeight, 0) }
            if first == sourceCount - 1 { (first, weight, nextWeight) = (first - 1, nextWeight, weight) }
            offsets.base[output] = Int32(first * 3)
            factors.base[output] =
                UInt64(truncatingIfNeeded: weight) << Self.distance | UInt64(truncatingIfNeeded: nextWeight)
        }
    }

    /// Writes every output position's levels with 7 fractional bits: 11 from the weights less the 4 that do not fit into
    /// 16 bits.
    func mix(
        _ row: UnsafePointer<UInt8>, red: UnsafeMutablePointer<Int16>, green: UnsafeMutablePointer<Int16>,
        blue: UnsafeMutablePointer<Int16>
    ) {
        let (offsets, factors) = (offsets.base, factors.base)
        for output in 0..<count {
            let (pixel, factor) = (UnsafeRawPointer(row) + Int(offsets[output]), factors[output])
            red[output] = Self.level(pixel, factor)
            green[output] = Self.level(pixel + 1, factor)
            blue[output] = Self.level(pixel + 2, factor)
        }
    }

    /// - Parameter level: of the first pixel; the second one's is three bytes further.
    @inline(__always)
    private static func level(_ level: UnsafeRawPointer, _ factor: UInt64) -> Int16 {
        let pair = UInt64(UInt32(littleEndian: level.loadUnaligned(as: UInt32.self)) & 0xff00_00ff)
        return Int16(truncatingIfNeeded: (pair &* factor) &>> (distance &+ 4))
    }
}
