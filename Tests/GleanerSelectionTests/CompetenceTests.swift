import GleanerCore
import Testing

@testable import GleanerSelection

@Suite("Competence and exploration")
struct CompetenceTests {
    @Test func nothingKnownIsTakenToBeEven() {
        #expect(Competence().weight == 1)
        #expect(abs(Competence(hits: 0, of: 2).weight - 0.5) < 1e-12)
    }

    /// Worked out by hand: (hits + 1) / (count + 2), from 0.1 to 0.4.
    @Test(arguments: [(5.0, 100.0, 0), (10, 100, 0.026), (20, 100, 0.353), (30, 100, 0.68), (46, 100, 1)])
    func theWeightFollowsTheMeasuredAccuracy(hits: Double, count: Double, weight: Double) {
        #expect(abs(Competence(hits: hits, of: count).weight - weight) < 0.01)
    }

    @Test func theVersionBeforeCountsLikeAFewLabels() {
        let previous = Competence(hits: 90, of: 100)
        let fresh = Competence(previous: previous)
        #expect(fresh.labelCount == 2 + Competence.priorLabelCountMax)
        #expect(fresh.weight == 1)
        // Labels of its own soon outweigh it.
        #expect(Competence(hits: 3, of: 60, previous: previous).weight < 0.7)
    }

    @Test func aWeightSharesBetweenRankAndChance() {
        var exploration = Exploration()
        for step in 0..<200 { _ = exploration.value(of: Utility(noise(step)), weight: 1, draw: 0) }
        let high = exploration.value(of: Utility(0.9), weight: 0.5, draw: 0.4)
        let low = exploration.value(of: Utility(0.2), weight: 0.5, draw: 0.4)
        // Half the rank and half the draw.
        #expect(abs(high.value.value - 0.65) < 0.05 && abs(low.value.value - 0.3) < 0.05)
        #expect(!high.isCoverage && low.isCoverage)
    }

    @Test func aPoorModelsUncertaintyCountsNothing() {
        var exploration = Exploration()
        let unsure = exploration.value(of: Utility(1), weight: 0, draw: 0.3)
        let sure = exploration.value(of: Utility(0), weight: 0, draw: 0.3)
        #expect(unsure.value == sure.value && unsure.isCoverage)
    }

    @Test func aRuleOfItsOwnIsNotWeighedAgainstCoverage() {
        var selector = Selector(
            settings: SelectorSettings(
                strategies: Combination([("close-to-threshold", CloseToThreshold(threshold: 0.5, epsilon: 0.1))]),
                budget: QuantileBudget(share: 0.5), auditShare: 0, hashDistanceMax: nil),
            draw: SeededDraw(seed: 1), run: .test)
        var reasons: Set<String> = []
        for sequence in 1...500 {
            let top: Float = sequence.isMultiple(of: 3) ? 0.52 : 0.9
            let candidate = Candidate.classified([top, 1 - top], sequence: UInt64(sequence))
            let now = Instant(seconds: Double(sequence))
            let gate = selector.gate(sequence: candidate.sequence, hash: candidate.hash, at: now)
            if case .keep(let choice) = selector.decide(candidate, gate: gate, at: now) {
                reasons.insert(choice.reason.description)
            }
        }
        #expect(reasons == ["close-to-threshold"])
    }

    @Test func scenesAreRunsOfFramesThatLookAlike() {
        var scenes = SceneCounter()
        let numbers = [0, 0b1, 0b111, .max, .max - 1, 0].map { scenes.next(PerceptualHash(bits: $0)).scene }
        #expect(numbers == [1, 1, 1, 2, 2, 3])
    }

    @Test func sourcesThatTakeTurnsHaveScenesOfTheirOwn() {
        var scenes = SceneCounter()
        let frames: [(UInt64, Int)] = [
            (0, 0), (.max, 1), (1, 0), (.max - 1, 1), (.max, 0), (.max, 1), (0, 2), (.max, 0),
        ]
        let found = frames.map { scenes.next(PerceptualHash(bits: $0), of: $1) }
        #expect(found.map(\.scene) == [1, 2, 1, 2, 3, 2, 4, 3])
        #expect(found.map(\.begins) == [true, true, false, false, true, false, true, false])
    }
}
