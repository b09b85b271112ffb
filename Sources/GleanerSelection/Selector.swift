public import GleanerCore

/// How frames are chosen.
public struct SelectorSettings: Sendable {
    /// Asked about every frame.
    public var strategies: Combination
    public var budget: any BudgetManager
    public var limits: RateLimits
    /// The part of the label budget that the audit coin spends, in 0…1.
    public var auditShare: Double
    /// Frames whose hash differs in at most so many of 64 bits from a kept one are duplicates; `nil` for none.
    public var hashDistanceMax: Int?
    /// Frames whose embedding is at most so far from a kept one's are duplicates; `nil` for none. In units of the
    /// median distance between two frames.
    public var embeddingDistanceMax: Double?
    /// The weight of uncertainty against coverage, 0…1, instead of the one that audit labels give. 1 leaves ranks and
    /// chance out altogether.
    public var fixedWeight: Double?

    /// The audit share of 0.2 is the least that measures a model well: 0.1 gave intervals twice as wide that were
    /// too narrow still.
    public init(
        strategies: Combination, budget: any BudgetManager, limits: RateLimits = RateLimits(),
        auditShare: Double = 0.2, hashDistanceMax: Int? = 4, embeddingDistanceMax: Double? = 0.12,
        fixedWeight: Double? = nil
    ) {
        self.strategies = strategies
        self.budget = budget
        self.limits = limits
        self.auditShare = auditShare
        self.hashDistanceMax = hashDistanceMax
        self.embeddingDistanceMax = embeddingDistanceMax
        self.fixedWeight = fixedWeight
    }
}

/// What is known of a frame before inference.
public struct Gate: Hashable, Sendable {
    /// The coin took it with this probability: it is kept whatever the model says.
    public var auditProbability: Double?
    /// A kept sample that it looks like.
    public var duplicateOf: LocalSampleID?
    /// See ``DecisionRecord/earlierHashDistance``.
    public var earlierHashDistance: Int?
    /// See ``FrameBuffer/sourceNumber``.
    public var source = 0
    /// The run of frames that look much alike, numbered from 1, and whether this is its first frame.
    public var scene = 0
    public var beginsScene = false

    /// Whether nothing more needs to be known of it.
    public var stops: Bool { auditProbability == nil && duplicateOf != nil }
}

/// Why a frame was not kept, as counters name it.
public enum RejectionReason: String, Sendable, CaseIterable {
    case duplicate
    case belowBudget = "below_budget"
    case noStrategyApplies = "no_strategy_applies"
    /// A limit of so many in a span of time, or a least time between two.
    case limited
}

/// What becomes of a frame.
public enum Verdict: Hashable, Sendable {
    case keep(Choice)
    /// `duplicateOf` is the kept sample that stands for it.
    case reject(reason: RejectionReason, utility: Utility?, duplicateOf: LocalSampleID? = nil)
}

/// A frame that is kept, and all that the decision went by.
public struct Choice: Hashable, Sendable {
    /// By the query strategy.
    public var utility: Utility
    public var reason: SelectionReason
    /// That of its stratum: the coin's for audit samples, 1 for what a strategy chose.
    public var inclusionProbability: Double
    /// To what was kept before; see ``StreamContext/distance``.
    public var distance: Double?
    /// The weight of uncertainty against coverage that was in force.
    public var uncertaintyWeight: Double
    /// For an audit sample: the kept sample that it looks like, so that it would not have been kept otherwise.
    public var duplicateOf: LocalSampleID?
}

/// Decides which frames are kept: audit coin, deduplication, query strategies, budget, in this order.
///
/// For each frame call ``gate(sequence:hash:at:)`` and, unless it stops the frame or the frame is lost in between,
/// ``decide(_:gate:at:)``. It has no clock and no randomness but its draw, so the same frames with the same seed and
/// state get the same verdicts.
///
/// The coin comes first, so that audit samples are a plain random sample of *all* frames, near-duplicates included.
public struct Selector: Sendable {
    private var strategies: Combination
    private var budget: any BudgetManager
    private var limits: RateLimits
    private var memory: HashMemory
    private var bank: EmbeddingBank
    private var scale = DistanceScale()
    private var exploration = Exploration()
    private var competence = Competence()
    private var scenes = SceneCounter()
    private var drift = DriftWatch()
    private var auditPace = AuditPace()
    private var alarms: [String] = []
    private let settings: SelectorSettings
    private let draw: SeededDraw
    let run: RunID

