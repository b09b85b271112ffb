import GleanerCore

/// For every output position along one axis: the source positions that it mixes, and their weights.
///
/// Weights are fixed-point, those of the library that each filter follows, because a model should see what it saw in
/// training: 11 fractional bits as in OpenCV's `INTER_LINEAR`, which it equals bit for bit, and 22 as in Pillow's
/// `BILINEAR`, which it equals where Pillow scales rows first too, and elsewhere to one level.
struct ResampleAxis: ~Copyable {
    /// Source positions mixed per output position.
    private(set) var tapCount = 0
    /// Every output position is the source position of the same number.
    private(set) var isIdentity = false
    /// `tapCount` source positions for each output position, clamped to the source.
    private var tapPositions = ScratchBuffer<Int32>()
    /// `tapCount` weights for each output position.
    private var tapWeights = ScratchBuffer<Int32>()

    static let linearOne: Int32 = 1 << 11
    static let widenedBits: Int32 = 22

    var positions: UnsafePointer<Int32> { UnsafePointer(tapPositions.base) }
    var weights: UnsafePointer<Int32> { UnsafePointer(tapWeights.base) }

    /// What the table depends on.
    struct Geometry {
        var sourceCount: Int
        /// The source's length after scaling.
        var scaledCount: Int
        /// The first position of the scaled source that is wanted, and how many are.
        var cut: Int
        var outputCount: Int
    }

    /// - Parameter clampsWeights: Beyond the edge, the first or last source position gets all the weight. OpenCV does
    ///   so along rows, while along columns it mixes the edge with itself; they differ in the last bit.
    mutating func plan(_ geometry: Geometry, filter: InputSpec.Filter, clampsWeights: Bool) {
        isIdentity = geometry.scaledCount == geometry.sourceCount && geometry.cut == 0
        // OpenCV divides twice; one division would differ in the last bit.
        let step = 1 / (Double(geometry.scaledCount) / Double(geometry.sourceCount))
        switch filter {
        case .bilinear: planLinear(geometry, step: step, clampsWeights: clampsWeights)
        case .antialiased: planWidened(geometry)
        case .nearest: planNearest(geometry)
        }
    }

    private mutating func reserve(tapCount: Int, outputCount: Int) {
        self.tapCount = tapCount
        tapPositions.reserve(tapCount * outputCount)
        tapWeights.reserve(tapCount * outputCount)
    }

    private mutating func planLinear(_ geometry: Geometry, step: Double, clampsWeights: Bool) {
        reserve(tapCount: 2, outputCount: geometry.outputCount)
        let last = geometry.sourceCount - 1
        for output in 0..<geometry.outputCount {
            let center = Float((Double(output + geometry.cut) + 0.5) * step - 0.5)
            var first = Int(center.rounded(.down))
            var share = center - Float(first)
            if clampsWeights, first < 0 || first >= last {
                first = min(max(first, 0), last)
                share = 0
            }
            let one = Float(Self.linearOne)
            setTap(2 * output, min(max(first, 0), last), Int32(((1 - share) * one).rounded(.toNearestOrEven)))
            setTap(2 * output + 1, min(max(first + 1, 0), last), Int32((share * one).rounded(.toNearestOrEven)))
        }
    }

    /// Pixel centres lie at half positions, as in Pillow and OpenCV's `INTER_NEAREST_EXACT`; in whole numbers, so that
    /// ties fall the same way everywhere.
    private mutating func planNearest(_ geometry: Geometry) {
        reserve(tapCount: 2, outputCount: geometry.outputCount)
        for output in 0..<geometry.outputCount {
            let half = 2 * (output + geometry.cut) + 1
            let position = half * geometry.sourceCount / (2 * geometry.scaledCount)
            setTap(2 * output, position, Self.linearOne)
            setTap(2 * output + 1, position, 0)
        }
    }

    /// A triangle as wide as one output pixel to each side, never narrower than one source pixel.
    private mutating func planWidened(_ geometry: Geometry) {
        let step = Double(geometry.sourceCount) / Double(geometry.scaledCount)
        let reach = max(step, 1)
        reserve(tapCount: Int(reach.rounded(.up)) * 2 + 1, outputCount: geometry.outputCount)
        for output in 0..<geometry.outputCount {
            let center = (Double(output + geometry.cut) + 0.5) * step
            let first = max(0, Int(center - reach + 0.5))
            let end = min(geometry.sourceCount, Int(center + reach + 0.5))
            func share(_ position: Int) -> Double { max(0, 1 - abs((Double(position) - center + 0.5) / reach)) }
            let whole = (first..<end).reduce(0) { $0 + share($1) }
            for tap in 0..<tapCount {
                let position = first + tap
                let weight = position < end ? share(position) / whole * Double(1 << Self.widenedBits) : 0
                setTap(output * tapCount + tap, min(position, geometry.sourceCount - 1), Int32(weight.rounded()))
            }
        }
    }

    private func setTap(_ index: Int, _ position: Int, _ weight: Int32) {
        tapPositions.base[index] = Int32(position)
        tapWeights.base[index] = weight
    }
}
