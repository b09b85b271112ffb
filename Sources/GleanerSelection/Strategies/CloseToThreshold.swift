public import GleanerCore

/// Frames with a score near a threshold that matters to the application, such as the one an alarm is raised at.
///
/// The utility is 1 at the threshold and falls to 0 at `epsilon` from it. A classifier is judged by its best class,
/// a detector by whichever of its boxes is closest, those below its `score_min` included.
///
/// A fixed threshold knows nothing of how sure of itself the next model will be: prefer ``Margin`` and
/// ``BoxUncertainty`` unless the threshold itself is what counts.
public struct CloseToThreshold: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "close-to-threshold", "Both: how close a score is to a given threshold."
    ) { options in
        CloseToThreshold(
            threshold: options.number("threshold", in: 0...1) ?? 0.5,
            epsilon: options.number("epsilon", in: 0.001...1) ?? 0.1,
            probability: options.share("probability") ?? 1,
            classes: options.strings("classes"))
    }

    private let threshold: Double
    private let epsilon: Double
    private let probability: Double
    private let classes: Set<String>?

    /// - Parameters:
    ///   - epsilon: From this distance on the utility is 0; more than 0.
    ///   - probability: The share of frames that are looked at; the others get 0. It is drawn for each frame.
    ///   - classes: Only scores of these classes count; all of them when `nil`.
    public init(threshold: Double = 0.5, epsilon: Double = 0.1, probability: Double = 1, classes: [String]? = nil) {
        self.threshold = threshold
        self.epsilon = epsilon
        self.probability = probability
        self.classes = classes.map { Set($0) }
    }

    public var measuresUncertainty: Bool { false }

    /// A detector's utility needs every box.
    public var scoredTasks: Set<ModelTask> { [.classification] }

    public func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        let labels = candidate.manifest.labels
        let closest: Double?
        switch candidate.prediction {
        case .detection(let detections):
            closest = detections.lazy.map { closeness(of: $0.score, classIndex: $0.classIndex, labels) }.max()
        case .classification(let probabilities, _) where candidate.scoreMin != nil:
            closest = probabilities.indices.lazy.map { closeness(of: probabilities[$0], classIndex: $0, labels) }.max()
        case .classification: return utility(of: ScoredFrame(candidate), in: context)
        }
        guard isLooked(at: candidate.sequence, in: context) else { return Utility(0) }
        return Utility(clamping: closest ?? 0)
    }

    public func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        guard case .classification(let topClass, let top, _, _) = frame.scores else { return nil }
        guard isLooked(at: frame.sequence, in: context) else { return Utility(0) }
        return Utility(clamping: closeness(of: top, classIndex: topClass, frame.labels))
    }

    private func isLooked(at sequence: UInt64, in context: StreamContext) -> Bool {
        let draw = context.draw.uniform(
            .strategy, run: context.run, sequence: sequence, salt: StrategySalt.closeToThreshold.rawValue)
        return draw < probability
    }

    private func closeness(of score: Float, classIndex: Int, _ labels: [String]) -> Double {
        if let classes {
            guard labels.indices.contains(classIndex), classes.contains(labels[classIndex]) else { return 0 }
        }
        let closeness = 1 - (Double(score) - threshold).magnitude / epsilon
        return closeness > 0 ? closeness : 0
    }
}