    /// - Parameters:
    ///   - memory: Filled with the samples that are kept or pending from earlier runs.
    ///   - bank: The same, as far as the model that starts has embedded them.
    public init(
        settings: SelectorSettings, draw: SeededDraw, run: RunID, memory: HashMemory = HashMemory(),
        bank: EmbeddingBank = EmbeddingBank()
    ) {
        strategies = settings.strategies
        budget = settings.budget
        limits = settings.limits
        self.settings = settings
        self.memory = memory
        self.memory.beginRun()
        self.bank = bank
        self.draw = draw
        self.run = run
    }

    /// The weight of uncertainty against coverage in force.
    public var uncertaintyWeight: Double { settings.fixedWeight ?? competence.weight }

    /// Looks at a frame before inference. Call it once for every frame that was offered, in order.
    ///
    /// - Parameters:
    ///   - sequence: The frame's number in its run, from 1.
    ///   - source: Its source's number, where several take turns.
    public mutating func gate(sequence: UInt64, hash: PerceptualHash, of source: Int = 0, at now: Instant) -> Gate {
        gate(sequence: sequence, hash: hash, of: source, at: now, earlierHashDistance: nil)
    }

    /// The same for a recorded frame: how far samples of earlier runs are is known, and they need not be here.
    mutating func gate(
        sequence: UInt64, hash: PerceptualHash, of source: Int, at now: Instant, earlierHashDistance: Int?
    ) -> Gate {
        budget.frameOffered(at: now)
        var gate = Gate()
        gate.source = source
        (gate.scene, gate.beginsScene) = scenes.next(hash, of: source)
        let probability = min(max(settings.auditShare * auditPace.factor * budget.share, 0), 1)
        if draw.uniform(.audit, run: run, sequence: sequence) < probability { gate.auditProbability = probability }
        guard let distanceMax = settings.hashDistanceMax else { return gate }
        let look = memory.look(at: hash)
        gate.earlierHashDistance = earlierHashDistance ?? look?.earlierDistance
        if let look, look.distance <= distanceMax {
            gate.duplicateOf = look.nearest.sample
        } else if let earlierHashDistance, earlierHashDistance <= distanceMax {
            gate.duplicateOf = LocalSampleID(runCounter: 0, sequence: 0)
        }
        if gate.stops, gate.beginsScene { watch(0, .novelty) }
        return gate
    }

    private mutating func watch(_ value: Double, _ signal: DriftWatch.Signal) {
        guard drift.observe(value, of: signal) else { return }
        auditPace.alarm()
        alarms.append(signal.rawValue)
    }

    /// What raised the alarm since this was asked last: `uncertainty` or `novelty`.
    public mutating func takeAlarms() -> [String] {
        defer { alarms = [] }
        return alarms
    }

    /// Decides about a frame after inference. What is kept is remembered.
    public mutating func decide(_ candidate: Candidate, gate: Gate, at now: Instant) -> Verdict {
        decision(about: candidate, gate: gate, at: now).verdict
    }

    /// The same, with what is to be recorded of it.
    public mutating func decision(
        about candidate: Candidate, gate: Gate, at now: Instant
    ) -> (verdict: Verdict, record: DecisionRecord) {
        guard !gate.stops else {
            return (
                .reject(reason: .duplicate, utility: nil, duplicateOf: gate.duplicateOf),
                record(of: candidate.hash, gate: gate, at: now)
            )
        }
        let nearest = nearest(to: candidate, at: now)
        let answer = strategies.best(of: candidate, in: context(at: now, distance: nearest?.distance))
        let evidence = Evidence(
            frame: ScoredFrame(candidate), hash: candidate.hash, embedding: candidate.embedding, nearest: nearest,
            answer: answer)
        let verdict = decide(evidence, gate: gate, at: now)
        return (verdict, record(of: evidence, gate: gate, verdict: verdict, at: now))
    }

    /// All that a decision goes by, whether a frame was just judged or was recorded long ago.
    struct Evidence {
        var frame: ScoredFrame
        var hash: PerceptualHash
        var embedding: Embedding?
        var nearest: (sample: LocalSampleID, distance: Double)?
        var answer: Combination.Answer?
    }

    func context(at now: Instant, distance: Double?) -> StreamContext {
        StreamContext(run: run, now: now, draw: draw, distance: distance)
    }

