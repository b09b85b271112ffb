import GleanerCore
import Testing

@testable import GleanerSelection

/// Recorded runs, decided about again.
@Suite("Replay")
struct ReplayTests {
    @Test(arguments: [
        FrameScores.classification(topClass: 65_000, top: 0.5, second: 0.25, entropy: 1),
        .detection(topClass: nil, uncertain: 0, leastCertain: 0, residue: 0.375),
        .detection(topClass: 3, uncertain: 0.5, leastCertain: 1, residue: 0),
        .meaningless(.classification), .meaningless(.detection),
    ])
    func aRecordComesBackAsItWas(_ scores: FrameScores) {
        var record = DecisionRecord(course: .judged, instant: Instant(seconds: 1.0 / 3))
        record.outcome = .coverage
        record.hash = PerceptualHash(bits: 0x8000_0000_0000_0001)
        record.earlierHashDistance = 64
        record.scores = scores
        for like in [nil, .init(sequence: 7, distance: 0.1), .init(sequence: nil, distance: nil)]
            as [DecisionRecord.Like?]
        {
            record.like = like
            record.answer = like == nil ? nil : .init(strategy: 2, utility: 0.7)
            let bytes = record.encoded
            #expect(bytes.count == DecisionRecord.byteCount)
            #expect(DecisionRecord(encoded: bytes[...]) == record)
        }
    }

    @Test func bytesThatAreNoRecordGiveNone() {
        let bytes = DecisionRecord(course: .unread, instant: Instant(seconds: 0)).encoded
        #expect(DecisionRecord(encoded: bytes.dropLast()) == nil)
        #expect(DecisionRecord(encoded: ([0x7f] + bytes.dropFirst())[...]) == nil)
        #expect(DecisionRecord(encoded: ([bytes[0], 99] + bytes.dropFirst(2))[...]) == nil)
    }

    /// A stream of scenes: several frames in a row look alike, and some scenes come back.
    private static func stream(_ count: Int) -> [Candidate] {
        (1...count).map { place in
            let scene = Int(noise(place / 5, salt: 1) * 400)
            let top = 0.34 + 0.66 * noise(place, salt: 2)
            let rest = 1 - top
            let second = rest * (0.5 + noise(place, salt: 3) / 2)
            var candidate = Candidate.classified(
                [Float(top), Float(second), Float(rest - second)], sequence: UInt64(place),
                hash: scattered(scene) ^ (noise(place, salt: 4) < 0.3 ? 1 << 40 : 0))
            candidate.embedding = Embedding(
                (0..<8).map { Float(noise(scene, salt: 10 + UInt64($0)) + 0.05 * noise(place, salt: 5)) })
            return candidate
        }
    }

    private static func settings(
        _ strategies: [Combination.Part] = [("margin", Margin())], share: Double = 0.05,
        embeddingDistanceMax: Double? = 0.12
    ) -> SelectorSettings {
        var budget = QuantileBudget(share: share)
        budget.keepFactor = 3
        return SelectorSettings(
            strategies: Combination(strategies), budget: budget,
            limits: RateLimits(limits: [.init(count: 30, seconds: 100)]), embeddingDistanceMax: embeddingDistanceMax)
    }

    /// Plays a stream as the collector does: with samples of earlier runs, a competence that changes and a new model.
    private static func play(
        _ frames: [Candidate], _ settings: SelectorSettings
    ) -> (state: JSONValue, verdicts: [Verdict], records: [DecisionRecord]) {
        var memory = HashMemory()
        for scene in 0..<20 {
            memory.remember(
                .init(hash: .init(bits: scattered(scene)), sample: .init(runCounter: 2, sequence: UInt64(scene + 1))))
        }
        var selector = Selector(settings: settings, draw: SeededDraw(seed: 5), run: .test, memory: memory)
        let state = selector.state
        var verdicts: [Verdict] = []
        var records: [DecisionRecord] = []
        for frame in frames {
            if frame.sequence == changeAt {
                selector.modelChanged()
                selector.learned(competence)
                selector.released(released)
            }
            let now = Instant(seconds: Double(frame.sequence) * 0.1)
            let gate = selector.gate(sequence: frame.sequence, hash: frame.hash, at: now)
            // A failing model, now and then.
            guard gate.stops || !frame.sequence.isMultiple(of: 101) else {
                records.append(selector.record(of: frame.hash, gate: gate, at: now))
                continue
            }
            let (verdict, record) = selector.decision(about: frame, gate: gate, at: now)
            verdicts.append(verdict)
            records.append(record)
        }
        return (state, verdicts, records)
    }

