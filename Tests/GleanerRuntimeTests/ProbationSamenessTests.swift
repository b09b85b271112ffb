import Testing

@testable import GleanerRuntime

/// A model that says the same of everything, and scenes that are the same.
@Suite struct ProbationSamenessTests {
    private typealias Answer = Probation.Answer

    /// - Returns: Why it was rejected, and at which frame; `nil` when 400 frames went well.
    private func rejection(
        predecessor: ((Int) -> Answer)?, _ challenger: (Int) -> Answer
    ) -> (reason: String, frame: Int)? {
        var limits = Probation.Limits()
        limits.frameCount = 1000
        var probation = Probation(limits: limits)
        for index in 0..<400 {
            if let predecessor, probation.asksPredecessor { probation.predecessorServed(predecessor(index)) }
            if case .rejected(let reason) = probation.served(challenger(index)) { return (reason, index + 1) }
        }
        return nil
    }

    private func answer(_ topClass: String?, _ confidence: Float) -> Answer {
        Answer(topClass: topClass, confidence: confidence, seconds: 0.01)
    }

    /// Classes in turn, each with its own score.
    private func varied(_ index: Int) -> Answer { answer("\(index / 3 % 5)", 0.5 + Float(index % 7) / 100) }

    // MARK: The same score

    @Test func twentyEqualAnswersToDifferentFramesAreACollapse() {
        let found = rejection(predecessor: varied) { _ in answer("3", 0.25) }
        #expect(found?.frame == 20)
        #expect(found?.reason == "its scores collapsed: it says '3' of 20 frames with the same score")
    }

    @Test func aDetectorThatFindsNothingAnyMoreCollapses() {
        let found = rejection(predecessor: varied) { _ in answer(nil, 0) }
        #expect(found?.frame == 20)
        #expect(found?.reason == "its scores collapsed: it says nothing of 20 frames with the same score")
    }

    @Test func itMayCollapseLater() {
        let found = rejection(predecessor: varied) { $0 < 101 ? varied($0) : answer("3", 0.25) }
        #expect(found?.frame == 121)
    }

    @Test func aScoreThatMovesIsNone() {
        // The same class of nine in ten, which its predecessor says as well.
        let found = rejection(predecessor: { _ in answer("3", 0.9) }) { answer("3", 0.25 + Float($0 % 2) / 1000) }
        #expect(found == nil)
    }

    @Test func aSceneThatDoesNotMoveIsTheSameForBoth() {
        for said in ["3", nil] {
            #expect(rejection(predecessor: { _ in answer(said, 0.9) }) { _ in answer(said, 0.9) } == nil)
        }
        // Not even when they do not agree on it: which one is right is not for us to say.
        #expect(rejection(predecessor: { _ in answer(nil, 0) }) { _ in answer("3", 0.9) } != nil)
    }

    @Test func withoutAPredecessorNothingIsSaid() {
        #expect(rejection(predecessor: nil) { _ in answer("3", 0.25) } == nil)
    }

    /// A camera in the forest: an animal, and then nothing for a long time.
    @Test(arguments: [20, 40, 60, 100, 160]) func whatThePredecessorSaidOfEarlierScenesDoesNotCount(count: Int) {
        for still in [answer(nil, 0), answer("3", 1)] {
            let said = { (index: Int) in index < count ? varied(index) : still }
            #expect(rejection(predecessor: said, said) == nil, "\(still)")
        }
    }

    // MARK: One class

    @Test func oneClassOfFortyFramesIsACollapseWhenThePredecessorSeldomSaysIt() {
        let found = rejection(predecessor: varied) { answer("3", 0.3 + Float($0 % 40) / 100) }
        #expect(found?.frame == 40)
        // It was asked about frames 0, 1, 2, 4, 8, … 36, and says '3' of frame 24 alone: 24 / 3 % 5.
        #expect(found?.reason == "its scores collapsed: it says '3' of 40 frames, its predecessor of 1 of 12")
    }

    /// The predecessor says '3' of so many of each ten frames that it is asked about.
    @Test(arguments: [(0, true), (4, true), (5, false), (6, false), (10, false)])
    func halfOfThePredecessorsAnswersMustAgree(agreeing: Int, isCollapse: Bool) {
        let found = rejection(predecessor: { answer($0 / 4 % 10 < agreeing ? "3" : "5", 0.5) }) {
            answer("3", 0.3 + Float($0 % 40) / 100)
        }
        #expect((found != nil) == isCollapse)
    }

    @Test func anotherClassNowAndThenIsEnough() {
        let found = rejection(predecessor: varied) { answer($0 % 39 == 38 ? "5" : "3", 0.3 + Float($0 % 40) / 100) }
        #expect(found == nil)
    }
}
