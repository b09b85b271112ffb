import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Weighs what a model is unsure of against what has not been covered yet.
///
/// Both are ranked among the last frames, since utilities of different strategies and models have ranges of their
/// own. Coverage is a weighted draw: of two frames that are equally new either may win, and one that is like nothing
/// that was kept is likelier to than one that is like much. So odd frames are not all that is kept.
///
/// Weighted draws: Efraimidis, Spirakis, *Weighted random sampling with a reservoir*, IPL 2006.
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
    ///   - distance: The scaled distance to what was kept; `nil` when nothing is known of it, which counts as new.
    ///   - draw: In 0..<1.
    mutating func value(
        of utility: Utility, weight: Double, distance: Double?, draw: Double
    ) -> (value: Utility, isCoverage: Bool) {
        let rank = utilities.rank(of: Float(utility.value))
        utilities.append(Float(utility.value), capacity: Self.windowCount)
        let newness = min(max((distance ?? .infinity) / Self.newnessDistance, 0.01), 1)
        let uncertain = weight * rank
        let covering = (1 - weight) * pow(draw, 1 / newness)
        return (Utility(clamping: uncertain + covering), covering > uncertain)
    }

    mutating func modelChanged() { utilities.removeAll() }

    var state: JSONValue { .string(utilities.encoded) }

    mutating func restore(_ state: JSONValue?) {
        guard case .string(let text)? = state, let window = UtilityWindow(encoded: text) else { return }
        utilities = window
    }
}
