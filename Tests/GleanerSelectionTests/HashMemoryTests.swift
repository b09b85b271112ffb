import GleanerCore
import GleanerSelection
import Testing

@Suite("Hash memory")
struct HashMemoryTests {
    private func entry(_ bits: UInt64, _ sequence: UInt64) -> HashMemory.Entry {
        HashMemory.Entry(hash: PerceptualHash(bits: bits), runCounter: 3, sequence: sequence)
    }

    @Test func theNearestWithinTheDistanceIsFoundAndNamed() {
        var memory = HashMemory()
        memory.remember(entry(0b1111_0000, 1))
        memory.remember(entry(0b0000_0111, 2))
        #expect(memory.nearest(to: PerceptualHash(bits: 0b0000_0001), distanceMax: 4)?.short == "3-2")
        #expect(memory.nearest(to: PerceptualHash(bits: 0b0000_0001), distanceMax: 2)?.short == "3-2")
        #expect(memory.nearest(to: PerceptualHash(bits: 0b0000_0001), distanceMax: 1) == nil)
        #expect(memory.nearest(to: PerceptualHash(bits: 0b1111_0001), distanceMax: 4)?.short == "3-1")
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
            memory.nearest(to: PerceptualHash(bits: 1 << UInt64($0)), distanceMax: 0)?.sequence
        }
        #expect(found == [nil, nil, 3, 4, 5])
    }
}
