import Testing

@testable import GleanerRuntime

@Suite struct ProbationTests {
    private func probation(
        _ frameCount: Int = 200, servedCount: Int = 0, latencyBefore: Double? = nil
    ) -> Probation {
        var limits = Probation.Limits()
        limits.frameCount = frameCount
        return Probation(limits: limits, servedCount: servedCount, latencyBefore: latencyBefore)
    }

    private func answer(_ topClass: String?, _ confidence: Float = 0.9, seconds: Double = 0.01) -> Probation.Answer {
        Probation.Answer(topClass: topClass, confidence: confidence, seconds: seconds)
    }

    /// Never twice the same, so that nothing but what a test is about can be wrong.
    private func varied(_ index: Int, seconds: Double = 0.01) -> Probation.Answer {
        answer("\(index % 3)", 0.5 + Float(index % 7) / 100, seconds: seconds)
    }

    /// Frames as the collector has them judged: the predecessor first, where it is asked.
    ///
    /// - Returns: The first outcome, and the number of the frame that it came at.
    private func outcome(
        of probation: inout Probation, _ frameCount: Int, predecessor: ((Int) -> Probation.Answer)? = nil,
        _ challenger: (Int) -> Probation.Answer
    ) -> (outcome: Probation.Outcome, frame: Int)? {
        for index in 0..<frameCount {
            if let predecessor, probation.asksPredecessor { probation.predecessorServed(predecessor(index)) }
            if let outcome = probation.served(challenger(index)) { return (outcome, index + 1) }
        }
        return nil
    }

    private func reason(_ found: (outcome: Probation.Outcome, frame: Int)?) -> String? {
        if case .rejected(let reason)? = found?.outcome { reason } else { nil }
    }

    // MARK: Its length

    @Test(arguments: [1, 2, 40, 200]) func itIsConfirmedAtTheLastFrame(frameCount: Int) {
        var probation = probation(frameCount)
        let found = outcome(of: &probation, 1000, predecessor: { varied($0) }, { varied($0) })
        #expect(found?.outcome == .confirmed && found?.frame == frameCount)
    }

    @Test func framesOfEarlierRunsCount() {
        var probation = probation(200, servedCount: 150)
        let found = outcome(of: &probation, 1000) { varied($0) }
        #expect(found?.outcome == .confirmed && found?.frame == 50)
        #expect(probation.servedCount == 200)
    }

    @Test func thePredecessorIsAskedOftenAtFirst() {
        var probation = probation()
        var asked: [Int] = []
        for index in 0..<24 {
            if probation.asksPredecessor { asked.append(index) }
            _ = probation.served(varied(index))
        }
        #expect(asked == [0, 1, 2, 4, 8, 12, 16, 20])
    }

    // MARK: Failed frames

