public import GleanerCore

/// Frames with a score near a threshold that matters to the application, such as the one an alarm is raised at.
///
/// The utility is 1 at the threshold and falls to 0 at `epsilon` from it. A classifier is judged by its best class,
/// a detector by whichever of its boxes is closest, those below its `score_min` included.
///
/// A fixed threshold knows nothing of how sure of itself the next model will be: prefer ``Margin`` and
/// ``BoxUncertainty`` unless the threshold itself is what counts.
public struct CloseToThreshold: QueryStrategy {
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

    public func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        let draw = context.draw.uniform(
            .strategy, run: context.run, sequence: candidate.sequence, salt: StrategySalt.closeToThreshold.rawValue)
        guard draw < probability else { return Utility(0) }
        let labels = candidate.manifest.labels
        switch candidate.prediction {
        case .classification:
            guard let index = candidate.prediction.topClassIndex, let score = candidate.prediction.topScore else {
                return nil
            }
            return Utility(clamping: closeness(of: score, classIndex: index, labels))
        case .detection(let detections):
            let best = detections.lazy.map { closeness(of: $0.score, classIndex: $0.classIndex, labels) }.max()
            return Utility(clamping: best ?? 0)
        }
    }

    private func closeness(of score: Float, classIndex: Int, _ labels: [String]) -> Double {
        if let classes {
            guard labels.indices.contains(classIndex), classes.contains(labels[classIndex]) else { return 0 }
        }
        let closeness = 1 - (Double(score) - threshold).magnitude / epsilon
        return closeness > 0 ? closeness : 0
    }
}
