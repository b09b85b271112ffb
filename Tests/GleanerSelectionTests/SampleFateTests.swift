import GleanerCore
import GleanerSelection
import Testing

@Suite("Eviction and split")
struct SampleFateTests {
    @Test func auditSamplesGoByChanceAlone() {
        let draw = SeededDraw(seed: 1)
        for sequence in 1...50 as ClosedRange<UInt64> {
            let keys = [0, 0.5, 1].map {
                EvictionKey(utility: Utility($0), isAudit: true, run: .test, sequence: sequence, draw: draw).value
            }
            #expect(Set(keys).count == 1)
        }
    }

    @Test func aValuableSampleHasASmallKey() {
        let draw = SeededDraw(seed: 5)
        for sequence in 1...100 as ClosedRange<UInt64> {
            let low = EvictionKey(utility: Utility(0), run: .test, sequence: sequence, draw: draw)
            let high = EvictionKey(utility: Utility(0.95), run: .test, sequence: sequence, draw: draw)
            // One number for life: the weights are 0.05 and 1.
            #expect((low.value - 20 * high.value).magnitude < 1e-9)
            #expect(high < low)
        }
    }

    @Test func keysKeepTheValuableButNotOnly() {
        let samples = (1...4000).map { sequence in
            let utility = noise(sequence)
            return (
                utility,
                EvictionKey(
                    utility: Utility(utility), run: .test, sequence: UInt64(sequence), draw: SeededDraw(seed: 5))
            )
        }
        let kept = samples.sorted { $0.1 < $1.1 }.prefix(400).map(\.0)
        let mean = kept.reduce(0, +) / 400
        #expect((0.6...0.72).contains(mean))
        #expect(kept.contains { $0 < 0.3 })
    }

    @Test func aSplitIsStableAndHasItsShares() {
        let ids = (1...10_000).map { SampleID(device: DeviceID(rawValue: 8), run: .test, sequence: $0) }
        let splits = ids.map { SplitRule.split(of: $0, isAudit: false) }
        #expect((930...1070).contains(splits.count { $0 == .val }))
        #expect(splits.count { $0 == .train } + splits.count { $0 == .val } == 10_000)
        #expect(ids.allSatisfy { SplitRule.split(of: $0, isAudit: true) == .test })
        #expect(ids.allSatisfy { SplitRule.split(of: $0, isAudit: false, validationShare: 0) == .train })
        #expect(ids.allSatisfy { SplitRule.split(of: $0, isAudit: false, validationShare: 1) == .val })
    }

    /// These never change, in no release: a sample that moved from `val` to `train` would spoil a measurement.
    @Test func aSplitIsForGood() {
        let splits = (1...30).map {
            SplitRule.split(
                of: SampleID(device: DeviceID(rawValue: 8), run: .test, sequence: $0), isAudit: false,
                validationShare: 0.3)
        }
        #expect(
            splits.enumerated().filter { $0.element == .val }.map { $0.offset + 1 } == [
                1, 2, 9, 11, 12, 14, 15, 18, 19, 21, 22, 23,
            ])
    }
}
