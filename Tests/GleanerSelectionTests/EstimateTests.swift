import GleanerCore
import Testing

@testable import GleanerSelection

@Suite("Estimates")
struct EstimateTests {
    private typealias Observation = AuditEstimate.Observation

    private func observation(_ hit: Bool, confidence: Double = 0.8, _ scene: Int) -> Observation {
        Observation(hit: hit ? 1 : 0, confidence: confidence, probability: 0.02, isDuplicate: false, scene: scene)
    }

    @Test func belowThirtyEffectiveLabelsThereIsNoNumber() {
        let population = AuditEstimate.Population(freshCount: 1000, freshConfidenceSum: 800, duplicateCount: 0)
        let labels = (0..<29).map { observation($0 < 20, $0) }
        #expect(AuditEstimate(labels, in: population) == nil)
        #expect(AuditEstimate(labels + [observation(true, 30)], in: population) != nil)
        #expect(AuditEstimate((0..<100).map { observation($0 < 50, 1) }, in: population) == nil, "one scene")
        // A hundred labels, most of the weight on one: worth two.
        var uneven = (0..<100).map { observation($0 < 50, $0) }
        uneven[0].probability = 0.000_1
        #expect(AuditEstimate.effectiveCount(uneven) < 2.3)
        #expect(AuditEstimate(uneven, in: population) == nil)
    }

    /// By hand: all frames have confidence 0.7 on average; of the labeled ones it is 0.8 and 30 of 40 are right, so
    /// confidence is 0.05 too high: 0.65.
    @Test func confidenceOfAllFramesCorrectsTheLabeledOnes() throws {
        let population = AuditEstimate.Population(freshCount: 1000, freshConfidenceSum: 700, duplicateCount: 0)
        let estimate = try #require(AuditEstimate((0..<40).map { observation($0 < 30, $0) }, in: population))
        #expect(abs(estimate.accuracy - 0.65) < 1e-9)
        #expect(estimate.labelCount == 40 && estimate.sceneCount == 40 && abs(estimate.effectiveCount - 40) < 1e-9)
        #expect(estimate.interval.contains(0.65) && estimate.interval.upperBound - estimate.interval.lowerBound < 0.35)
    }

    /// By hand: half of the frames look like kept ones, and of those 9 of 10 are right: 0.5 · 0.6 + 0.5 · 0.9.
    @Test func framesThatLookLikeKeptOnesAreAStratum() throws {
        let population = AuditEstimate.Population(freshCount: 500, freshConfidenceSum: 400, duplicateCount: 500)
        let fresh = (0..<30).map { observation($0 < 18, $0) }
        let duplicates = (0..<10).map {
            Observation(hit: $0 < 9 ? 1 : 0, confidence: 0.9, probability: 0.02, isDuplicate: true, scene: 100 + $0)
        }
        let estimate = try #require(AuditEstimate(fresh + duplicates, in: population))
        #expect(abs(estimate.accuracy - 0.75) < 1e-9)
    }

    @Test func labelsOfOneSceneTellLittleMoreThanOne() throws {
        let population = AuditEstimate.Population(freshCount: 1000, freshConfidenceSum: 800, duplicateCount: 0)
        let alone = try #require(AuditEstimate((0..<200).map { observation($0 % 4 > 0, $0) }, in: population))
        let together = try #require(
            AuditEstimate((0..<200).map { observation($0 / 10 % 4 > 0, $0 / 10) }, in: population))
        #expect(alone.accuracy == together.accuracy)
        let ratio =
            (together.interval.upperBound - together.interval.lowerBound)
            / (alone.interval.upperBound - alone.interval.lowerBound)
        #expect(ratio > 2.5)
    }

    @Test func allRightIsNotCertain() throws {
        let population = AuditEstimate.Population(freshCount: 100, freshConfidenceSum: 100, duplicateCount: 0)
        let estimate = try #require(
            AuditEstimate((0..<40).map { observation(true, confidence: 1, $0) }, in: population))
        #expect(estimate.accuracy == 1)
        #expect((0.85...0.95).contains(estimate.interval.lowerBound))
    }

    @Test(arguments: [(1.0, 12.706), (4, 2.776), (5, 2.571), (10, 2.228), (29, 2.045), (1000, 1.962)])
    func studentsQuantiles(degrees: Double, expected: Double) {
        #expect(abs(StudentT.quantile975(degrees: degrees) - expected) < 0.004)
    }

    /// Exact values: with 10 pairs that differ and 1 loss, 2 · (1 + 10) / 1024.
    @Test func onlyPairsThatDifferCount() {
        let both = [(first: true, second: true)], win = [(first: false, second: true)]
        let loss = [(first: true, second: false)]
        func times(_ pair: [(first: Bool, second: Bool)], _ count: Int) -> [(first: Bool, second: Bool)] {
            (0..<count).flatMap { _ in pair }
        }
        let comparison = PairedComparison(times(both, 50) + times(win, 9) + loss)
        #expect(abs(comparison.pValue - 22.0 / 1024) < 1e-9)
        #expect(comparison.pairCount == 60 && comparison.wins == 9 && comparison.losses == 1)
        #expect(abs(comparison.difference - 8.0 / 60) < 1e-12)
        #expect(PairedComparison(times(both, 5)).pValue == 1)
        #expect(PairedComparison([]).difference == 0)
        #expect(PairedComparison(times(win, 3) + times(loss, 3)).pValue == 1)
    }

    /// By hand: 3 of 4 and 1 of 1, thirty times over: 120 of 150.
    @Test func aRatioCountsObjectsAndVariesByScene() throws {
        let observations = (0..<60).map {
            RatioEstimate.Observation(
                part: $0.isMultiple(of: 2) ? 3 : 1, whole: $0.isMultiple(of: 2) ? 4 : 1, probability: 0.1, scene: $0)
        }
        let estimate = try #require(RatioEstimate(observations))
        #expect(abs(estimate.share - 0.8) < 1e-9)
        #expect(estimate.objectCount == 150)
        #expect(estimate.interval.contains(0.8))
        #expect(RatioEstimate(Array(observations.prefix(29))) == nil)
    }
}
