public import GleanerCore

/// How far two models are from each other on one frame: 0 when both say the same, 1 when nothing of it agrees.
///
/// Where a model and its successor, or a small one and a large one, see different things, one of them is wrong, and a
/// label says which: a doubt that needs no probabilities to be calibrated.
///
/// It applies to frames that a model in the shadow was asked about, and is there whatever strategies are configured.
public struct Disagreement: ScoreStrategy {
    public static let name = "disagreement"
    public static let entry = Registry<any QueryStrategy>.Entry(
        name, "How far a model in the shadow of the active one is from it; always there."
    ) { _ in Disagreement() }

    public init() {}

    public var measuresUncertainty: Bool { false }

    public mutating func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        candidate.disagreement
    }

    /// What the other model said is not recorded.
    public mutating func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? { nil }

    /// Boxes of two models that overlap at least so much and have one class mean the same object.
    static let overlapMin = Assessment.overlapMin

    /// Of classifications half the sum of absolute differences between probabilities (total variation), or where classes
    /// do not exclude each other the largest difference; of detections the share of claimed boxes that the other model does not claim; 0 for two empty frames.
    ///
    /// - Returns: `nil` for predictions of two tasks, or of two sets of classes.
    public static func between(_ first: Prediction, _ second: Prediction, scoreMin: Float = 0) -> Utility? {
        switch (first, second) {
        case (.classification(let one, _), .classification(let other, _)):
            guard one.count == other.count, one.count >= 2 else { return nil }
            let differences = zip(one, other).map { Double(($0 - $1).magnitude) }
            guard differences.allSatisfy(\.isFinite) else { return nil }
            let areExclusive = [one, other].allSatisfy { ($0.reduce(0, +) - 1).magnitude < 0.01 }
            return Utility(clamping: areExclusive ? differences.reduce(0, +) / 2 : differences.max() ?? 0)
        case (.detection, .detection):
            let (one, other) = (first.confident(scoreMin: scoreMin), second.confident(scoreMin: scoreMin))
            let count = one.count + other.count
            guard count > 0 else { return Utility(0) }
            return Utility(clamping: Double(count - 2 * agreeing(one, other)) / Double(count))
        default: return nil
        }
    }

    /// Objects that both claim: each box, the surest first, takes the free one of its class that it overlaps most.
    private static func agreeing(_ one: [Detection], _ other: [Detection]) -> Int {
        var free = other
        var count = 0
        for detection in one.sorted(by: { $0.score > $1.score }) {
            let fitting = free.indices.filter { free[$0].classIndex == detection.classIndex }
            let best = fitting.max {
                free[$0].box.overlap(with: detection.box) < free[$1].box.overlap(with: detection.box)
            }
            guard let best, free[best].box.overlap(with: detection.box) >= overlapMin else { continue }
            free.remove(at: best)
            count += 1
        }
        return count
    }
}
