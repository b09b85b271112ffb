import GleanerCore
import GleanerSelection
import Testing

@Suite("Hash memory")
struct HashMemoryTests {
    private func entry(_ bits: UInt64, _ sequence: UInt64) -> HashMemory.Entry {
        HashMemory.Entry(
            hash: PerceptualHash(bits: bits), sample: LocalSampleID(runCounter: 3, sequence: sequence))
    }

    private func nearest(_ memory: HashMemory, _ bits: UInt64, distanceMax: Int) -> UInt64? {
        memory.look(at: PerceptualHash(bits: bits)).flatMap {
            $0.distance <= distanceMax ? $0.nearest.sample.sequence : nil
        }
    }

    @Test func theNearestWithinTheDistanceIsFoundAndNamed() {
        var memory = HashMemory()
        memory.remember(entry(0b1111_0000, 1))
        memory.remember(entry(0b0000_0111, 2))
        #expect(nearest(memory, 0b0000_0001, distanceMax: 4) == 2)
        #expect(nearest(memory, 0b0000_0001, distanceMax: 2) == 2)
        #expect(nearest(memory, 0b0000_0001, distanceMax: 1) == nil)
        #expect(nearest(memory, 0b1111_0001, distanceMax: 4) == 1)
        #expect(nearest(memory, .max, distanceMax: 4) == nil)
    }

    @Test func anEmptyMemoryKnowsNothing() {
        #expect(HashMemory().look(at: PerceptualHash(bits: 0)) == nil)
    }

    @Test func theOldestIsForgottenFirst() {
        var memory = HashMemory(capacity: 3)
        for sequence in 1...5 as ClosedRange<UInt64> { memory.remember(entry(1 << sequence, sequence)) }
        #expect(memory.count == 3)
        let found = (1...5).map {
            nearest(memory, 1 << UInt64($0), distanceMax: 0)
        }
        #expect(found == [nil, nil, 3, 4, 5])
    }

    @Test func whatIsReleasedIsForgottenAndTheOrderStays() {
        var memory = HashMemory(capacity: 3)
        for sequence in 1...4 as ClosedRange<UInt64> { memory.remember(entry(1 << sequence, sequence)) }
        memory.forget([LocalSampleID(runCounter: 3, sequence: 3), LocalSampleID(runCounter: 9, sequence: 4)])
        #expect(memory.count == 2)
        #expect(nearest(memory, 1 << 3, distanceMax: 0) == nil)
        // 2 is the oldest that is left, and goes first.
        for sequence in 5...6 as ClosedRange<UInt64> { memory.remember(entry(1 << sequence, sequence)) }
        let found = (2...6).map {
            nearest(memory, 1 << UInt64($0), distanceMax: 0)
        }
        #expect(found == [nil, nil, 4, 5, 6])
    }

    @Test func howFarSamplesOfEarlierRunsAreIsToldApart() {
        var memory = HashMemory(capacity: 3)
        memory.remember(entry(0b0000_0111, 1))
        memory.remember(entry(0b1111_0000, 2))
        memory.beginRun()
        #expect(memory.look(at: PerceptualHash(bits: 0b0000_0001))?.earlierDistance == 2)
        memory.remember(entry(0b0000_0001, 3))
        let look = memory.look(at: PerceptualHash(bits: 0b0000_0001))
        #expect(look?.distance == 0 && look?.nearest.sample.sequence == 3 && look?.earlierDistance == 2)
        // The oldest makes room, then the other one.
        memory.remember(entry(0, 4))
        #expect(memory.look(at: PerceptualHash(bits: 0b0000_0001))?.earlierDistance == 5)
        memory.remember(entry(0, 5))
        #expect(memory.look(at: PerceptualHash(bits: 0b0000_0001))?.earlierDistance == nil)
    }

    @Test func aFullRingThatBeganInTheMiddleKnowsWhatIsEarlier() {
        var memory = HashMemory(capacity: 3)
        for sequence in 1...4 as ClosedRange<UInt64> { memory.remember(entry(1 << sequence, sequence)) }
        memory.beginRun()
        memory.remember(entry(1 << 5, 5))
        // 3 and 4 are left of before.
        let found = [3, 4, 5].map { memory.look(at: PerceptualHash(bits: 1 << $0 as UInt64))?.earlierDistance }
        #expect(found == [0, 0, 2])
    }

    @Test func whatIsReleasedOfEarlierRunsNoLongerCounts() {
        var memory = HashMemory(capacity: 8)
        for sequence in 1...2 as ClosedRange<UInt64> { memory.remember(entry(1 << sequence, sequence)) }
        memory.beginRun()
        memory.remember(entry(1 << 3, 3))
        memory.forget([LocalSampleID(runCounter: 3, sequence: 1)])
        #expect(memory.look(at: PerceptualHash(bits: 1 << 1))?.earlierDistance == 2)
        #expect(memory.look(at: PerceptualHash(bits: 1 << 2))?.earlierDistance == 0)
    }
}
