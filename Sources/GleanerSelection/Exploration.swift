import GleanerCore

/// Weighs what a model is unsure of against what has not been covered yet.
///
/// Both are ranked among the last frames, since utilities of different strategies and models have ranges of their
/// own. Coverage is chance among the frames that show nothing like a kept one: to prefer the newest of them would keep
/// the odd ones, noise and all, and needed more labels.
struct Exploration: Sendable {
    /// The strategy that samples kept for coverage are recorded under.
    static let reasonName = "coverage"
    /// From this scaled distance on a frame counts as wholly new.
    static let newnessDistance = 0.5
    private static let windowCount = 512

    private var utilities = UtilityWindow()

    /// What a frame is worth to the budget, and whether its uncertainty or its newness makes up most of it.
    ///
    /// - Parameters:
    ///   - weight: Of uncertainty, 0…1.
    ///   - draw: In 0..<1.
    mutating func value(
        of utility: Utility, weight: Double, draw: Double
    ) -> (value: Utility, isCoverage: Bool) {
        let rank = utilities.rank(of: Float(utility.value))
        utilities.append(Float(utility.value), capacity: Self.windowCount)
        let uncertain = weight * rank
        let covering = (1 - weight) * draw
        return (Utility(clamping: uncertain + covering), covering > uncertain)
    }

    /// How new a frame at a scaled distance from what was kept is: 1 for wholly new, never quite 0.
    static func newness(_ distance: Double) -> Double { min(max(distance / newnessDistance, 0.01), 1) }

    mutating func modelChanged() { utilities.removeAll() }

    var state: JSONValue { .string(utilities.encoded) }

    mutating func restore(_ state: JSONValue?) {
        guard case .string(let text)? = state, let window = UtilityWindow(encoded: text) else { return }
        utilities = window
    }
}
