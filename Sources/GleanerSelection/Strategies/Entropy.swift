public import GleanerCore

/// Frames whose probabilities are spread out: `−Σ p ln p / ln C` for C classes, so that equal probabilities give 1.
///
/// It looks at every class, and its ranking depends on the model's calibration and on the tail of rare classes:
/// in our pilot it needed more labels than a random choice where ``Margin`` needed fewer.
/// It does not apply to detections.
///
/// Source: Shannon, *A Mathematical Theory of Communication*, 1948; Settles, *Active Learning Literature Survey*, 2009.
public struct Entropy: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "entropy", "Classifiers: how far the probabilities are spread over all classes."
    ) { _ in Entropy() }

    public init() {}

    public var tasks: Set<ModelTask> { [.classification] }
    public var measuresUncertainty: Bool { true }

    public func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        guard case .classification(_, _, _, let entropy) = frame.scores else { return nil }
        return Utility(clamping: Double(entropy))
    }
}
