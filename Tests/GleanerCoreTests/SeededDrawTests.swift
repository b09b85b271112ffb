import GleanerCore
import Testing

@Suite("Seeded draws")
struct SeededDrawTests {
    private let run = RunID(counter: 1, nonce: 0x5eed)

    /// Chi-squared of 100 equal bins: mean 99, standard deviation 14.
    private func chiSquared(_ draws: [Double]) -> Double {
        var bins = [Double](repeating: 0, count: 100)
        for draw in draws { bins[Int(draw * 100)] += 1 }
        let expected = Double(draws.count) / 100
        return bins.map { ($0 - expected) * ($0 - expected) / expected }.reduce(0, +)
    }

    private func correlation(_ a: [Double], _ b: [Double]) -> Double {
        let products = zip(a, b).map { ($0 - 0.5) * ($1 - 0.5) }
        return 12 * products.reduce(0, +) / Double(a.count)
    }

    private func draws(
        seed: UInt64 = 1, _ purpose: SeededDraw.Purpose = .audit, run: RunID? = nil, salt: UInt64 = 0,
        from first: UInt64 = 1
    ) -> [Double] {
        (first..<first + 50_000).map {
            SeededDraw(seed: seed).uniform(purpose, run: run ?? self.run, sequence: $0, salt: salt)
        }
    }

    /// A draw must be the same on every device and in every release: a replay depends on it.
    @Test func drawsNeverChange() {
        let draw = SeededDraw(seed: 42)
        #expect(
            draw.uniform(.audit, run: run, sequence: 1) == SeededDraw(seed: 42).uniform(.audit, run: run, sequence: 1))
        let numbers = (1...3).map { draw.uniform(.audit, run: run, sequence: $0) }
        // Computed apart, in Python, by SplitMix64's mixing function.
        #expect(numbers == [0.880984366931132, 0.15779950141514398, 0.5829794954359914])
    }

    @Test("they are uniform, whatever the seed and purpose", arguments: [0, 1, .max] as [UInt64])
    func uniform(seed: UInt64) {
        for purpose in [.audit, .strategy, .eviction, .export] as [SeededDraw.Purpose] {
            let draws = draws(seed: seed, purpose)
            #expect(draws.allSatisfy { (0..<1).contains($0) })
            // Five standard deviations: once in some million tests.
            #expect((29...169).contains(chiSquared(draws)))
            #expect((draws.reduce(0, +) / 50_000 - 0.5).magnitude < 0.0065)
        }
        #expect((29...169).contains(chiSquared(draws(seed: seed, from: .max - 60_000))))
    }

    @Test func neighboursPurposesRunsSeedsAndSaltsAreIndependent() {
        let draws = draws()
        let others = [
            Array(draws.dropFirst()) + [0.5], self.draws(.strategy), self.draws(.eviction),
            self.draws(run: RunID(counter: 1, nonce: 0x5eee)), self.draws(seed: 2), self.draws(salt: 1),
            self.draws(seed: 1 << 63), self.draws(from: 2 + 1 << 32),
        ]
        // One standard deviation of the correlation of independent numbers is 0.0045.
        for other in others { #expect(correlation(draws, other).magnitude < 0.0225) }
    }

    @Test func equalPlacesOfPurposeAndSequenceDoNotCollide() {
        // Swapping what is mixed in, one for the other, must not give the same number.
        let numbers: [Double] = (0..<40).flatMap { sequence in
            (0..<40).map { SeededDraw(seed: 3).uniform(.audit, run: run, sequence: sequence, salt: $0) }
        }
        #expect(Set(numbers).count == 1600)
    }
}
