public import GleanerCore

/// Frames with a class that could as well be there as not: `max (1 − |2 p − 1|)` over the classes, 1 for a
/// probability of one half.
///
/// For classifiers whose classes do not exclude each other, each with a probability of its own (the decoder's activation
/// `sigmoid` or `independent`). ``Margin`` is the same there. It does not apply to detections.
///
/// Source: Lewis, Gale, *A Sequential Algorithm for Training Text Classifiers*, SIGIR 1994, for each class by itself.
public struct MultiLabel: QueryStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "multi-label", "Classifiers whose classes do not exclude each other: the class in most doubt."
    ) { _ in MultiLabel() }

    public init() {}

    public var tasks: Set<ModelTask> { [.classification] }
    public var measuresUncertainty: Bool { true }

    public func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        guard case .classification(let probabilities, _) = candidate.prediction, !probabilities.isEmpty,
            probabilities.allSatisfy(\.isFinite)
        else { return nil }
        let doubts = probabilities.map { 1 - (2 * Double(min(max($0, 0), 1)) - 1).magnitude }
        return Utility(clamping: doubts.max() ?? 0)
    }
}
