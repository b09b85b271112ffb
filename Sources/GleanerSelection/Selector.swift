public import GleanerCore

/// How frames are chosen.
public struct SelectorSettings: Sendable {
    /// Asked about every frame; the largest utility counts.
    public var strategies: [(name: String, strategy: any QueryStrategy)]
    public var budget: any BudgetManager
    /// The part of the budget that the audit coin spends, in 0…1.
    public var auditShare: Double
    /// Frames whose hash differs in at most so many of 64 bits from a kept one are duplicates; `nil` for none.
    public var hashDistanceMax: Int?

    /// The audit share of 0.2 is the least that measures a model well: 0.1 gave intervals twice as wide that were
    /// too narrow still.
    public init(
        strategies: [(name: String, strategy: any QueryStrategy)], budget: any BudgetManager,
        auditShare: Double = 0.2, hashDistanceMax: Int? = 4
    ) {
        self.strategies = strategies
        self.budget = budget
        self.auditShare = auditShare
        self.hashDistanceMax = hashDistanceMax
    }
}

/// What is known of a frame before inference.
public enum Gate: Hashable, Sendable {
    /// The coin took it: it is kept whatever the model says. Its probability was this.
    case audit(probability: Double)
    /// It goes on to inference.
    case proceed
    /// It looks like a frame that is kept already.
    case duplicate(of: HashMemory.Entry)
}

/// Why a frame was not kept, as counters name it.
public enum RejectionReason: String, Sendable, CaseIterable {
    case duplicate
    case belowBudget = "below_budget"
    case noStrategyApplies = "no_strategy_applies"
}

/// What becomes of a frame.
public enum Verdict: Hashable, Sendable {
    /// The probability is that of its stratum: the coin's for audit samples, 1 for what a strategy chose.
    case keep(utility: Utility, reason: SelectionReason, inclusionProbability: Double)
    case reject(reason: RejectionReason, utility: Utility?)
}

/// Decides which frames are kept: audit coin, deduplication, query strategies, budget, in this order.
///
/// For each frame call ``gate(sequence:hash:at:)`` and, unless the frame is lost in between, ``decide(_:gate:at:)``
/// or, for a duplicate, nothing more. It has no clock and no randomness but its draw, so the same frames with the
/// same seed and state get the same verdicts.
///
/// The coin comes first, so that audit samples are a plain random sample of *all* frames, near-duplicates included.
public struct Selector: Sendable {
    private var strategies: Combination
    private var budget: any BudgetManager
    private var memory: HashMemory
    private let auditShare: Double
    private let hashDistanceMax: Int?
    private let draw: SeededDraw
    private let run: RunID

    /// - Parameter memory: Filled with the samples that are kept or pending from earlier runs.
    public init(settings: SelectorSettings, draw: SeededDraw, run: RunID, memory: HashMemory = HashMemory()) {
        strategies = Combination(settings.strategies)
        budget = settings.budget
        auditShare = settings.auditShare
        hashDistanceMax = settings.hashDistanceMax
        self.memory = memory
        self.draw = draw
        self.run = run
    }

    /// Looks at a frame before inference. Call it once for every frame that was offered, in order.
    ///
    /// - Parameter sequence: The frame's number in its run, from 1.
    public mutating func gate(sequence: UInt64, hash: PerceptualHash, at now: Instant) -> Gate {
        budget.frameOffered(at: now)
        let probability = min(max(auditShare * budget.share, 0), 1)
        if draw.uniform(.audit, run: run, sequence: sequence) < probability { return .audit(probability: probability) }
        if let hashDistanceMax, let kept = memory.nearest(to: hash, distanceMax: hashDistanceMax) {
            return .duplicate(of: kept)
        }
        return .proceed
    }

    /// Decides about a frame after inference. What is kept enters the memory.
    public mutating func decide(_ candidate: Candidate, gate: Gate, at now: Instant) -> Verdict {
        if case .duplicate = gate { return .reject(reason: .duplicate, utility: nil) }
        let best = strategies.best(of: candidate, in: StreamContext(run: run, now: now, draw: draw))
        if case .audit(let probability) = gate {
            budget.spent(at: now)
            remember(candidate)
            return .keep(utility: best?.utility ?? Utility(0), reason: .audit, inclusionProbability: probability)
        }
        guard let best else { return .reject(reason: .noStrategyApplies, utility: nil) }
        guard budget.admits(best.utility, at: now) else { return .reject(reason: .belowBudget, utility: best.utility) }
        remember(candidate)
        return .keep(utility: best.utility, reason: .strategy(best.name), inclusionProbability: 1)
    }

    /// Told when predictions come from another model. Kept frames stay remembered: they look the same to any model.
    public mutating func modelChanged() { budget.modelChanged() }

    /// What must survive a restart beside the hashes, which the store has.
    public var state: JSONValue { .object(["budget": budget.state]) }

    /// Goes on from a ``state``; one that it does not understand is ignored.
    public mutating func restore(_ state: JSONValue) {
        guard case .object(let values) = state, let budget = values["budget"] else { return }
        self.budget.restore(budget)
    }

    private mutating func remember(_ candidate: Candidate) {
        memory.remember(
            HashMemory.Entry(hash: candidate.hash, runCounter: run.counter, sequence: candidate.sequence))
    }
}
