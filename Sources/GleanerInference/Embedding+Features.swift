public import GleanerCore

extension Embedding {
    /// From a model's features: `[1, n]` as they are, maps `[1, channels, height, width]` as the mean of each channel,
    /// tokens `[1, count, n]` as the mean of all. `nil` when they have no direction.
    ///
    /// - Parameter former: Of an earlier frame: its memory is used again, unless others hold it too.
    public init?(pooling features: TensorBuffer, reusing former: inout Embedding?) {
        let shape = features.shape.first == 1 ? features.shape.dropFirst() : features.shape[...]
        guard let first = shape.first, let last = shape.last, shape.count > 1 else {
            self.init(count: features.elementCount, reusing: &former, feature: features.float(at:))
            return
        }
        if shape.count == 2 {
            self.init(meansOf: features, count: last, of: first, step: last, stride: 1, reusing: &former)
        } else {
            let area = shape.dropFirst().reduce(1, *)
            self.init(meansOf: features, count: first, of: area, step: 1, stride: area, reusing: &former)
        }
    }

    /// From `count` means of `n` elements each, `step` apart; the groups begin `stride` apart.
    private init?(
        meansOf features: TensorBuffer, count: Int, of n: Int, step: Int, stride: Int, reusing former: inout Embedding?
    ) {
        guard n > 0 else { return nil }
        self.init(count: count, reusing: &former) { group in
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
