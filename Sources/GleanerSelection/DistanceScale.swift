import GleanerCore

/// What "far" means for a model: the median squared distance between two frames that have nothing to do with each
/// other.
///
/// Distances between embeddings of one network may all be small and those of another large; divided by this they
/// compare. Every frame is set against one of a few that were put by at random, and the median of the last
/// distances is the scale.
struct DistanceScale {
    private static let referenceCountMax = 64
    private static let distanceCountMax = 512
    /// So many distances before the scale is worth anything.
    private static let distanceCountMin = 16

    private var references: [Embedding] = []
    private var distances = UtilityWindow()
    private var next = 0
    private var seen = 0.0
    private var median: Float?

    /// `nil` while too few frames were seen.
    var value: Float? { median }

    /// - Parameters:
    ///   - choice, turn: independent draws in 0..<1: which reference to compare with, and whether to become one.
    mutating func observe(_ embedding: Embedding, choice: Double, turn: Double) {
        seen += 1
        if !references.isEmpty {
            let reference = references[min(Int(choice * Double(references.count)), references.count - 1)]
            let distance = reference.squaredDistance(to: embedding)
            if distance.isFinite { add(distance) }
        }
        // A reservoir: each frame so far is a reference with the same chance.
        if references.count < Self.referenceCountMax {
            references.append(embedding)
        } else if turn * seen < Double(Self.referenceCountMax) {
            references[Int(turn * seen)] = embedding
        }
    }

    private mutating func add(_ distance: Float) {
        distances.append(distance, capacity: Self.distanceCountMax)
        next = (next + 1) % Self.distanceCountMax
        // The scale rests for some frames.
        guard distances.count >= Self.distanceCountMin, median == nil || next.isMultiple(of: 32) else { return }
        let middle = distances.middle
        median = middle > 0 ? middle : median
    }
}
