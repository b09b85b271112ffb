public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Frames whose probabilities are spread out: `−Σ p ln p / ln C` for C classes, so that equal probabilities give 1.
///
/// It looks at every class, and its ranking depends on the model's calibration and on the tail of rare classes:
/// in our pilot it needed more labels than a random choice where ``Margin`` needed fewer.
/// It does not apply to detections.
///
/// Source: Shannon, *A Mathematical Theory of Communication*, 1948; Settles, *Active Learning Literature Survey*, 2009.
public struct Entropy: QueryStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "entropy", "Classifiers: how far the probabilities are spread over all classes."
    ) { _ in Entropy() }

    public init() {}

    public var measuresUncertainty: Bool { true }

    public func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        guard case .classification(let probabilities) = candidate.prediction,
            let certainty = Certainty(probabilities)
        else { return nil }
        // p ln p goes to 0 with p; a model that rounds below 0 or above 1 means 0 or 1.
        let nats = certainty.probabilities.reduce(0.0) { sum, probability in
            probability > 0 && probability < 1 ? sum - Double(probability) * log(Double(probability)) : sum
        }
        return Utility(clamping: nats / log(certainty.classCount))
    }
}
