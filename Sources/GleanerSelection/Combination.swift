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

    /// - Parameter weights: One for each part, more than 0; equal ones when empty. Only ``Mode/weighted`` looks at them.
    public init(_ parts: [Part], mode: Mode = .largest, weights: [Double] = []) {
        precondition(weights.isEmpty || weights.count == parts.count, "each strategy has a weight, or none has")
        self.parts = parts
        self.mode = mode
        self.weights = weights.isEmpty ? [Double](repeating: 1, count: parts.count) : weights
    }

    /// What one of them said, or all of them together.
    public struct Answer: Hashable, Sendable {
        public let name: String
        public let utility: Utility
        public let measuresUncertainty: Bool
    }

    /// What they make of a candidate, under the name of the one that made most of it; `nil` when none applies.
    ///
    /// Every strategy is asked about every candidate, so that those with a memory see the whole stream.
    public mutating func best(of candidate: Candidate, in context: StreamContext) -> Answer? {
        var answers: [(answer: Answer, weight: Double)] = []
        for index in parts.indices {
            guard let utility = parts[index].strategy.utility(of: candidate, in: context) else { continue }
            let answer = Answer(
                name: parts[index].name, utility: utility,
                measuresUncertainty: parts[index].strategy.measuresUncertainty)
            answers.append((answer, weights[index]))
        }
        return together(answers)
    }

    private func together(_ answers: [(answer: Answer, weight: Double)]) -> Answer? {
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
            return Answer(
                name: largest.answer.name, utility: Utility(clamping: sum / weight),
                measuresUncertainty: largest.answer.measuresUncertainty)
        }
    }
}
