public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The embeddings of kept frames, so that frames which show the like are not kept again: the newest 4,096.
///
/// Pending samples are in it as much as labeled ones: a question that was asked and not yet answered is not asked
/// again. The hold of an entry fades, by half in thirty days of collecting, so that a scene is asked about again
/// after the world had time to change. Ages count from when the frame was kept, whatever model embeds it since.
///
/// Embeddings of two models do not compare. After a change of model the bank is empty until the kept frames have
/// been embedded anew.
public struct EmbeddingBank: Sendable {
    public static let standardCapacity = 4096
    static let halfLifeSeconds = 30 * 86_400.0

    /// The kept frame that is most like another, and how far it is.
    public struct Match: Hashable, Sendable {
        public let sample: LocalSampleID
        /// Squared, and grown by the entry's age.
        public let distance: Float
    }

    private let capacity: Int
    private var dimension = 0
    /// One embedding after the other, so that a search reads memory in order.
    private var values: [Float] = []
    private var samples: [LocalSampleID] = []
    private var instants: [Double] = []
    /// What each distance is multiplied with for its entry's age.
    private var fading: [Float] = []
    private var fadedAt = -Double.infinity
    private var next = 0
    /// When frames were kept whose embeddings by another model are gone.
    private var ages: [LocalSampleID: Double] = [:]

    /// - Parameter capacity: At least 1.
    public init(capacity: Int = Self.standardCapacity) {
        precondition(capacity >= 1, "a bank has room for at least one embedding")
        self.capacity = capacity
    }

    public var count: Int { samples.count }

    /// Remembers a kept frame, forgetting the oldest when full. An embedding of another kind empties the bank first.
    public mutating func add(_ embedding: Embedding, of sample: LocalSampleID, at now: Instant) {
        if embedding.values.count != dimension {
            removeAll()
            dimension = embedding.values.count
        }
        let keptAt = ages.removeValue(forKey: sample) ?? now.seconds
        // How far it has faded is found with the next search.
        fadedAt = -.infinity
        if samples.count < capacity {
            values += embedding.values
            samples.append(sample)
            instants.append(keptAt)
            fading.append(1)
        } else {
            values.replaceSubrange(next * dimension..<(next + 1) * dimension, with: embedding.values)
            samples[next] = sample
            instants[next] = keptAt
            fading[next] = 1
            next = (next + 1) % capacity
        }
    }

    /// Lets go of a sample that will never be labeled: its like may be kept again.
    public mutating func remove(_ gone: Set<LocalSampleID>) {
        guard !gone.isEmpty, samples.contains(where: { gone.contains($0) }) else { return }
        let old = self
        removeAll()
        dimension = old.dimension
        // Oldest first, so that the ring goes on in order.
        for step in old.samples.indices {
            let index = (old.next + step) % old.samples.count
            guard !gone.contains(old.samples[index]) else { continue }
            values += old.values[index * dimension..<(index + 1) * dimension]
            samples.append(old.samples[index])
            instants.append(old.instants[index])
            fading.append(old.fading[index])
        }
    }

    /// Forgets what a model saw, not when the frames were kept: the next model will embed them anew.
    public mutating func modelChanged() {
        for (sample, instant) in zip(samples, instants) { ages[sample] = instant }
        removeAll()
        // Those that never come again, because their pixels are gone, must not pile up.
        guard ages.count > 2 * capacity else { return }
        let newest = ages.sorted { $0.value > $1.value }.prefix(capacity)
        ages = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
    }

    public mutating func removeAll() {
        dimension = 0
        values.removeAll(keepingCapacity: true)
        samples.removeAll(keepingCapacity: true)
        instants.removeAll(keepingCapacity: true)
        fading.removeAll(keepingCapacity: true)
        next = 0
    }

    /// The most similar kept frame; `nil` when there is none to compare with.
    public mutating func nearest(to embedding: Embedding, at now: Instant) -> Match? {
        guard !samples.isEmpty, embedding.values.count == dimension else { return nil }
        fade(at: now)
        var best = 0
        var smallest = Float.infinity
        embedding.values.withUnsafeBufferPointer { query in
            values.withUnsafeBufferPointer { values in
                guard let query = query.baseAddress, let values = values.baseAddress else { return }
                for index in samples.indices {
                    let dot = Embedding.dot(query, values + index * dimension, count: dimension)
                    let distance = (2 - 2 * dot) * fading[index]
                    if distance < smallest {
                        smallest = distance
                        best = index
                    }
                }
            }
        }
        return Match(sample: samples[best], distance: max(smallest, 0))
    }

    /// Ages matter in days: once an hour is enough.
    private mutating func fade(at now: Instant) {
        guard now.seconds - fadedAt > 3600 || now.seconds < fadedAt else { return }
        fadedAt = now.seconds
        for index in fading.indices {
            fading[index] = Float(exp2(max(now.seconds - instants[index], 0) / Self.halfLifeSeconds))
        }
    }
}
