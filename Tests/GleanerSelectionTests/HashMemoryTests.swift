import GleanerCore
import GleanerSelection
import Testing

@Suite("Hash memory")
struct HashMemoryTests {
    private func entry(_ bits: UInt64, _ sequence: UInt64) -> HashMemory.Entry {
        HashMemory.Entry(
            hash: PerceptualHash(bits: bits), sample: LocalSampleID(runCounter: 3, sequence: sequence))
    }

    @Test func theNearestWithinTheDistanceIsFoundAndNamed() {
        var memory = HashMemory()
        memory.remember(entry(0b1111_0000, 1))
        memory.remember(entry(0b0000_0111, 2))
        #expect(memory.nearest(to: PerceptualHash(bits: 0b0000_0001), distanceMax: 4)?.sample.description == "3-2")
        #expect(memory.nearest(to: PerceptualHash(bits: 0b0000_0001), distanceMax: 2)?.sample.description == "3-2")
        #expect(memory.nearest(to: PerceptualHash(bits: 0b0000_0001), distanceMax: 1) == nil)
        #expect(memory.nearest(to: PerceptualHash(bits: 0b1111_0001), distanceMax: 4)?.sample.description == "3-1")
        #expect(memory.nearest(to: PerceptualHash(bits: .max), distanceMax: 4) == nil)
    }

    @Test func anEmptyMemoryKnowsNothing() {
        #expect(HashMemory().nearest(to: PerceptualHash(bits: 0), distanceMax: 64) == nil)
    }

    @Test func theOldestIsForgottenFirst() {
        var memory = HashMemory(capacity: 3)
        for sequence in 1...5 as ClosedRange<UInt64> { memory.remember(entry(1 << sequence, sequence)) }
        #expect(memory.count == 3)
        let found = (1...5).map {
            memory.nearest(to: PerceptualHash(bits: 1 << UInt64($0)), distanceMax: 0)?.sample.sequence
        }
        #expect(found == [nil, nil, 3, 4, 5])
    }

    @Test func whatIsReleasedIsForgottenAndTheOrderStays() {
        var memory = HashMemory(capacity: 3)
        for sequence in 1...4 as ClosedRange<UInt64> { memory.remember(entry(1 << sequence, sequence)) }
        memory.forget([LocalSampleID(runCounter: 3, sequence: 3), LocalSampleID(runCounter: 9, sequence: 4)])
        #expect(memory.count == 2)
        #expect(memory.nearest(to: PerceptualHash(bits: 1 << 3), distanceMax: 0) == nil)
        // 2 is the oldest that is left, and goes first.
        for sequence in 5...6 as ClosedRange<UInt64> { memory.remember(entry(1 << sequence, sequence)) }
        let found = (2...6).map {
            memory.nearest(to: PerceptualHash(bits: 1 << UInt64($0)), distanceMax: 0)?.sample.sequence
        }
        #expect(found == [nil, nil, 4, 5, 6])
    }
}