    mutating func decide(_ evidence: Evidence, gate: Gate, at now: Instant) -> Verdict {
        if gate.beginsScene {
            watch(min(evidence.nearest?.distance ?? 1, 1), .novelty)
            if let answer = evidence.answer, answer.measuresUncertainty {
                watch(answer.utility.value, .uncertainty)
            }
        }
        var choice = Choice(
            utility: evidence.answer?.utility ?? Utility(0), reason: .audit, inclusionProbability: 1,
            distance: evidence.nearest?.distance, uncertaintyWeight: uncertaintyWeight)
        if let probability = gate.auditProbability {
            choice.inclusionProbability = probability
            choice.duplicateOf = gate.duplicateOf
            budget.spent(at: now)
            auditPace.taken()
            remember(evidence, at: now)
            return .keep(choice)
        }
        guard let answer = evidence.answer else { return .reject(reason: .noStrategyApplies, utility: nil) }
        if let nearest = evidence.nearest, let limit = settings.embeddingDistanceMax, nearest.distance <= limit {
            return .reject(reason: .duplicate, utility: answer.utility, duplicateOf: nearest.sample)
        }
        let topClass = evidence.frame.topClass
        guard limits.allow(topClass, at: now) else { return .reject(reason: .limited, utility: answer.utility) }
        let (value, isCoverage) = value(of: answer, evidence.frame)
        guard budget.admits(value, at: now) else { return .reject(reason: .belowBudget, utility: answer.utility) }
        choice.reason = .strategy(isCoverage ? Exploration.reasonName : answer.name)
        limits.record(topClass, at: now)
        remember(evidence, at: now)
        return .keep(choice)
    }

    /// What a frame is worth to the budget.
    private mutating func value(
        of answer: Combination.Answer, _ frame: ScoredFrame
    ) -> (Utility, isCoverage: Bool) {
        // What was asked for by a rule of its own is as good with a poor model as with a good one.
        guard answer.measuresUncertainty, settings.fixedWeight != 1 else { return (answer.utility, false) }
        return exploration.value(
            of: answer.utility, weight: uncertaintyWeight,
            draw: draw.uniform(.coverage, run: run, sequence: frame.sequence))
    }

    private mutating func nearest(
        to candidate: Candidate, at now: Instant
    ) -> (sample: LocalSampleID, distance: Double)? {
        guard let embedding = candidate.embedding else { return nil }
        let sequence = candidate.sequence
        scale.observe(
            embedding, choice: draw.uniform(.scale, run: run, sequence: sequence),
            turn: draw.uniform(.scale, run: run, sequence: sequence, salt: 1))
        guard let unit = scale.value, let match = bank.nearest(to: embedding, at: now) else { return nil }
        return (match.sample, Double(match.distance / unit))
    }

    private mutating func remember(_ evidence: Evidence, at now: Instant) {
        let sample = LocalSampleID(runCounter: run.counter, sequence: evidence.frame.sequence)
        memory.remember(HashMemory.Entry(hash: evidence.hash, sample: sample))
        if let embedding = evidence.embedding { bank.add(embedding, of: sample, at: now) }
    }

    // MARK: What changes from outside

    /// Told when predictions come from another model. Kept frames stay remembered by their looks; what the old model
    /// made of them says nothing any more.
    ///
    /// - Parameter sharesEmbeddings: Both see a frame in the same way and judge it in another: what is remembered of
    ///   kept frames holds.
    public mutating func modelChanged(sharesEmbeddings: Bool = false) {
        budget.modelChanged()
        exploration.modelChanged()
        if !sharesEmbeddings {
            bank.modelChanged()
            scale = DistanceScale()
        }
        drift.modelChanged()
    }

    /// Told what audit labels say of the model that predicts.
    public mutating func learned(_ competence: Competence) { self.competence = competence }

    /// Told how the model that predicts now sees a frame that was kept earlier.
    public mutating func embedded(_ sample: LocalSampleID, _ embedding: Embedding, at now: Instant) {
        bank.add(embedding, of: sample, at: now)
    }

    /// Told of samples that will never be labeled: their like may be kept again.
    public mutating func released(_ samples: Set<LocalSampleID>) {
        memory.forget(samples)
        bank.remove(samples)
    }

    /// What must survive a restart beside hashes and embeddings, which the store has.
    public var state: JSONValue {
        var state = [
            "budget": budget.state, "exploration": exploration.state, "drift": drift.state,
            "audit_pace": auditPace.state,
        ]
        if !limits.isEmpty { state["limits"] = limits.state }
        return .object(state)
    }

    /// Goes on from a ``state``; one that it does not understand is ignored.
    public mutating func restore(_ state: JSONValue) {
        guard case .object(let values) = state else { return }
        exploration.restore(values["exploration"])
        limits.restore(values["limits"])
        drift.restore(values["drift"])
        auditPace.restore(values["audit_pace"])
        if let budget = values["budget"] { self.budget.restore(budget) }
    }
}
