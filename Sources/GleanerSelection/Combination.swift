public import GleanerCore

/// Several query strategies as one.
public struct Combination: Sendable {
    /// What the utilities of several strategies make together.
    public enum Mode: String, Sendable, CaseIterable {
        /// The largest counts, the first one of equals.
        case largest
        /// The mean of those that apply, by their weights.
        case weighted
        /// The first one that applies and is not 0 counts: rules before their exceptions.
        case first
    }

    /// A strategy, the name that samples are recorded under, and its weight.
    public typealias Part = (name: String, strategy: any QueryStrategy)

    private var parts: [Part]
    private let mode: Mode
    private let weights: [Double]
    /// To the last question, in memory that is used again.
    private var answers: [(answer: Answer, weight: Double)] = []

    /// - Parameter weights: One for each part, more than 0; equal ones when empty. Only ``Mode/weighted`` looks at them.
    public init(_ parts: [Part], mode: Mode = .largest, weights: [Double] = []) {
        precondition(weights.isEmpty || weights.count == parts.count, "each strategy has a weight, or none has")
        self.parts = parts
        self.mode = mode
        self.weights = weights.isEmpty ? [Double](repeating: 1, count: parts.count) : weights
    }

    /// What one of them said, or all of them together.
    public struct Answer: Hashable, Sendable {
        /// The place of the strategy among the parts, and its name.
        public let index: Int
        public let name: String
        /// Of the precision that it is recorded with.
        public let utility: Utility
        public let measuresUncertainty: Bool
    }

    /// What they make of a candidate, under the name of the one that made most of it; `nil` when none applies.
    ///
    /// Every strategy is asked about every candidate, so that those with a memory see the whole stream.
    public mutating func best(of candidate: Candidate, in context: StreamContext) -> Answer? {
        ask { $0.utility(of: candidate, in: context) }
    }

    /// The same of a recorded frame. Strategies that its scores do not tell enough do not answer: see
    /// ``unanswerable(_:)``.
    public mutating func best(of frame: ScoredFrame, in context: StreamContext) -> Answer? {
        ask { strategy in
            guard var scored = strategy as? any ScoreStrategy else { return nil }
            defer { strategy = scored }
            return scored.utility(of: frame, in: context)
        }
    }

    /// The names of strategies that cannot be asked about recorded frames of a task.
    public func unanswerable(_ task: ModelTask) -> [String] {
        parts.filter { part in
            let scored = part.strategy as? any ScoreStrategy
            return part.strategy.tasks.contains(task) && scored?.scoredTasks.contains(task) != true
        }.map(\.name)
    }

    /// Whether any of them goes by the distance to what was kept.
    var usesDistance: Bool { parts.contains { ($0.strategy as? any ScoreStrategy)?.usesDistance == true } }

    /// What was once answered by the strategy at a place; `nil` if there is none.
    public func answer(_ index: Int, _ utility: Utility) -> Answer? {
        guard parts.indices.contains(index) else { return nil }
        return Answer(
            index: index, name: parts[index].name, utility: Utility(clamping: Double(Float(utility.value))),
            measuresUncertainty: parts[index].strategy.measuresUncertainty)
    }

    private mutating func ask(_ question: (inout any QueryStrategy) -> Utility?) -> Answer? {
        answers.removeAll(keepingCapacity: true)
        for index in parts.indices {
            guard let utility = question(&parts[index].strategy), let answer = answer(index, utility) else { continue }
            answers.append((answer, weights[index]))
        }
        return together
    }

    private var together: Answer? {
        guard let first = answers.first else { return nil }
        // The first one of equals, which `max` would not give.
        let largest = answers.dropFirst().reduce(first) { best, next in
            let (a, b) = (best.answer.utility.value, next.answer.utility.value)
            return (mode == .weighted ? b * next.weight > a * best.weight : b > a) ? next : best
        }
        switch mode {
        case .largest: return largest.answer
        case .first: return answers.first { $0.answer.utility.value > 0 }?.answer ?? first.answer
        case .weighted:
            let sum = answers.reduce(0) { $0 + $1.answer.utility.value * $1.weight }
            let weight = answers.reduce(0) { $0 + $1.weight }
            return answer(largest.answer.index, Utility(clamping: sum / weight))
        }
    }
}
