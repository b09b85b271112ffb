public import GleanerCore

/// Frames whose two best classes are close: `1 − (p₁ − p₂)`, so that `[0.5, 0.5, 0]` gives 1 and `[1, 0, 0]` 0.
///
/// The default for classifiers, because its *ranking* hardly depends on how sure of itself a model is: with all
/// logits multiplied by 0.5 to 4 the most uncertain 2 % stayed the same to 94–97 %, by entropy only to 24–79 %.
///
/// It does not apply to detections: a detection has one score, not one for each class.
///
/// Source: Scheffer, Decomain, Wrobel, *Active Hidden Markov Models for Information Extraction*, IDA 2001.
public struct Margin: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "margin", "Classifiers: how close the two most probable classes are."
    ) { _ in Margin() }

    public init() {}

    public var tasks: Set<ModelTask> { [.classification] }
    public var measuresUncertainty: Bool { true }

    public func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        guard case .classification(_, let top, let second, _) = frame.scores else { return nil }
        return Utility(clamping: 1 - (Double(top) - Double(second)))
    }
}
