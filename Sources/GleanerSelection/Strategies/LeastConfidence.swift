public import GleanerCore

/// Frames whose best class is improbable: `(1 − p₁) · C / (C − 1)` for C classes, so that equal probabilities give 1.
///
/// It does not apply to detections; ``BoxUncertainty`` is its counterpart there.
///
/// Source: Lewis, Gale, *A Sequential Algorithm for Training Text Classifiers*, SIGIR 1994.
public struct LeastConfidence: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "least-confidence", "Classifiers: how improbable the most probable class is."
    ) { _ in LeastConfidence() }

    public init() {}

    public var tasks: Set<ModelTask> { [.classification] }
    public var measuresUncertainty: Bool { true }

    public func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        guard case .classification(_, let top, _, _) = frame.scores else { return nil }
        let classCount = Double(frame.labels.count)
        return Utility(clamping: (1 - Double(top)) * classCount / (classCount - 1))
    }
}
