public import GleanerCore

/// Frames that are unlike everything that was kept: 0 for the same, 1 from half the distance of strangers on.
///
/// It trusts the model's features, not its probabilities, so it works with a poor model too; but what is merely odd
/// (glare, an insect on the lens) is new as well. For a model without embeddings every frame counts as new.
public struct Novelty: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "novelty", "Both: how unlike everything kept so far the frame is, as the model sees it."
    ) { _ in Novelty() }

    public init() {}

    public var measuresUncertainty: Bool { false }
    public var usesDistance: Bool { true }

    public func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        Utility(clamping: min(max((context.distance ?? .infinity) / Exploration.newnessDistance, 0), 1))
    }
}
