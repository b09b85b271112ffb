public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A judged frame by the few numbers that are recorded of it.
///
/// Strategies that need no more than these are asked about frames again long after the frames are gone, and get the
/// very numbers that they got then.
public struct ScoredFrame: Hashable, Sendable {
    public var sequence: UInt64
    /// Of the model.
    public var labels: [String]
    public var scores: FrameScores

    public init(sequence: UInt64, labels: [String], scores: FrameScores) {
        self.sequence = sequence
        self.labels = labels
        self.scores = scores
    }

    public init(_ candidate: Candidate) {
        self.init(
            sequence: candidate.sequence, labels: candidate.manifest.labels,
            scores: FrameScores(
                candidate.prediction, scoreMin: candidate.scoreMin,
                classWeights: candidate.manifest.relativeDifficulty))
    }

    /// What the model claims to see most of all; `nil` for nothing.
    public var topClass: String? { scores.topClass.map { labels.indices.contains($0) ? labels[$0] : "\($0)" } }
}

/// A prediction in three numbers.
public enum FrameScores: Hashable, Sendable {
    /// The largest and the second largest probability, 0…1, and the entropy as a share of the largest that there can
    /// be, 0…1. Where classes do not exclude each other, those of the two answers to the class in most doubt.
    case classification(topClass: Int, top: Float, second: Float, entropy: Float)
    /// Of the claimed boxes how unsure the three least certain are on the mean, and the least certain one: 1 for a
    /// score of one half, 0 for 0 and 1, times the class's relative difficulty. And the largest score that was too small to claim an object.
    case detection(topClass: Int?, uncertain: Float, leastCertain: Float, residue: Float)
    /// Numbers that say nothing: fewer than two classes, or probabilities that are none.
    case meaningless(ModelTask)

    /// - Parameters:
    ///   - scoreMin: From this score on a detector claims an object, or a class is claimed that excludes no other.
    ///   - classWeights: See ``ModelManifest/relativeDifficulty``.
    public init(_ prediction: Prediction, scoreMin: Float?, classWeights: [Float] = []) {
        switch prediction {
        case .classification(let probabilities, _):
            self = scoreMin == nil ? Self.classified(probabilities) : Self.independent(probabilities)
        case .detection(let detections):
            self = Self.detected(detections, scoreMin: scoreMin ?? 0, weights: classWeights)
        }
    }

    public var task: ModelTask {
        switch self {
        case .classification: .classification
        case .detection: .detection
        case .meaningless(let task): task
        }
    }

    public var topClass: Int? {
        switch self {
        case .classification(let topClass, _, _, _): topClass
        case .detection(let topClass, _, _, _): topClass
        case .meaningless: nil
        }
    }

    private static func classified(_ probabilities: [Float]) -> FrameScores {
        guard probabilities.count >= 2 else { return .meaningless(.classification) }
        var topClass = 0
        var top: Float = 0
        var second: Float = 0
        var nats = 0.0
        for (index, probability) in probabilities.enumerated() {
            guard probability.isFinite else { return .meaningless(.classification) }
            if probability > top {
                second = top
                top = probability
                topClass = index
            } else if probability > second {
                second = probability
            }
            // p ln p goes to 0 with p; a model that rounds below 0 or above 1 means 0 or 1.
            if probability > 0, probability < 1 { nats -= Double(probability) * log(Double(probability)) }
        }
        let entropy = nats / log(Double(probabilities.count))
        return .classification(
            topClass: topClass, top: min(top, 1), second: min(second, 1), entropy: Float(min(max(entropy, 0), 1)))
    }

    /// Classes that do not exclude each other are questions of yes and no; the one in most doubt stands for all. With its
    /// two answers every measure of doubt means what it means elsewhere.
    private static func independent(_ probabilities: [Float]) -> FrameScores {
        guard let topClass = probabilities.indices.max(by: { probabilities[$0] < probabilities[$1] }),
            probabilities.allSatisfy(\.isFinite)
        else { return .meaningless(.classification) }
        let doubtful = probabilities.min { ($0 - 0.5).magnitude < ($1 - 0.5).magnitude } ?? 0
        let yes = min(max(doubtful, 0), 1)
        guard case .classification(_, let top, let second, let entropy) = classified([yes, 1 - yes]) else {
            return .meaningless(.classification)
        }
        return .classification(topClass: topClass, top: top, second: second, entropy: entropy)
    }

    /// So many boxes make up the mean.
    static let leastCertainCount = 3

    private static func detected(_ detections: [Detection], scoreMin: Float, weights: [Float]) -> FrameScores {
        // The least certain ones first.
        var top = SIMD3<Float>.zero
        var count = 0
        let residue = forEachUncertainty(of: detections, scoreMin: scoreMin, weights: weights) { uncertainty in
            var place = min(count, leastCertainCount - 1)
            guard count < leastCertainCount || uncertainty > top[place] else { return }
            count = place + 1
            while place > 0, uncertainty > top[place - 1] {
                top[place] = top[place - 1]
                place -= 1
            }
            top[place] = uncertainty
        }
        let claimed = detections.lazy.filter { $0.score >= scoreMin }
        return .detection(
            topClass: claimed.max { $0.score < $1.score }?.classIndex,
            uncertain: count == 0 ? 0 : top.sum() / Float(count),
            leastCertain: top[0], residue: residue)
    }

    /// Tells how unsure a detector is of each box that it claims; returns the best score of those that it does not.
    static func forEachUncertainty(
        of detections: [Detection], scoreMin: Float, weights: [Float], _ body: (Float) -> Void
    ) -> Float {
        var residue: Float = 0
        for detection in detections where detection.score.isFinite {
            let score = min(max(detection.score, 0), 1)
            guard score >= scoreMin else {
                residue = max(residue, score)
                continue
            }
            let weight = weights.indices.contains(detection.classIndex) ? weights[detection.classIndex] : 1
            body(weight * (1 - (2 * score - 1).magnitude))
        }
        return residue
    }
}

/// A query strategy that needs no more than a frame's scores, so that it can be asked about a recorded run.
public protocol ScoreStrategy: QueryStrategy {
    /// The tasks for which the scores tell it all.
    var scoredTasks: Set<ModelTask> { get }
    /// Whether it goes by the distance to what was kept.
    var usesDistance: Bool { get }
    mutating func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility?
}

extension ScoreStrategy {
    public var scoredTasks: Set<ModelTask> { tasks }
    public var usesDistance: Bool { false }

    public mutating func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        utility(of: ScoredFrame(candidate), in: context)
    }
}
