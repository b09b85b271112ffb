public import GleanerCore

extension Embedding {
    /// From a model's features: `[1, n]` as they are, maps `[1, channels, height, width]` as the mean of each channel,
    /// tokens `[1, count, n]` as the mean of all. `nil` when they have no direction.
    public init?(pooling features: TensorBuffer) {
        let shape = features.shape.first == 1 ? Array(features.shape.dropFirst()) : features.shape
        switch shape.count {
        case 0...1: self.init((0..<features.elementCount).map(features.float(at:)))
        case 2: self.init(Self.means(features, count: shape[1], of: shape[0], step: shape[1], stride: 1))
        default:
            let area = shape.dropFirst().reduce(1, *)
            self.init(Self.means(features, count: shape[0], of: area, step: 1, stride: area))
        }
    }

    /// `count` means of `n` elements each, `step` apart; the groups begin `stride` apart.
    private static func means(_ features: TensorBuffer, count: Int, of n: Int, step: Int, stride: Int) -> [Float] {
        guard n > 0, count > 0 else { return [] }
        return (0..<count).map { group in
            var sum: Float = 0
            var index = group * stride
            for _ in 0..<n {
                sum += features.float(at: index)
                index += step
            }
            return sum / Float(n)
        }
    }
}
