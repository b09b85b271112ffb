import GleanerCore
import Testing

@testable import GleanerRuntime

@Suite struct RescoringTests {
    private func sample(_ sequence: UInt64) -> SampleID {
        SampleID(device: DeviceID(rawValue: 1), run: RunID(counter: 1, nonce: 1), sequence: sequence)
    }

    @Test func nothingIsDoneBeforeItBegins() {
        var rescoring = Rescoring(millisecondsPerSecond: 200)
        let step = rescoring.next(at: Instant(seconds: 10), unbounded: true)
        #expect(step == nil && rescoring.isComplete)
    }

    @Test func pagesAreFetchedAndScoredUntilTheLast() {
        var rescoring = Rescoring(millisecondsPerSecond: 0)
        rescoring.begin()
        var steps: [Rescoring.Step?] = [rescoring.next(at: Instant(seconds: 0), unbounded: true)]
        rescoring.fetched([sample(9), sample(8)], next: 8)
        for second in 1...3 { steps.append(rescoring.next(at: Instant(seconds: Double(second)), unbounded: true)) }
        rescoring.fetched([sample(3)], next: nil)
        #expect(!rescoring.isComplete)
        for second in 4...5 { steps.append(rescoring.next(at: Instant(seconds: Double(second)), unbounded: true)) }
        #expect(
            steps == [
                .fetch(below: nil), .score(sample(9)), .score(sample(8)), .fetch(below: 8), .score(sample(3)), nil,
            ])
        #expect(rescoring.isComplete)
    }

    /// Else the judge would wake up fifty times a second for nothing, for weeks.
    @Test func whatIsNeverGrantedIsNotWaitedFor() {
        for (milliseconds, expected) in [(0.0, false), (200, true)] {
            var rescoring = Rescoring(millisecondsPerSecond: milliseconds)
            #expect(!rescoring.isWaiting)
            rescoring.begin()
            #expect(rescoring.isWaiting == expected)
        }
    }

    @Test func beginningAgainStartsWithTheNewest() {
        var rescoring = Rescoring(millisecondsPerSecond: 0)
        rescoring.begin()
        rescoring.fetched([sample(9)], next: 9)
        rescoring.begin()
        let step = rescoring.next(at: Instant(seconds: 0), unbounded: true)
        #expect(step == .fetch(below: nil))
    }

    /// A second grants 200 ms; steps that take 50 ms each and come every 10 ms must not take more.
    @Test func itNeverTakesMoreThanItIsGranted() {
        var rescoring = Rescoring(millisecondsPerSecond: 200)
        rescoring.begin()
        rescoring.fetched((1...10_000).map { sample($0) }, next: nil)
        var spent = 0.0
        for tick in 0..<6000 {
            guard rescoring.next(at: Instant(seconds: Double(tick) / 100)) != nil else { continue }
            rescoring.spent(seconds: 0.05)
            spent += 0.05
        }
        // One step may begin with the last of the credit.
        #expect((11.9...12.05).contains(spent), "\(spent) of 12 s")
    }

    @Test func savingsAreBounded() {
        var rescoring = Rescoring(millisecondsPerSecond: 100)
        rescoring.begin()
        _ = rescoring.next(at: Instant(seconds: 0))
        rescoring.fetched((1...10_000).map { sample($0) }, next: nil)
        // After a night of nothing: two seconds' grants, and no more.
        var spent = 0.0
        while rescoring.next(at: Instant(seconds: 40_000)) != nil {
            rescoring.spent(seconds: 0.01)
            spent += 0.01
        }
        #expect(spent < 0.22)
    }
}
