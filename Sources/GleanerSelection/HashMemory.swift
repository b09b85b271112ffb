public import GleanerCore

/// The perceptual hashes of kept frames, so that their like is not kept again.
///
/// A ring: the newest `capacity` are remembered (65,536 take 1.6 MB). It is not stored: after a restart it is filled
/// again from the samples that are kept or pending, oldest first.
public struct HashMemory: Sendable {
    /// One kept frame.
    public struct Entry: Hashable, Sendable {
        public let hash: PerceptualHash
        public let sample: LocalSampleID
        public init(hash: PerceptualHash, sample: LocalSampleID) {
            self.hash = hash
            self.sample = sample
        }
    }

    public static let standardCapacity = 65_536

    public let capacity: Int
    // Apart, so that a search reads hashes only.
    private var hashes: [UInt64] = []
    private var samples: [LocalSampleID] = []
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
            samples.append(entry.sample)
        } else {
            hashes[next] = entry.hash.bits
            samples[next] = entry.sample
            next = (next + 1) % capacity
        }
    }

    /// Forgets samples that will never be labeled: their like may be kept again.
    public mutating func forget(_ gone: Set<LocalSampleID>) {
        guard !gone.isEmpty, samples.contains(where: { gone.contains($0) }) else { return }
        let old = self
        hashes.removeAll(keepingCapacity: true)
        samples.removeAll(keepingCapacity: true)
        next = 0
        // Oldest first, so that the ring goes on in order.
        for step in old.samples.indices {
            let index = (old.next + step) % old.samples.count
            guard !gone.contains(old.samples[index]) else { continue }
            hashes.append(old.hashes[index])
            samples.append(old.samples[index])
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
        return Entry(hash: PerceptualHash(bits: hashes[place]), sample: samples[place])
    }
}
