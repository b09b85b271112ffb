/// What uncertainty is measured on: the probabilities of one frame, checked once.
struct Certainty {
    /// The largest and the second largest probability; never NaN, within 0…1.
    let top: Double
    let second: Double
    let probabilities: [Float]

    /// `nil` where uncertainty between classes means nothing: fewer than two classes, or numbers that are none.
    init?(_ probabilities: [Float]) {
        guard probabilities.count >= 2 else { return nil }
        var top: Float = 0
        var second: Float = 0
        for probability in probabilities {
            guard probability.isFinite else { return nil }
            if probability > top {
                second = top
                top = probability
            } else if probability > second {
                second = probability
            }
        }
        self.top = Double(min(top, 1))
        self.second = Double(min(second, 1))
        self.probabilities = probabilities
    }

    var classCount: Double { Double(probabilities.count) }
}
