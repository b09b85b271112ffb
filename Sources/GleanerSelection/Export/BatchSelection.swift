public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Chooses, of the samples that were kept, those that leave for labeling.
///
/// On the device about three times as many frames are kept as will be labeled. Which of them teach most is known
/// only when they leave: by the newest model, and seen side by side. As on the device, uncertainty and coverage are
/// weighed by the model's competence; here each has its share of the places.
///
/// - Places of uncertainty go, one after the other, to the largest product of utility, newness against what is
///   labeled, pending or chosen so far, and scarcity of the class. The most uncertain alone would be many of one kind:
///   on composed streams they needed 1.3 times as many labels.
/// - Places of coverage go by chance to samples that are new in this sense, scarce classes with the better chance, and
///   of those kept since the last batch first: chance among all would ask about a world that is gone (on streams that
///   drift it needed twice as many labels).
///
/// A class is scarce when few of the labeled, pending and chosen samples show it: by their labels, and as far as there
/// are none by the newest model (see *Decisions*).
public struct BatchSelection: Sendable {
    /// A sample that waits.
    public struct Candidate: Hashable, Sendable {
        public var key: Int64
        public var utility: Double
        public var embedding: Embedding?
        /// A number in 0..<1 of its own.
        public var draw: Double
        /// Whether it was kept since the last batch.
        public var isRecent: Bool
        /// What the newest model says that it shows; `nil` for nothing.
        public var topClass: String?
        /// Whose utility it is: those of two models compare by rank only.
        public var scorer: Int64
        public init(
            key: Int64, utility: Double, embedding: Embedding?, draw: Double, isRecent: Bool = true,
            topClass: String? = nil, scorer: Int64 = 0
        ) {
            self.key = key
            self.utility = utility
            self.embedding = embedding
            self.draw = draw
            self.isRecent = isRecent
            self.topClass = topClass
            self.scorer = scorer
        }
    }

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
    /// - Parameters:
    ///   - covered: What labeled and pending samples show.
    ///   - classCounts: How many labeled and pending samples there are of each class; `nil` are those of none.
    public func choose(
        _ count: Int, of candidates: [Candidate], covered: [Embedding], classCounts: [String?: Int] = [:]
    ) -> [Int64] {
        guard candidates.count > count else { return candidates.map(\.key) }
        let order = Self.comparable(candidates).sorted { ($0.utility, $1.draw, $1.key) > ($1.utility, $0.draw, $0.key) }
        var places = Places(order, covered: covered, classCounts: classCounts, limit: distanceMax ?? -1)
        places.takeUncertain(Int((weight * Double(count)).rounded()))
        places.takeCovering(count - places.chosen.count)
        // What is left are repetitions: better than nothing, the most uncertain first.
        for index in order.indices where places.chosen.count < count { places.take(index) }
        return places.chosen.map { order[$0].key }
    }

    /// While a new model has not scored all of them: each by its rank among those of its own scorer, 0…1.
    private static func comparable(_ candidates: [Candidate]) -> [Candidate] {
        let groups = Dictionary(grouping: candidates.indices) { candidates[$0].scorer }
        guard groups.count > 1 else { return candidates }
        var ranked = candidates
        for indices in groups.values {
            let utilities = indices.map { candidates[$0].utility }.sorted()
            for index in indices {
                let utility = candidates[index].utility
                let below = utilities.partitioningIndex { $0 >= utility }
                let upTo = utilities.partitioningIndex { $0 > utility }
                ranked[index].utility = Double(below + upTo) / Double(2 * utilities.count)
            }
        }
        return ranked
    }
}

/// Candidates, and how new each is against what is labeled, pending or chosen so far.
private struct Places {
    private let candidates: [BatchSelection.Candidate]
    private let limit: Double
    /// The median squared distance between two of them.
    private let scale: Float
    /// Scaled distance to the nearest that is labeled, pending or chosen; infinite where nothing is known.
    private var distances: [Double]
    private var isTaken: [Bool]
    private var classCounts: [String?: Int]
    private(set) var chosen: [Int] = []

    init(
        _ candidates: [BatchSelection.Candidate], covered: [Embedding], classCounts: [String?: Int], limit: Double
    ) {
        self.candidates = candidates
        self.classCounts = classCounts
        self.limit = limit
        scale = Self.scale(candidates)
        distances = [Double](repeating: .infinity, count: candidates.count)
        isTaken = [Bool](repeating: false, count: candidates.count)
        var bank = EmbeddingBank(capacity: max(covered.count, 1))
        let start = Instant(seconds: 0)
        for embedding in covered { bank.add(embedding, of: LocalSampleID(runCounter: 0, sequence: 0), at: start) }
        for index in candidates.indices {
            guard let embedding = candidates[index].embedding,
                let match = bank.nearest(to: embedding, at: start)
            else { continue }
            distances[index] = Double(match.distance / scale)
        }
    }

    private static func scale(_ candidates: [BatchSelection.Candidate]) -> Float {
        // Neighbours by their draws have nothing to do with each other.
        let embeddings = candidates.sorted { ($0.draw, $0.key) < ($1.draw, $1.key) }.compactMap(\.embedding)
        let distances = zip(embeddings, embeddings.dropFirst()).prefix(512).map { $0.squaredDistance(to: $1) }
            .filter { $0.isFinite && $0 > 0 }.sorted()
        return distances.isEmpty ? 1 : distances[distances.count / 2]
    }

    mutating func take(_ index: Int) {
        guard !isTaken[index] else { return }
        isTaken[index] = true
        chosen.append(index)
        classCounts[candidates[index].topClass, default: 0] += 1
        guard let own = candidates[index].embedding else { return }
        for other in candidates.indices where !isTaken[other] {
            guard let embedding = candidates[other].embedding else { continue }
            let distance = embedding.squaredDistance(to: own)
            if distance.isFinite { distances[other] = min(distances[other], Double(distance / scale)) }
        }
    }

    private func isFree(_ index: Int) -> Bool { !isTaken[index] && distances[index] > limit }

    /// 1 for a class that nothing shows yet, less the more do.
    private func scarcity(_ index: Int) -> Double {
        1 / Double(1 + classCounts[candidates[index].topClass, default: 0])
    }

    mutating func takeUncertain(_ count: Int) {
        for _ in 0..<count {
            var best: (index: Int, value: Double)?
            for index in candidates.indices where isFree(index) {
                // The root: a model that is poor at a class names it wrongly too.
                let value =
                    candidates[index].utility * Exploration.newness(distances[index]) * scarcity(index).squareRoot()
                if value > best?.value ?? -1 { best = (index, value) }
            }
            guard let best else { return }
            take(best.index)
        }
    }

    mutating func takeCovering(_ count: Int) {
        // Chance by weight: each waits a random time, the scarcer the shorter, and who comes first is taken.
        let waits = candidates.map { -log1p(-min(max($0.draw, 0), 1)) }
        for _ in 0..<count {
            var first: (index: Int, isLate: Bool, wait: Double)?
            for index in candidates.indices where isFree(index) {
                let (isLate, wait) = (!candidates[index].isRecent, waits[index] / scarcity(index))
                guard let best = first else {
                    first = (index, isLate, wait)
                    continue
                }
                if isLate == best.isLate ? wait < best.wait : best.isLate { first = (index, isLate, wait) }
            }
            guard let first else { return }
            take(first.index)
        }
    }
}

extension [Double] {
    /// The first place from which on the condition holds, in an array in which it holds from some place on.
    fileprivate func partitioningIndex(where holds: (Double) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
