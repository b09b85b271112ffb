import Testing

@testable import GleanerRuntime

@Suite struct LoopPaceTests {
    @Test func withoutLimitsNothingWaits() {
        var pace = LoopPace()
        for second in [0.0, 0, 5] { #expect(pace.secondsToWait(at: second, workSeconds: 0.3) == 0) }
        #expect(!pace.rests)
    }

    @Test func framesComeAtMostSoOften() {
        var pace = LoopPace(rateMax: 4)
        #expect(pace.secondsToWait(at: 10, workSeconds: 0) == 0)
        #expect(pace.secondsToWait(at: 10.125, workSeconds: 0.125) == 0.125)
        #expect(pace.secondsToWait(at: 10.25, workSeconds: 0) == 0.25)
        // What was missed is not made up for.
        #expect(pace.secondsToWait(at: 20, workSeconds: 0) == 0)
        #expect(pace.secondsToWait(at: 20, workSeconds: 0) == 0.25)
    }

    @Test func afterWorkComesRest() {
        var pace = LoopPace(dutyCycle: 0.25)
        #expect(pace.rests)
        #expect(pace.secondsToWait(at: 0, workSeconds: 0) == 0)
        #expect(pace.secondsToWait(at: 0.5, workSeconds: 0.5) == 1.5)
    }

    @Test func theLongerWaitHolds() {
        var pace = LoopPace(rateMax: 1, dutyCycle: 0.5)
        #expect(pace.secondsToWait(at: 0, workSeconds: 0) == 0)
        #expect(pace.secondsToWait(at: 0.25, workSeconds: 0.25) == 0.75)
        #expect(pace.secondsToWait(at: 4, workSeconds: 3) == 3)
    }
}
