public import GleanerCore

/// Several query strategies as one: the largest utility of those that apply counts, and its name is kept.
public struct Combination: Sendable {
    private var parts: [(name: String, strategy: any QueryStrategy)]

    public init(_ parts: [(name: String, strategy: any QueryStrategy)]) {
        self.parts = parts
    }

    /// What one of them said.
    public struct Answer: Hashable, Sendable {
        public let name: String
        public let utility: Utility
        public let measuresUncertainty: Bool
    }

    /// The largest utility and the strategy that gave it, the first one of equals; `nil` when none applies.
    ///
    /// Every strategy is asked about every candidate, so that those with a memory see the whole stream.
    public mutating func best(of candidate: Candidate, in context: StreamContext) -> Answer? {
        var best: Answer?
        for index in parts.indices {
            guard let utility = parts[index].strategy.utility(of: candidate, in: context) else { continue }
            if let soFar = best, utility <= soFar.utility { continue }
            best = Answer(
                name: parts[index].name, utility: utility,
                measuresUncertainty: parts[index].strategy.measuresUncertainty)
        }
        return best
    }
}
