public import GleanerCore

/// Frames with a class that was seldom seen lately: 1 for one never seen, 0 for the most frequent.
///
/// How often is counted over the last `window` frames or so (older ones fade), by what the model claims. An object of
/// the rarest class decides; a frame in which nothing is claimed has utility 0. Where classes do not exclude each other a
/// replay knows the best one alone.
///
/// A rare class need not be one that the model is unsure of. Where labels of every class are wanted, put it beside an
/// uncertainty; alone it keeps whatever the model takes for something rare.
public struct RareClass: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "rare-class", "Both: how seldom the rarest class in the frame was seen lately."
    ) { options in RareClass(window: options.integer("window", in: 10...10_000_000) ?? 5000) }

    private let fading: Double
    private var counts: [String: Double] = [:]

    /// - Parameter window: Frames that the counts look back over; more than 1.
    public init(window: Int = 5000) {
        precondition(window > 1, "there is nothing rare in one frame")
        fading = 1 - 1 / Double(window)
    }

    public var measuresUncertainty: Bool { false }

    /// A detector's utility needs every box.
    public var scoredTasks: Set<ModelTask> { [.classification] }

    public mutating func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        utility(of: Set(ClaimedClasses(candidate).names))
    }

    public mutating func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        utility(of: frame.topClass.map { [$0] } ?? [])
    }

    private mutating func utility(of names: Set<String>) -> Utility {
        let most = counts.values.max() ?? 0
        let rarest = names.map { counts[$0] ?? 0 }.min()
        for (name, count) in counts { counts[name] = count * fading }
        for name in names { counts[name, default: 0] += 1 }
        guard let rarest, most > 0 else { return Utility(0) }
        return Utility(clamping: 1 - rarest / most)
    }
}
