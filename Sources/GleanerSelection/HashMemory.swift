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
    /// So many of the oldest were there when the run began.
    private var earlierCount = 0

    /// - Parameter capacity: At least 1.
    public init(capacity: Int = Self.standardCapacity) {
        precondition(capacity >= 1, "a memory has room for at least one hash")
        self.capacity = capacity
    }

    public var count: Int { hashes.count }

    /// What is in it by now is of earlier runs.
    public mutating func beginRun() {
        hashes = Array(hashes[next...] + hashes[..<next])
        samples = Array(samples[next...] + samples[..<next])
        next = 0
        earlierCount = hashes.count
    }

    /// Remembers a kept frame, forgetting the oldest when full.
    public mutating func remember(_ entry: Entry) {
        if hashes.count < capacity {
            hashes.append(entry.hash.bits)
            samples.append(entry.sample)
        } else {
            hashes[next] = entry.hash.bits
            samples[next] = entry.sample
            next = (next + 1) % capacity
            earlierCount = max(earlierCount - 1, 0)
        }
    }

    /// Forgets samples that will never be labeled: their like may be kept again.
    public mutating func forget(_ gone: Set<LocalSampleID>) {
        guard !gone.isEmpty, samples.contains(where: { gone.contains($0) }) else { return }
        let old = self
        hashes.removeAll(keepingCapacity: true)
        samples.removeAll(keepingCapacity: true)
        next = 0
        earlierCount = 0
        // Oldest first, so that the ring goes on in order.
        for step in old.samples.indices {
            let index = (old.next + step) % old.samples.count
            guard !gone.contains(old.samples[index]) else { continue }
            if step < old.earlierCount { earlierCount += 1 }
            hashes.append(old.hashes[index])
            samples.append(old.samples[index])
        }
    }

    /// What a frame looks like.
    public struct Look: Hashable, Sendable {
        /// The most similar kept frame, the oldest of equals, and the bits that differ.
        public var nearest: Entry
        public var distance: Int
        /// The bits in which the most similar frame of earlier runs differs; `nil` without one.
        public var earlierDistance: Int?
    }

    /// Looks for the like of a frame; `nil` when nothing is remembered.
    public func look(at hash: PerceptualHash) -> Look? {
        let bits = hash.bits
        // The oldest lie from `next` on, without a break.
        let earlier = smallest(from: bits, in: next..<min(next + earlierCount, hashes.count))
        let own = min(
            smallest(from: bits, in: 0..<next),
            smallest(from: bits, in: min(next + earlierCount, hashes.count)..<hashes.count))
        let distance = min(earlier, own)
        guard let place = place(of: distance, from: bits) else { return nil }
        return Look(
            nearest: Entry(hash: PerceptualHash(bits: hashes[place]), sample: samples[place]), distance: distance,
            earlierDistance: earlier <= 64 ? earlier : nil)
    }

    private func smallest(from bits: UInt64, in range: Range<Int>) -> Int {
        // Without branches or places, so that the loop becomes vector code.
        hashes.withUnsafeBufferPointer { hashes in
            var smallest = Int.max
            for other in hashes[range] { smallest = min(smallest, (bits ^ other).nonzeroBitCount) }
            return smallest
        }
    }

    private func place(of distance: Int, from bits: UInt64) -> Int? {
        let isAt = { (place: Int) in (bits ^ hashes[place]).nonzeroBitCount == distance }
        return (next..<hashes.count).first(where: isAt) ?? (0..<next).first(where: isAt)
    }
}
