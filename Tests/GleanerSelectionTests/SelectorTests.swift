import GleanerCore
import GleanerSelection
import Testing

@Suite("Selector")
struct SelectorTests {
    @Test func aDuplicateOfAKeptFrameStopsBeforeInference() {
        var selector = makeSelector(share: 1, auditShare: 0)
        let first = selector.play(frame(1, hash: 0xff))
        let gate = selector.gate(sequence: 2, hash: PerceptualHash(bits: 0xfe), at: Instant(seconds: 2))
        let later = [frame(3, hash: 0xfe), frame(4, hash: 0xffff_ffff)].map { selector.play($0) }
        #expect(first.keeps)
        let original = LocalSampleID(runCounter: 3, sequence: 1)
        #expect(gate.stops && gate.duplicateOf == original)
        #expect(later[0] == .reject(reason: .duplicate, utility: nil, duplicateOf: original))
        #expect(later[1].keeps)
    }

    @Test func aFrameThatWasNotKeptSuppressesNothing() {
        var selector = makeSelector(share: 0.000_1, auditShare: 0)
        let verdicts = [frame(1, hash: 7), frame(2, hash: 7)].map { selector.play($0) }
        let rejected = Verdict.reject(reason: .belowBudget, utility: Utility(1))
        #expect(verdicts == [rejected, rejected])
    }

    @Test func withoutADistanceNothingIsADuplicate() {
        var selector = makeSelector(share: 1, auditShare: 0, hashDistanceMax: nil)
        let verdicts = [frame(1, hash: 7), frame(2, hash: 7)].map { selector.play($0) }
        #expect(verdicts.allSatisfy { $0.keeps })
    }

    @Test func aFrameThatNoStrategyAppliesToIsRejectedAsSuch() {
        var selector = makeSelector(share: 1, auditShare: 0)
        let verdict = selector.play(.classified([1]))
        #expect(verdict == .reject(reason: .noStrategyApplies, utility: nil))
    }

    @Test func theStrategyThatGaveTheUtilityIsTheReason() {
        var selector = makeSelector(share: 1, auditShare: 0)
        let verdict = selector.play(frame(1, hash: 1))
        guard case .keep(let choice) = verdict else { return #expect(verdict.keeps) }
        #expect(choice.utility == Utility(1) && choice.reason == .strategy("margin"))
        #expect(choice.inclusionProbability == 1 && choice.duplicateOf == nil)
    }

    @Test func anAuditSampleIsKeptWhateverItsUtility() {
        // Everything is an audit sample: a share of 1, all of it for the coin.
        var selector = makeSelector(share: 1, auditShare: 1)
        let frames: [Candidate] = [.classified([1, 0], hash: 5), .classified([1], sequence: 2, hash: 5)]
        let choices = frames.map { selector.play($0) }.compactMap(\.choice)
        #expect(choices.map(\.reason) == [.audit, .audit])
        #expect(choices.map(\.utility) == [Utility(0), Utility(0)])
        #expect(choices.map(\.inclusionProbability) == [1, 1])
        // The second looks like the first: nothing but the coin would have kept it.
        #expect(choices.map(\.duplicateOf) == [nil, LocalSampleID(runCounter: 3, sequence: 1)])
    }

    @Test func anAuditSampleSuppressesItsLike() throws {
        var selector = makeSelector(share: 0.5, auditShare: 1)
        // With seed 1 the coin takes some of the first frames and leaves others, which are then duplicates of it.
        let verdicts = (1...20).map { selector.play(frame($0, hash: 7)) }
        let taken = try #require(verdicts.firstIndex { $0.probability == 0.5 })
        #expect(
            verdicts[taken...].allSatisfy { $0.probability == 0.5 || $0.isDuplicate })
        #expect(verdicts[taken...].contains { $0.isDuplicate })
    }

    @Test func theCoinTossedBeforeDeduplicationTakesDuplicatesToo() {
        var selector = makeSelector(share: 0.1, auditShare: 0.2)
        let verdicts = (1...20_000).map { selector.play(frame($0, hash: 7)) }
        let audits = verdicts.count { $0.probability == 0.1 * 0.2 }
        // 400 expected; the standard deviation is 20.
        #expect((330...470).contains(audits))
        // All look alike: after the first kept frame, whichever that was, only the coin keeps any.
        #expect(verdicts.count { $0.keeps } <= audits + 1)
    }

    @Test func theProbabilityFollowsABudgetInLabelsADay() {
        // One frame a second and 864 labels a day: a share of 0.01, of which the coin has a fifth.
        var selector = makeSelector(budget: QuantileBudget(labelsPerDay: 864), auditShare: 0.2)
        let verdicts = (1...20_000).map { selector.play(frame($0, hash: scattered($0))) }
        let probabilities = Set(verdicts.compactMap(\.probability)).filter { $0 < 1 }
        #expect(probabilities.count >= 1)
        #expect(probabilities.allSatisfy { ($0 - 0.002).magnitude < 1e-9 })
    }

    @Test func auditSamplesComeOffTheBudget() {
        var selector = makeSelector(share: 0.02, auditShare: 0.2)
        let kept = (1...20_000).count { selector.play(frame($0, hash: scattered($0))).keeps }
        #expect((392...408).contains(kept))
    }

