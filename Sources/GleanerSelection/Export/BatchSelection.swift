public import GleanerCore

/// Chooses, of the samples that were kept, those that leave for labeling.
///
/// On the device about three times as many frames are kept as will be labeled. Which of them teach most is known
/// only when they leave: by the newest model, and seen side by side. As on the device, uncertainty and coverage are
/// weighed by the model's competence; here each has its share of the places.
///
/// - Places of uncertainty go to the largest utilities, no two of which show the like.
/// - Places of coverage go to the parts of the embedding space that hold no labeled or pending sample yet, one to
///   each, whichever member: on real meter pictures and with a poor model that won 2.3 points against random, and
///   the most uncertain member of each 1.8.
public struct BatchSelection: Sendable {
    /// A sample that waits.
    public struct Candidate: Hashable, Sendable {
        public var key: Int64
        public var utility: Double
        public var embedding: Embedding?
        /// A number in 0..<1 of its own.
        public var draw: Double
        public init(key: Int64, utility: Double, embedding: Embedding?, draw: Double) {
            self.key = key
            self.utility = utility
            self.embedding = embedding
            self.draw = draw
        }
    }

    /// More clusters than this would take minutes on a small board; each then gives more than one sample.
    static let clusterCountMax = 1000

    /// The weight of uncertainty against coverage, 0…1.
    private let weight: Double
    /// Scaled distance up to which two samples show the like; `nil` for never.
    private let distanceMax: Double?

    public init(weight: Double, distanceMax: Double?) {
        self.weight = weight
        self.distanceMax = distanceMax
    }

    /// The keys of `count` candidates, or of all if there are no more.
    ///
    /// - Parameter covered: What labeled and pending samples show.
    public func choose(_ count: Int, of candidates: [Candidate], covered: [Embedding]) -> [Int64] {
        guard candidates.count > count else { return candidates.map(\.key) }
        let order = candidates.sorted { ($0.utility, $1.draw, $1.key) > ($1.utility, $0.draw, $0.key) }
        var state = State(limit: limit(order, covered), covered: covered)
        state.takeUncertain(Int((weight * Double(count)).rounded()), of: order)
        state.takeCovering(count - state.chosen.count, of: order)
        // What is left are repetitions: better than nothing, the most uncertain first.
        for candidate in order where state.chosen.count < count { state.take(candidate) }
        return state.chosen
    }

    /// The squared distance up to which two samples show the like.
    private func limit(_ order: [Candidate], _ covered: [Embedding]) -> Float {
        guard let distanceMax else { return -1 }
        let embeddings = order.compactMap(\.embedding) + covered
        guard embeddings.count > 1 else { return -1 }
        // Partners half the list away, so that neighbours by utility or time are not compared with each other.
        let step = max(1, embeddings.count / 512)
        let distances = stride(from: 0, to: embeddings.count, by: step).map { index in
            embeddings[index].squaredDistance(to: embeddings[(index + embeddings.count / 2) % embeddings.count])
        }
        let finite = distances.filter(\.isFinite).sorted()
        return finite.isEmpty ? -1 : finite[finite.count / 2] * Float(distanceMax)
    }
}

/// What was chosen so far.
private struct State {
    let limit: Float
    private(set) var chosen: [Int64] = []
    private var taken: Set<Int64> = []
    /// What labeled, pending and chosen samples show.
    private var shown: EmbeddingBank
    private var covered: [Embedding]

    init(limit: Float, covered: [Embedding]) {
        self.limit = limit
        self.covered = covered
        shown = EmbeddingBank(capacity: max(covered.count + 2 * EmbeddingBank.standardCapacity, 1))
        for embedding in covered { show(embedding) }
    }

    private mutating func show(_ embedding: Embedding) {
        shown.add(embedding, of: LocalSampleID(runCounter: 0, sequence: 0), at: Instant(seconds: 0))
    }

    mutating func take(_ candidate: BatchSelection.Candidate) {
        guard taken.insert(candidate.key).inserted else { return }
        chosen.append(candidate.key)
        if let embedding = candidate.embedding { show(embedding) }
    }

    private mutating func isRepetition(_ candidate: BatchSelection.Candidate) -> Bool {
        guard limit >= 0, let embedding = candidate.embedding else { return false }
        guard let match = shown.nearest(to: embedding, at: Instant(seconds: 0)) else { return false }
        return match.distance <= limit
    }

    mutating func takeUncertain(_ count: Int, of order: [BatchSelection.Candidate]) {
        let end = chosen.count + count
        for candidate in order {
            guard chosen.count < end else { return }
            if !isRepetition(candidate) { take(candidate) }
        }
    }

    mutating func takeCovering(_ count: Int, of order: [BatchSelection.Candidate]) {
        guard count > 0 else { return }
        let end = chosen.count + count
        var free: [BatchSelection.Candidate] = []
        for candidate in order where !taken.contains(candidate.key) && !isRepetition(candidate) {
            free.append(candidate)
        }
        let random = free.sorted { ($0.draw, $0.key) < ($1.draw, $1.key) }
        let known = random.filter { $0.embedding != nil }
        if known.count > count {
            for group in groups(known, count: count) {
                for candidate in group.prefix(max(1, count / BatchSelection.clusterCountMax))
                where chosen.count < end && !isRepetition(candidate) { take(candidate) }
            }
        }
        // Without embeddings, or where clusters overlapped: chance covers, too.
        for candidate in random where chosen.count < end && !isRepetition(candidate) { take(candidate) }
    }

    /// Clusters of candidates, those without a labeled or pending sample first, the largest of them first.
    private func groups(
        _ candidates: [BatchSelection.Candidate], count: Int
    ) -> [[BatchSelection.Candidate]] {
        let own = candidates.compactMap(\.embedding)
        let others = Array(covered.suffix(EmbeddingBank.standardCapacity))
        let clusterCount = min(count + min(others.count, count), BatchSelection.clusterCountMax, own.count)
        let clusters = Clusters(of: own + others, count: clusterCount)
        var members = [[BatchSelection.Candidate]](repeating: [], count: clusterCount)
        var isCovered = [Bool](repeating: false, count: clusterCount)
        for (index, cluster) in clusters.assignments.enumerated() {
            if index < own.count { members[cluster].append(candidates[index]) } else { isCovered[cluster] = true }
        }
        let order = members.indices.sorted {
            (isCovered[$0] ? 1 : 0, members[$1].count, $0) < (isCovered[$1] ? 1 : 0, members[$0].count, $1)
        }
        return order.map { members[$0] }
    }
}
