/// How often a model was right on all frames that it was offered, from the labels of audit samples alone.
///
/// Frames that a strategy chose were chosen because the model is weak there: their labels say nothing about the rest
/// (in our pilot they were wrong by 5 to 14 points). Audit samples were drawn by a coin with a known probability
/// before anything was known of them, so each stands for `1 / probability` frames (Hájek's estimator).
///
/// Two facts make it more precise than its labels alone. How many frames looked like a kept one is known exactly,
/// and these are a stratum of their own. Of the others the model's own confidence is known for every frame: the
/// labels only have to say how far confidence is off (a control variate; never biased, whatever the calibration).
///
/// Frames of one scene are right or wrong together and count as one cluster. The interval is Wilson's with the
/// effective number of labels and Student's t, which holds its 95 % where a normal one does not: near 0 and 1 and
/// with few clusters (see *Decisions*).
public struct AuditEstimate: Hashable, Sendable {
    /// One audit sample with its label.
    public struct Observation: Hashable, Sendable {
        /// Whether the model was right: 1 or 0.
        public var hit: Double
        /// The model's confidence in what it said.
        public var confidence: Double
        /// The coin's.
        public var probability: Double
        /// Whether the frame looked like a kept one.
        public var isDuplicate: Bool
        /// Frames that are right or wrong together have the same.
        public var scene: Int
        public init(hit: Double, confidence: Double, probability: Double, isDuplicate: Bool, scene: Int) {
            self.hit = hit
            self.confidence = confidence
            self.probability = probability
            self.isDuplicate = isDuplicate
            self.scene = scene
        }
    }

    /// What is known of all frames that the model was offered.
    public struct Population: Hashable, Sendable {
        /// Frames that it judged, none of which looked like a kept one, and the sum of its confidence in them.
        public var freshCount: Double
        public var freshConfidenceSum: Double
        /// Frames that looked like a kept one.
        public var duplicateCount: Double
        public init(freshCount: Double, freshConfidenceSum: Double, duplicateCount: Double) {
            self.freshCount = freshCount
            self.freshConfidenceSum = freshConfidenceSum
            self.duplicateCount = duplicateCount
        }
    }

    /// Fewer effective labels than this give no number at all.
    public static let effectiveCountMin = 30.0

    public let accuracy: Double
    /// Covers the truth in 95 of 100 cases.
    public let interval: ClosedRange<Double>
    public let labelCount: Int
    /// `(Σw)² / Σw²`: how many labels of equal weight would tell as much.
    public let effectiveCount: Double
    public let sceneCount: Int

    /// `nil` below ``effectiveCountMin`` effective labels, or when all of them are of one scene.
    public init?(_ observations: [Observation], in population: Population) {
        let usable = observations.filter { $0.probability > 0 && $0.probability <= 1 && $0.confidence.isFinite }
        let scenes = Set(usable.map(\.scene)).count
        let effective = Self.effectiveCount(usable)
        guard effective >= Self.effectiveCountMin, scenes > 1 else { return nil }
        let parts = Self.parts(usable, population)
        var accuracy = 0.0
        var sums: [Int: Double] = [:]
        for part in parts {
            accuracy += part.share * part.estimate
            for (scene, influence) in part.influences { sums[scene, default: 0] += influence }
        }
        let clusters = Double(scenes)
        let variance = sums.values.reduce(0) { $0 + $1 * $1 } * clusters / (clusters - 1)
        self.accuracy = min(max(accuracy, 0), 1)
        interval = WilsonInterval.of(
            self.accuracy, variance: variance, countMax: min(effective, clusters), degrees: clusters - 1)
        labelCount = usable.count
        effectiveCount = effective
        sceneCount = scenes
    }

    /// How many labels of equal weight these are worth.
    public static func effectiveCount(_ observations: [Observation]) -> Double {
        let weights = observations.map { 1 / $0.probability }
        let squares = weights.reduce(0) { $0 + $1 * $1 }
        let sum = weights.reduce(0, +)
        return squares > 0 ? sum * sum / squares : 0
    }

    /// One stratum's estimate, and what each scene adds to its error.
    private struct Part {
        var share: Double
        var estimate: Double
        var influences: [(Int, Double)]
    }

    private static func parts(_ observations: [Observation], _ population: Population) -> [Part] {
        let fresh = observations.filter { !$0.isDuplicate }
        let duplicates = observations.filter(\.isDuplicate)
        let total = population.freshCount + population.duplicateCount
        // Without labels in both strata, or without counts, their sizes do not help.
        guard fresh.count >= 2, duplicates.count >= 2 || population.duplicateCount == 0, total > 0,
            population.freshCount > 0
        else { return [part(observations, share: 1, offset: 0) { $0.hit }] }
        let confidence = population.freshConfidenceSum / population.freshCount
        let freshPart = part(fresh, share: population.freshCount / total, offset: confidence) { $0.hit - $0.confidence }
        guard population.duplicateCount > 0 else { return [freshPart] }
        return [
            freshPart, part(duplicates, share: population.duplicateCount / total, offset: 0) { $0.hit },
        ]
    }

    private static func part(
        _ observations: [Observation], share: Double, offset: Double, _ value: (Observation) -> Double
    ) -> Part {
        let weights = observations.map { 1 / $0.probability }
        let sum = weights.reduce(0, +)
        let mean = zip(observations, weights).reduce(0) { $0 + value($1.0) * $1.1 } / sum
        let influences = zip(observations, weights).map { observation, weight in
            (observation.scene, share * weight * (value(observation) - mean) / sum)
        }
        return Part(share: share, estimate: offset + mean, influences: influences)
    }
}
