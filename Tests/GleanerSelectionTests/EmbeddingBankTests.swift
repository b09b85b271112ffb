import Foundation
import GleanerCore
import Testing

@testable import GleanerSelection

@Suite("Embedding bank")
struct EmbeddingBankTests {
    private let start = Instant(seconds: 0)

    private func sample(_ sequence: UInt64) -> LocalSampleID { LocalSampleID(runCounter: 1, sequence: sequence) }

    private func nearest(
        _ bank: inout EmbeddingBank, to degrees: Double, at now: Instant = Instant(seconds: 0)
    ) throws -> EmbeddingBank.Match {
        let match = bank.nearest(to: try Self.direction(degrees), at: now)
        return try #require(match)
    }

    /// A direction at an angle in degrees, with eight silent features so that vector code has something to do.
    static func direction(_ degrees: Double) throws -> Embedding {
        let angle = degrees * .pi / 180
        return try #require(Embedding([Float(cos(angle)), Float(sin(angle))] + [Float](repeating: 0, count: 8)))
    }

    @Test func theNearestIsNamedWithItsDistance() throws {
        var bank = EmbeddingBank()
        for (sequence, degrees) in [0.0, 40, 90].enumerated() {
            bank.add(try Self.direction(degrees), of: sample(UInt64(sequence)), at: start)
        }
        let match = try nearest(&bank, to: 50)
        #expect(match.sample == sample(1))
        // 2 − 2 cos 10°, rounded to 8 bits.
        #expect(abs(match.distance - 0.0304) < 0.003)
    }

    @Test func anEmptyBankAndAnotherKindOfEmbeddingMatchNothing() throws {
        var bank = EmbeddingBank()
        let inEmpty = bank.nearest(to: try Self.direction(0), at: start)
        bank.add(try Self.direction(0), of: sample(1), at: start)
        let ofAnotherKind = bank.nearest(to: try #require(Embedding([1, 0])), at: start)
        #expect(inEmpty == nil && ofAnotherKind == nil)
        // Those of another kind begin a new bank.
        bank.add(try #require(Embedding([1, 0])), of: sample(2), at: start)
        #expect(bank.count == 1)
    }

    @Test func theOldestIsForgottenFirst() throws {
        var bank = EmbeddingBank(capacity: 3)
        for step in 0..<5 { bank.add(try Self.direction(20 * Double(step)), of: sample(UInt64(step)), at: start) }
        #expect(bank.count == 3)
        let oldest = try nearest(&bank, to: 0)
        #expect(oldest.sample == sample(2))
    }

    @Test func whatIsReleasedIsGoneAndTheOrderStays() throws {
        var bank = EmbeddingBank(capacity: 3)
        for step in 0..<4 { bank.add(try Self.direction(20 * Double(step)), of: sample(UInt64(step)), at: start) }
        bank.remove([sample(2)])
        #expect(bank.count == 2)
        let next = try nearest(&bank, to: 41)
        #expect(next.sample != sample(2))
        for step in 4..<6 { bank.add(try Self.direction(20 * Double(step)), of: sample(UInt64(step)), at: start) }
        // 1 was the oldest and made room; 3 is still there.
        let left = try nearest(&bank, to: 20)
        #expect(left.sample == sample(3))
    }

    @Test func theHoldOfAnEntryFadesByHalfInThirtyDays() throws {
        var bank = EmbeddingBank()
        bank.add(try Self.direction(0), of: sample(1), at: start)
        let fresh = try nearest(&bank, to: 20).distance
        let later = Instant(seconds: EmbeddingBank.halfLifeSeconds)
        let old = try nearest(&bank, to: 20, at: later).distance
        #expect(abs(old / fresh - 2) < 0.01)
    }

    @Test func theHoldGoesOnFadingWhenAnotherModelEmbedsTheFrame() throws {
        var bank = EmbeddingBank()
        bank.add(try Self.direction(0), of: sample(1), at: start)
        bank.modelChanged()
        #expect(bank.count == 0)
        let later = Instant(seconds: EmbeddingBank.halfLifeSeconds)
        bank.add(try Self.direction(40), of: sample(1), at: later)
        bank.add(try Self.direction(300), of: sample(2), at: later)
        let old = try nearest(&bank, to: 60, at: later)
        let new = try nearest(&bank, to: 320, at: later)
        #expect(old.sample == sample(1) && new.sample == sample(2))
        #expect(abs(old.distance / new.distance - 2) < 0.01)
    }

    @Test func theScaleIsTheMedianDistanceOfStrangers() throws {
        var scale = DistanceScale()
        #expect(scale.value == nil)
        // Half of the frames look east, half north: of two strangers half are the same (0) and half are 2 apart; a
        // bit more of north makes the median 2.
        for step in 0..<2000 {
            let degrees = noise(step) < 0.5 ? 0.0 : 90
            scale.observe(
                try Self.direction(degrees), choice: noise(step, salt: 1), turn: noise(step, salt: 2))
        }
        let value = try #require(scale.value)
        #expect(value == 2 || value < 1e-3)
        var spread = DistanceScale()
        for step in 0..<2000 {
            spread.observe(
                try Self.direction(360 * noise(step)), choice: noise(step, salt: 1), turn: noise(step, salt: 2))
        }
        // Of angles spread evenly the median is a right one.
        #expect(abs(try #require(spread.value) - 2) < 0.25)
    }

    @Test func onlySelectorsWithAScaleCallFramesTheLike() throws {
        var selector = Selector(
            settings: SelectorSettings(
                strategies: Combination([("margin", Margin())]), budget: QuantileBudget(share: 1), auditShare: 0,
                hashDistanceMax: nil, fixedWeight: 1),
            draw: SeededDraw(seed: 1), run: .test)
        var duplicates = 0
        for sequence in 1...400 {
            // Ten directions, again and again.
            var candidate = Candidate.classified([0.5, 0.5], sequence: UInt64(sequence))
            candidate.embedding = try Self.direction(36 * Double(sequence % 10))
            let now = Instant(seconds: Double(sequence))
            let gate = selector.gate(sequence: candidate.sequence, hash: candidate.hash, at: now)
            if case .reject(.duplicate, _, .some) = selector.decide(candidate, gate: gate, at: now) { duplicates += 1 }
        }
        // The first ones tell how far strangers are; all others show what was kept.
        #expect((380...390).contains(duplicates), "\(duplicates)")
    }
}