    private static let changeAt: UInt64 = 2000
    private static let competence = Competence(hits: 3, of: 20)
    private static let released: Set<LocalSampleID> = [.init(runCounter: 2, sequence: 3)]

    private static func replay(
        _ played: (state: JSONValue, verdicts: [Verdict], records: [DecisionRecord]), _ recorded: SelectorSettings,
        policy: SelectorSettings? = nil
    ) throws -> (outcomes: [DecisionRecord.Outcome], guessCount: Int) {
        var replay = Replay(
            recorded: recorded, policy: policy, asksAnew: policy != nil, seed: 5, run: .test, state: played.state)
        replay.labels = ["class 0", "class 1", "class 2"]
        var outcomes: [DecisionRecord.Outcome] = []
        for (index, record) in played.records.enumerated() {
            let sequence = UInt64(index + 1)
            if sequence == changeAt {
                replay.modelChanged(to: replay.labels)
                replay.learned(competence)
                replay.released(released)
            }
            let read = try #require(DecisionRecord(encoded: record.encoded[...]))
            outcomes.append(replay.decide(read, sequence: sequence).map { .init($0) } ?? .none)
        }
        return (outcomes, replay.guessCount)
    }

    @Test func theSamePolicyDecidesTheSame() throws {
        let settings = Self.settings()
        let played = Self.play(Self.stream(4000), settings)
        let again = try Self.replay(played, settings)
        #expect(again.outcomes == played.records.map(\.outcome))
        #expect(again.guessCount == 0)
        // The stream has everything that can happen.
        let kinds = Set(again.outcomes)
        #expect(kinds == [.none, .audit, .chosen, .coverage, .duplicate, .belowBudget, .limited])
    }

    @Test func anotherPolicyDecidesAsItWouldHaveLive() throws {
        // Without look-alikes there is nothing to guess.
        var recorded = Self.settings(embeddingDistanceMax: nil)
        recorded.hashDistanceMax = nil
        var other = Self.settings([("entropy", Entropy()), ("rare-class", RareClass())], share: 0.02)
        other.hashDistanceMax = nil
        other.embeddingDistanceMax = nil
        other.limits = RateLimits()
        other.auditShare = 0.1
        let frames = Self.stream(4000)
        let replayed = try Self.replay(Self.play(frames, recorded), recorded, policy: other)
        let live = Self.play(frames, other).records.map(\.outcome)
        #expect(replayed.outcomes == live)
        #expect(replayed.guessCount == 0)
    }

    @Test func whatAnotherPolicyMakesOfLookAlikesIsGuessedAndSaid() throws {
        let recorded = Self.settings()
        let other = Self.settings([("least-confidence", LeastConfidence())], share: 0.08)
        let frames = Self.stream(4000)
        let replayed = try Self.replay(Self.play(frames, recorded), recorded, policy: other)
        let live = Self.play(frames, other).records.map(\.outcome)
        let (guessed, true_) = (replayed.outcomes.count(where: \.isKept), live.count(where: \.isKept))
        #expect(replayed.guessCount > 0)
        #expect(abs(guessed - true_) * 20 <= true_, "kept \(guessed) instead of \(true_)")
    }

    @Test func strategiesThatNeedEveryBoxCannotBeAskedAgain() {
        let strategies = Combination([("margin", Margin()), ("missed-objects", MissedObjects())])
        #expect(strategies.unanswerable(.classification).isEmpty)
        #expect(strategies.unanswerable(.detection) == ["missed-objects"])
    }
}
