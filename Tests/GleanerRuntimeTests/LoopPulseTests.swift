import Testing

@testable import GleanerRuntime

@Suite struct LoopPulseTests {
    @Test func whoHasBeenAtOneStepForTheLongestIsNamed() throws {
        let pulse = LoopPulse()
        #expect(pulse.longest == nil)
        pulse.work(.writer)
        pulse.work(.judge)
        #expect(try #require(pulse.longest).part == .writer)
        // The next step begins, and the other one is the older now.
        pulse.work(.writer)
        #expect(try #require(pulse.longest).part == .judge)
        pulse.rest(.judge)
        pulse.rest(.writer)
        #expect(pulse.longest == nil)
    }
}
