public import GleanerCore

/// A uniform random utility, whatever the model says: the baseline that every other strategy has to beat.
///
/// With deduplication it is hard to beat while the model is poor, because uncertainty then misleads. Beside another
/// strategy its large values win, so give it a budget of its own or leave exploration to the audit coin.
public struct RandomUtility: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "random", "Both: chance alone, as a baseline."
    ) { _ in RandomUtility() }

    public init() {}

    public var measuresUncertainty: Bool { false }

    public func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        let draw = context.draw.uniform(
            .strategy, run: context.run, sequence: frame.sequence, salt: StrategySalt.random.rawValue)
        return Utility(clamping: draw)
    }
}

/// Keeps the draws of two strategies for one frame apart. Never renumber: a replay would give other verdicts.
enum StrategySalt: UInt64 {
    case random = 1
    case closeToThreshold
}
