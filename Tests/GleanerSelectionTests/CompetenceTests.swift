import GleanerCore
import Testing

@testable import GleanerSelection

@Suite("Competence and exploration")
struct CompetenceTests {
    @Test func nothingKnownCountsAsPoor() {
        #expect(Competence().weight == 0)
        #expect(Competence(hits: 3, of: 3).weight < 0.11)
    }

    /// Worked out by hand: (hits + 1) / (count + 2), 1.645 standard deviations lower, from 0.5 to 0.8.
    @Test(arguments: [(46.0, 100.0, 0.0), (65, 100, 0.233), (84, 100, 0.909), (95, 100, 1)])
    func theWeightFollowsTheMeasuredAccuracy(hits: Double, count: Double, weight: Double) {
        #expect(abs(Competence(hits: hits, of: count).weight - weight) < 0.01)
    }

    @Test func theVersionBeforeCountsLikeAFewLabels() {
        let previous = Competence(hits: 90, of: 100)
        let fresh = Competence(previous: previous)
        #expect(fresh.labelCount == 2 + Competence.priorLabelCountMax)
        #expect(fresh.weight > 0.7)
        // Labels of its own soon outweigh it.
        #expect(Competence(hits: 20, of: 60, previous: previous).weight == 0)
    }

    @Test func aGoodModelsUncertaintyDecidesAlone() {
        var exploration = Exploration()
        for step in 0..<200 { _ = exploration.value(of: Utility(noise(step)), weight: 1, distance: 1, draw: 0) }
        let high = exploration.value(of: Utility(0.9), weight: 1, distance: 0.13, draw: 0)
        let low = exploration.value(of: Utility(0.2), weight: 1, distance: 5, draw: 0.99)
        #expect(abs(high.value.value - 0.9) < 0.1 && abs(low.value.value - 0.2) < 0.1)
        #expect(!high.isCoverage && !low.isCoverage)
    }

    @Test func aPoorModelsUncertaintyCountsNothing() {
        var exploration = Exploration()
        let unsure = exploration.value(of: Utility(1), weight: 0, distance: nil, draw: 0.3)
        let sure = exploration.value(of: Utility(0), weight: 0, distance: nil, draw: 0.3)
        #expect(unsure.value == sure.value && unsure.isCoverage)
    }

    @Test func ofFramesThatArePartlyCoveredFewerAreKept() {
        var exploration = Exploration()
        func kept(_ distance: Double) -> Int {
            (0..<2000).count {
                exploration.value(of: Utility(0.5), weight: 0, distance: distance, draw: noise($0)).value.value > 0.9
            }
        }
        let new = kept(2)
        let half = kept(0.25)
        // Above 0.9 lies a draw of more than 0.9, or its square: of half the frames that are 0.25 away about 5 %.
        #expect(abs(Double(new) / 2000 - 0.1) < 0.02)
        #expect(abs(Double(half) / 2000 - (1 - 0.9.squareRoot())) < 0.02)
    }

    @Test func aRuleOfItsOwnIsNotWeighedAgainstCoverage() {
        var selector = Selector(
            settings: SelectorSettings(
                strategies: [("close-to-threshold", CloseToThreshold(threshold: 0.5, epsilon: 0.1))],
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
        let numbers = [0, 0b1, 0b111, .max, .max - 1, 0].map { scenes.next(PerceptualHash(bits: $0)) }
        #expect(numbers == [1, 1, 1, 2, 2, 3])
    }
}
