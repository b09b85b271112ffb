import Testing

@testable import GleanerRuntime

@Suite struct LatencyHistogramTests {
    @Test func percentilesAreAStepTooLargeAtMost() throws {
        var histogram = LatencyHistogram()
        for milliseconds in 1...1000 { histogram.add(Double(milliseconds) / 1000) }
        for (share, truth) in [(0.5, 0.5), (0.95, 0.95), (0.99, 0.99), (1, 1)] {
            let found = try #require(histogram.percentile(share))
            #expect(truth <= found && found <= truth * 1.022, "\(share): \(found)")
        }
        #expect(histogram.count == 1000 && histogram.maxSeconds == 1)
        #expect(abs(histogram.sumSeconds - 500.5) < 1e-6)
    }

    @Test func ofOneTimeEveryPercentileIsThatTime() {
        var histogram = LatencyHistogram()
        histogram.add(0.003)
        for share in [0, 0.5, 1] { #expect(histogram.percentile(share) == 0.003) }
    }

    @Test func nothingHasNoPercentile() {
        #expect(LatencyHistogram().percentile(0.5) == nil)
    }

    @Test func whatIsTooShortOrTooLongCounts() {
        var histogram = LatencyHistogram()
        for seconds in [0, -1, 1e-9, 1e6] { histogram.add(seconds) }
        #expect(histogram.count == 4)
        #expect(histogram.percentile(1) == 1e6)
    }

    @Test func doublingsCountAllThatTookLess() {
        var histogram = LatencyHistogram()
        for seconds in [1.5e-6, 3e-6, 3.5e-6, 9e-6] { histogram.add(seconds) }
        // 2, 4, 8 and 16 microseconds.
        #expect(histogram.cumulative(doublings: 1...4).map(\.count) == [1, 3, 3, 4])
    }
}