    @Test func unfamiliarScenesBringAuditSamplesForward() {
        var selector = makeSelector(share: 0.1, auditShare: 0.2)
        func play(_ range: ClosedRange<Int>, margin: Double) -> [Double] {
            var probabilities: [Double] = []
            for place in range {
                let top = Float(min(max(1 - (margin + 0.2 * noise(place)) / 2, 0.5), 1))
                let candidate = Candidate.classified([top, 1 - top], sequence: UInt64(place), hash: scattered(place))
                let now = Instant(seconds: Double(place))
                let gate = selector.gate(sequence: candidate.sequence, hash: candidate.hash, at: now)
                if let probability = gate.auditProbability { probabilities.append((probability * 1000).rounded()) }
                _ = selector.decide(candidate, gate: gate, at: now)
            }
            return probabilities
        }
        let calm = play(1...1000, margin: 0.1)
        let quiet = selector.takeAlarms()
        let then = play(1001...10_000, margin: 0.6)
        let alarms = selector.takeAlarms()
        #expect(quiet.isEmpty && alarms == ["uncertainty"])
        #expect(Set(calm) == [20])
        // Twice the rate for sixty, then half of it for thirty, then as before.
        let alert = then.drop { $0 == 20 }
        #expect(alert.prefix(60).allSatisfy { $0 == 40 } && alert.dropFirst(60).prefix(30).allSatisfy { $0 == 10 })
        #expect(alert.count > 100 && alert.dropFirst(90).allSatisfy { $0 == 20 })
    }

    @Test func theSameFramesGetTheSameVerdicts() {
        var first = makeSelector(share: 0.05, auditShare: 0.2)
        var second = makeSelector(share: 0.05, auditShare: 0.2)
        var other = makeSelector(share: 0.05, auditShare: 0.2, seed: 2)
        let frames = (1...3000).map { frame($0, hash: scattered($0 / 3)) }
        let verdicts = frames.map { first.play($0) }
        let again = frames.map { second.play($0) }
        let withOtherSeed = frames.map { other.play($0) }
        #expect(again == verdicts)
        #expect(withOtherSeed != verdicts)
    }

    @Test func aRestartInTheMiddleChangesNoVerdict() throws {
        let frames = (1...4000).map { frame($0, hash: scattered($0 / 3)) }
        var uninterrupted = makeSelector(share: 0.05, auditShare: 0.2)
        var memory = HashMemory()
        for candidate in frames.prefix(2000) where uninterrupted.play(candidate).keeps {
            memory.remember(
                .init(hash: candidate.hash, sample: LocalSampleID(runCounter: 3, sequence: candidate.sequence)))
        }
        let state: JSONValue = try CanonicalJSON.decode(
            from: CanonicalJSON.encode(uninterrupted.state), named: "the state")
        var restarted = makeSelector(share: 0.05, auditShare: 0.2, memory: memory)
        restarted.restore(state)
        var forgetful = makeSelector(share: 0.05, auditShare: 0.2)
        let rest = frames.dropFirst(2000)
        let expected = rest.map { uninterrupted.play($0) }
        let afterRestart = rest.map { restarted.play($0) }
        let withoutState = rest.map { forgetful.play($0) }
        #expect(afterRestart == expected)
        #expect(restarted.state == uninterrupted.state)
        // The test could not fail if the state did not matter.
        #expect(withoutState != expected)
    }

    @Test func aForeignStateIsIgnored() {
        var selector = makeSelector(share: 0.05, auditShare: 0.2)
        let fresh = selector.state
        for state in [.null, .string("x"), .object(["budget": .null]), .object([:])] as [JSONValue] {
            selector.restore(state)
            #expect(selector.state == fresh)
        }
    }

    @Test func aNewModelDropsTheRanksAndKeepsTheHashes() {
        var selector = makeSelector(share: 1, auditShare: 0)
        let first = selector.play(frame(1, hash: 0xff))
        let before = selector.state
        selector.modelChanged()
        let second = selector.play(frame(2, hash: 0xff))
        #expect(first.keeps)
        #expect(selector.state != before)
        #expect(second.isDuplicate)
    }

    // MARK: -

    private func makeSelector(
        share: Double, auditShare: Double, hashDistanceMax: Int? = 4, seed: UInt64 = 1,
        memory: HashMemory = HashMemory()
    ) -> Selector {
        makeSelector(
            budget: QuantileBudget(share: share), auditShare: auditShare, hashDistanceMax: hashDistanceMax,
            seed: seed, memory: memory)
    }

    private func makeSelector(
        budget: QuantileBudget, auditShare: Double, hashDistanceMax: Int? = 4, seed: UInt64 = 1,
        memory: HashMemory = HashMemory()
    ) -> Selector {
        Selector(
            settings: SelectorSettings(
                strategies: Combination([("margin", Margin()), ("box-uncertainty", BoxUncertainty())]), budget: budget,
                auditShare: auditShare, hashDistanceMax: hashDistanceMax, fixedWeight: 1),
            draw: SeededDraw(seed: seed), run: .test, memory: memory)
    }

    /// A frame between two classes: the first one is as uncertain as can be.
    private func frame(_ sequence: Int, hash: UInt64) -> Candidate {
        let certainty = sequence == 1 ? 0.5 : 0.5 + Float(noise(sequence)) / 2
        let margin = sequence == 2 && hash == 7 ? 0.5 : certainty
        return .classified([margin, 1 - margin], sequence: UInt64(sequence), hash: hash)
    }
}

extension Selector {
    /// Gate and decision of one frame; frames come once a second.
    fileprivate mutating func play(_ candidate: Candidate) -> Verdict {
        let now = Instant(seconds: Double(candidate.sequence))
        let gate = gate(sequence: candidate.sequence, hash: candidate.hash, at: now)
        return decide(candidate, gate: gate, at: now)
    }
}

extension Verdict {
    fileprivate var keeps: Bool { choice != nil }
    fileprivate var probability: Double? { choice?.inclusionProbability }
    fileprivate var choice: Choice? { if case .keep(let choice) = self { choice } else { nil } }
    fileprivate var isDuplicate: Bool {
        if case .reject(.duplicate, nil, .some) = self { true } else { false }
    }
}