    @Test func threeFailedFramesAreTooMany() {
        var probation = probation()
        // Any three: those that went well between them do not make up for them.
        for index in 0..<10 { #expect(probation.served(varied(index)) == nil) }
        let first = probation.failed("not a number")
        for index in 0..<50 { #expect(probation.served(varied(index)) == nil) }
        let second = probation.failed("not a number")
        let third = probation.failed("no output")
        #expect(first == nil && second == nil)
        #expect(third == .rejected("3 of its first 63 frames failed: no output"))
    }

    @Test func aFailedFrameIsNoServedOne() {
        var probation = probation(10)
        for _ in 0..<2 { #expect(probation.failed("x") == nil) }
        let found = outcome(of: &probation, 100) { varied($0) }
        #expect(found?.frame == 10 && found?.outcome == .confirmed && probation.failedCount == 2)
    }

    @Test func aloneTheFirstFailedFrameIsOneTooMany() {
        var probation = probation()
        #expect(
            probation.failed("it is out of memory", isAlone: true)
                == .rejected("1 of its first 1 frames failed: it is out of memory"))
    }

    // MARK: Slow

    @Test func fifteenFramesOfWhichMostAreSlowAreTooMany() {
        // 10 ms before, four times as long is allowed: 40 ms.
        var slow = probation(latencyBefore: 0.010)
        let found = outcome(of: &slow, 100) { varied($0, seconds: 0.041) }
        #expect(found?.frame == 15)
        #expect(reason(found) == "it is slow: a frame takes 41.0 ms, 4 times as long as its predecessor")
        var justInTime = probation(latencyBefore: 0.010)
        #expect(outcome(of: &justInTime, 100) { varied($0, seconds: 0.040) } == nil)
        // Seven slow ones of any fifteen are not most of them; eight are.
        var often = probation(latencyBefore: 0.010)
        #expect(outcome(of: &often, 100) { varied($0, seconds: $0 % 15 < 7 ? 0.05 : 0.01) } == nil)
        var mostly = probation(latencyBefore: 0.010)
        let most = outcome(of: &mostly, 100) { varied($0, seconds: $0 % 15 < 8 ? 0.05 : 0.01) }
        #expect(reason(most) == "it is slow: a frame takes 50.0 ms, 5 times as long as its predecessor")
    }

    @Test func threeFramesThatCostASecondAreNotWaitedFor() {
        // 40 ms are allowed: three of 400 ms cost 1.08 s more, three of 370 ms cost 0.99 s more.
        for (seconds, frame) in [(0.400, 5), (0.370, 15)] {
            var probation = probation(latencyBefore: 0.010)
            let found = outcome(of: &probation, 100) { varied($0, seconds: $0 < 2 ? 0.01 : seconds) }
            #expect(found?.frame == frame, "\(seconds) s")
            #expect(reason(found)?.hasPrefix("it is slow: a frame takes \(seconds * 1000) ms") == true)
        }
    }

    @Test func oneHiccupIsTheMachines() {
        for hiccups in [Set([0]), [30], [10, 11], [10, 12, 14]] {
            var probation = probation(latencyBefore: 0.010)
            #expect(outcome(of: &probation, 100) { varied($0, seconds: hiccups.contains($0) ? 2 : 0.01) } == nil)
        }
    }

    @Test func noFrameIsTooSlowThatIsFastAllTheSame() {
        // 1 ms before: 4 ms would be allowed, but up to 20 ms nobody minds.
        for (seconds, isSlow) in [(0.0199, false), (0.0201, true)] {
            var probation = probation(latencyBefore: 0.001)
            #expect((outcome(of: &probation, 100) { varied($0, seconds: seconds) } != nil) == isSlow)
        }
    }

    @Test func thePredecessorOnTheSameFramesCountsMoreThanTheTimeBefore() {
        // The machine has become slow for both.
        var both = probation(latencyBefore: 0.010)
        let same = outcome(of: &both, 100, predecessor: { varied($0, seconds: 0.2) }, { varied($0, seconds: 0.5) })
        #expect(same == nil)
        // It was slow before, and is not any more.
        var one = probation(latencyBefore: 0.2)
        let found = outcome(of: &one, 100, predecessor: { varied($0, seconds: 0.01) }, { varied($0, seconds: 0.1) })
        #expect(found?.frame == 15)
        #expect(reason(found) == "it is slow: a frame takes 100.0 ms, 10 times as long as its predecessor")
    }

    @Test func twoAnswersOfThePredecessorAreTooFewToGoBy() {
        var probation = probation(latencyBefore: 0.2)
        for index in 0..<2 { probation.predecessorServed(varied(index, seconds: 0.001)) }
        #expect(outcome(of: &probation, 100) { varied($0, seconds: 0.5) } == nil)
    }

    @Test func whereNothingIsKnownNothingIsSlow() {
        var probation = probation()
        #expect(outcome(of: &probation, 100) { varied($0, seconds: 3) } == nil)
    }

    // MARK: Memory

    @Test func whatGrowsInTheSecondHalfLeaks() {
        var probation = probation(100)
        let limit = 64 << 20
        // What is needed is taken in the first half.
        for index in 0..<49 {
            _ = probation.served(varied(index))
            #expect(probation.memory(index << 24) == nil)
        }
        _ = probation.served(varied(49))
        for byteCount in [1 << 30, 1 << 30 + limit, 1 << 20, 1 << 30] { #expect(probation.memory(byteCount) == nil) }
        guard case .rejected(let reason) = probation.memory(1 << 30 + limit + 1) else {
            Issue.record("a leak was not seen")
            return
        }
        #expect(reason.hasPrefix("it leaks: 64") && reason.hasSuffix("since half of its probation"))
    }
}
