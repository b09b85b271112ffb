public import GleanerCore

/// Decides about a recorded run again, under the policy that was in force or under another one.
///
/// Without frames and without the model: from the scores that were recorded of each frame. Under the same policy
/// every decision comes out as it was. Under another one utilities, hashes and the budget are exact. What another
/// policy would have made of embeddings can only be guessed, because distances were measured to what *this* run kept:
/// frames that resembled one kept frame are taken to resemble each other. ``guessCount`` says of how many frames that
/// was needed.
public struct Replay: Sendable {
    private var selector: Selector
    /// Asked for utilities; `nil` to go by the recorded answers.
    private var asked: Combination?
    private let answers: Combination
    private let run: RunID
    private let usesDistance: Bool
    /// Of the model in force.
    public var labels: [String] = []
    /// The groups of frames that resembled one kept frame of the recorded run, by its number, of which this replay
    /// kept one.
    private var keptGroups: Set<UInt64> = []
    private var kept: Set<UInt64> = []
    /// Scores of frames that the recorded run kept: those that were stopped for their looks borrow them.
    private var scores: [UInt64: DecisionRecord] = [:]
    public private(set) var guessCount = 0

    /// - Parameters:
    ///   - recorded: The policy that was in force.
    ///   - policy: The one to decide by; `nil` for the same.
    ///   - asksAnew: Whether the policy's strategies are asked about every frame, instead of going by what those in
    ///     force answered.
    ///   - state: The selector's at the begin of what was recorded.
    public init(
        recorded: SelectorSettings, policy: SelectorSettings?, asksAnew: Bool, seed: UInt64, run: RunID,
        state: JSONValue?
    ) {
        selector = Selector(settings: policy ?? recorded, draw: SeededDraw(seed: seed), run: run)
        if let state { selector.restore(state) }
        asked = asksAnew ? policy?.strategies : nil
        answers = recorded.strategies
        self.run = run
        let policy = policy ?? recorded
        usesDistance = policy.embeddingDistanceMax != nil || policy.strategies.usesDistance
    }

    /// Decides about one frame; `nil` for one that was lost before anybody could decide about it.
    ///
    /// - Parameter sequence: The frame's number. Frames come in order.
    public mutating func decide(_ record: DecisionRecord, sequence: UInt64) -> Verdict? {
        guard record.course != .unread else { return nil }
        let gate = selector.gate(
            sequence: sequence, hash: record.hash, of: record.source, at: record.instant,
            earlierHashDistance: record.earlierHashDistance)
        guard record.course != .failed else { return nil }
        if record.outcome.isKept { scores[sequence] = record }
        if gate.stops { return .reject(reason: .duplicate, utility: nil, duplicateOf: gate.duplicateOf) }
        let judged = borrowed(record)
        let nearest = nearest(judged)
        let frame = ScoredFrame(sequence: sequence, labels: labels, scores: judged.scores)
        let context = selector.context(at: record.instant, distance: nearest?.distance)
        let answer =
            asked == nil
            ? judged.answer.flatMap { answers.answer($0.strategy, Utility(clamping: Double($0.utility))) }
            : asked?.best(of: frame, in: context)
        let verdict = selector.decide(
            Selector.Evidence(frame: frame, hash: record.hash, embedding: nil, nearest: nearest, answer: answer),
            gate: gate, at: record.instant)
        if case .keep = verdict { keep(sequence, judged) }
        return verdict
    }

    /// What the model claims to see most of all in a frame; `nil` for nothing, or for frames without scores.
    public func topClass(of record: DecisionRecord) -> String? {
        let scored = record.course == .stopped ? record.like?.sequence.flatMap { scores[$0] } : record
        return scored.flatMap { ScoredFrame(sequence: 0, labels: labels, scores: $0.scores).topClass }
    }

    /// A frame that was stopped for its looks has no scores; those of the frame that it looks like are near.
    private mutating func borrowed(_ record: DecisionRecord) -> DecisionRecord {
        guard record.course == .stopped else { return record }
        guessCount += 1
        guard let original = record.like?.sequence, let scored = scores[original] else { return record }
        var borrowed = record
        borrowed.scores = scored.scores
        borrowed.answer = scored.answer
        borrowed.like?.distance = 0
        return borrowed
    }

    private mutating func nearest(_ record: DecisionRecord) -> (sample: LocalSampleID, distance: Double)? {
        guard let like = record.like, let distance = like.distance else { return nil }
        // What earlier runs kept is kept, whatever the policy.
        guard let original = like.sequence else {
            return (LocalSampleID(runCounter: 0, sequence: 0), Double(distance))
        }
        let sample = LocalSampleID(runCounter: run.counter, sequence: original)
        if kept.contains(original) { return (sample, Double(distance)) }
        if usesDistance, record.course == .judged { guessCount += 1 }
        return keptGroups.contains(original) ? (sample, Double(distance)) : nil
    }

    private mutating func keep(_ sequence: UInt64, _ record: DecisionRecord) {
        kept.insert(sequence)
        if let original = record.like?.sequence { keptGroups.insert(original) }
    }

    // MARK: What changed from outside

    public mutating func modelChanged(to labels: [String]) {
        self.labels = labels
        selector.modelChanged()
    }

    public mutating func learned(_ competence: Competence) { selector.learned(competence) }

    public mutating func released(_ samples: Set<LocalSampleID>) { selector.released(samples) }
}
