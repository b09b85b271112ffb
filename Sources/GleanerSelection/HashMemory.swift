public import GleanerCore

/// The perceptual hashes of kept frames, so that their like is not kept again.
///
/// A ring: the newest `capacity` are remembered (65,536 take 1.3 MB). It is not stored: after a restart it is filled
/// again from the samples that are kept or pending, oldest first.
public struct HashMemory: Sendable {
    /// One kept frame.
    public struct Entry: Hashable, Sendable {
        public let hash: PerceptualHash
        public let runCounter: UInt32
        public let sequence: UInt64
        public init(hash: PerceptualHash, runCounter: UInt32, sequence: UInt64) {
            self.hash = hash
            self.runCounter = runCounter
            self.sequence = sequence
        }
        /// The sample as ``SampleID/short`` writes it.
        public var short: String { "\(runCounter)-\(sequence)" }
    }

    public static let standardCapacity = 65_536

    public let capacity: Int
    // Apart, so that a search reads hashes only.
    private var hashes: [UInt64] = []
    private var runCounters: [UInt32] = []
    private var sequences: [UInt64] = []
    /// Where the next one goes once the ring is full: the oldest one's place.
    private var next = 0

    /// - Parameter capacity: At least 1.
    public init(capacity: Int = Self.standardCapacity) {
        precondition(capacity >= 1, "a memory has room for at least one hash")
        self.capacity = capacity
    }

    public var count: Int { hashes.count }

    /// Remembers a kept frame, forgetting the oldest when full.
    public mutating func remember(_ entry: Entry) {
        if hashes.count < capacity {
            hashes.append(entry.hash.bits)
            runCounters.append(entry.runCounter)
            sequences.append(entry.sequence)
        } else {
            hashes[next] = entry.hash.bits
            runCounters[next] = entry.runCounter
            sequences[next] = entry.sequence
            next = (next + 1) % capacity
        }
    }

    /// The most similar kept frame, if at most `distanceMax` bits differ.
    public func nearest(to hash: PerceptualHash, distanceMax: Int) -> Entry? {
        let bits = hash.bits
        // The smallest distance first, without branches or places, so that the loop becomes vector code.
        let smallest = hashes.withUnsafeBufferPointer { hashes in
            var smallest = Int.max
            for other in hashes { smallest = min(smallest, (bits ^ other).nonzeroBitCount) }
            return smallest
        }
        guard smallest <= distanceMax,
            let place = hashes.firstIndex(where: { (bits ^ $0).nonzeroBitCount == smallest })
        else { return nil }
        return Entry(
            hash: PerceptualHash(bits: hashes[place]), runCounter: runCounters[place], sequence: sequences[place])
    }
}
