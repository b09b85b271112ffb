import GleanerCore
import Testing

@testable import GleanerInference

@Suite struct NonMaximumSuppressionTests {
    /// A 10 × 10 box whose left edge is at `x`: two of them `d` apart overlap by (10 − d) / (10 + d).
    private func detection(_ x: Float, _ score: Float, classIndex: Int = 0) -> Detection {
        Detection(box: Box(x: x, y: 0, width: 10, height: 10), classIndex: classIndex, score: score)
    }

    private func best(
        _ candidates: [Detection], scope: NonMaximumSuppression.Scope = .classWise, overlapMax: Float = 0.45,
        countMax: Int = 300
    ) -> [Detection] {
        var left = candidates
        NonMaximumSuppression.suppress(in: &left, scope: scope, overlapMax: overlapMax, countMax: countMax)
        return left
    }

    @Test func theBetterOfTwoThatOverlapStays() {
        // 2 apart: 8/12. 4 apart: 6/14 = 0.43.
        #expect(best([detection(2, 0.5), detection(0, 0.9)]) == [detection(0, 0.9)])
        #expect(best([detection(4, 0.5), detection(0, 0.9)]) == [detection(0, 0.9), detection(4, 0.5)])
    }

    @Test func anOverlapOfExactlyTheLimitIsAllowed() {
        // 5 apart: 5/15, and in floats exactly 50/150.
        #expect(best([detection(0, 0.9), detection(5, 0.5)], overlapMax: 50.0 / 150).count == 2)
    }

    @Test func classesDoNotSuppressEachOther() {
        #expect(best([detection(0, 0.9), detection(0, 0.8, classIndex: 1)]).count == 2)
    }

    @Test func classAgnosticallyTheyDo() {
        let candidates = [detection(0, 0.8, classIndex: 1), detection(0, 0.9)]
        #expect(best(candidates, scope: .classAgnostic) == [detection(0, 0.9)])
    }

    @Test func withoutSuppressionAllStayBestFirst() {
        let candidates = [detection(0, 0.8), detection(0, 0.9), detection(0, 0.7)]
        #expect(best(candidates, scope: .none, countMax: 2).map(\.score) == [0.9, 0.8])
    }

    @Test func aSuppressedBoxSuppressesNothing() {
        // The middle one falls to the first; the third overlaps only the middle one.
        #expect(best([detection(0, 0.9), detection(3, 0.8), detection(6, 0.7)]).map(\.box.x) == [0, 6])
    }

    @Test func equalScoresKeepTheirOrder() {
        #expect(best([detection(40, 0.5), detection(0, 0.5), detection(20, 0.5)]).map(\.box.x) == [40, 0, 20])
        #expect(best([detection(1, 0.5), detection(0, 0.5)]).map(\.box.x) == [1])
    }

    @Test func onlySoManyAreKeptAndTheBestOfThem() {
        let candidates = (0..<10).map { detection(Float($0) * 20, Float($0) / 10) }
        #expect(best(candidates, countMax: 3).map(\.score) == [0.9, 0.8, 0.7])
        #expect(best([]).isEmpty)
    }

    @Test func onlySoManyAreLookedAt() {
        let count = NonMaximumSuppression.candidateCountMax
        let candidates = (0..<count + 5).map { detection(Float($0) * 20, 0.5) }
        #expect(best(candidates, countMax: .max).count == count)
    }

    @Test(arguments: 0..<50)
    func whatIsClaimedDoesNotDependOnWhatWasAlmostSeen(seed: UInt64) {
        var numbers = FixedNumbers(state: seed)
        let candidates = (0..<200).map { _ in
            Detection(
                box: Box(
                    x: .random(in: 0..<40, using: &numbers), y: .random(in: 0..<40, using: &numbers),
                    width: .random(in: 1..<30, using: &numbers), height: .random(in: 1..<30, using: &numbers)),
                classIndex: .random(in: 0..<3, using: &numbers),
                // Few levels, so that scores tie.
                score: Float(Int.random(in: 0...20, using: &numbers)) / 20)
        }
        for scoreMin: Float in [0.3, 0.65, 0.9] {
            for countMax in [5, 300] {
                let claimed = best(candidates, countMax: countMax).filter { $0.score >= scoreMin }
                #expect(claimed == best(candidates.filter { $0.score >= scoreMin }, countMax: countMax))
            }
        }
    }
}

/// Numbers that are the same in every run: Knuth's 64-bit linear congruence.
struct FixedNumbers: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 33)
    }
}
