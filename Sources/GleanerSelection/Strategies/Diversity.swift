public import GleanerCore

/// A share of all frames, as unlike each other as can be had: those farther from everything kept than a distance that
/// follows `target_ratio`.
///
/// The utility is 1 beyond the distance, else 0. The distance grows with every frame that lies beyond it and shrinks
/// with every other one, so that in the long run the target share does. It needs neither labels nor probabilities.
public struct Diversity: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "diversity", "Both: a share of all frames, as unlike each other as can be had."
    ) { options in Diversity(targetRatio: options.share("target_ratio", in: 0.000_01...1) ?? 0.05) }

    /// How far one frame moves the distance.
    private static let step = 0.05

    private let targetRatio: Double
    private var distance = Exploration.newnessDistance

    /// - Parameter targetRatio: More than 0, at most 1.
    public init(targetRatio: Double = 0.05) {
        precondition(targetRatio > 0 && targetRatio <= 1, "a ratio is more than 0 and at most 1")
        self.targetRatio = targetRatio
    }

    public var measuresUncertainty: Bool { false }
    public var usesDistance: Bool { true }

    public mutating func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        let isBeyond = context.distance ?? .infinity > distance
        distance = min(max(distance * (1 + Self.step * ((isBeyond ? 1 : 0) - targetRatio)), 1e-6), 100)
        return Utility(isBeyond ? 1 : 0)
    }
}
