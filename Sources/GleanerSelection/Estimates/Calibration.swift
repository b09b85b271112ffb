#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How far a classifier's confidence is from how often it is right, over all frames that it was offered, from the
/// labels of audit samples.
public struct Calibration: Hashable, Sendable {
    /// One audit sample with its label.
    public struct Observation: Hashable, Sendable {
        /// What the model gave to the classes, the most probable first, as far as it was recorded.
        public var probabilities: [Float]
        /// The place of the true class in ``probabilities``; `nil` when it is not among them.
        public var truth: Int?
        /// The coin's.
        public var probability: Double
        public init(probabilities: [Float], truth: Int?, probability: Double) {
            self.probabilities = probabilities
            self.truth = truth
            self.probability = probability
        }
    }

    /// At most so many groups of like confidence, each of at least ``binLabelCountMin`` labels: of fewer labels chance
    /// alone would make a difference that looks like a fault.
    static let binCountMax = 10
    static let binLabelCountMin = 15
    /// Fewer labels than this give no temperature.
    public static let temperatureLabelCountMin = 100

    /// The mean difference between confidence and accuracy in groups of like confidence (expected calibration error),
    /// 0…1.
    public let error: Double
    /// What the model's logits should be divided by to make its probabilities true: above 1 for a model that is too
    /// sure of itself. `nil` for too few labels. It is reported and never applied: choosing goes by ranks.
    public let temperature: Double?

    /// `nil` below ``AuditEstimate/effectiveCountMin`` effective labels.
    ///
    /// Source: Guo, Pleiss, Sun, Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017; weighted by
    /// `1 / probability`, with groups of equal weight.
    public init?(_ observations: [Observation]) {
        let usable = observations.filter {
            $0.probability > 0 && $0.probability <= 1 && !$0.probabilities.isEmpty
                && $0.probabilities.allSatisfy { $0.isFinite && $0 >= 0 }
        }
        let weights = usable.map { 1 / $0.probability }
        let squares = weights.reduce(0) { $0 + $1 * $1 }
        let total = weights.reduce(0, +)
        guard squares > 0, total * total / squares >= AuditEstimate.effectiveCountMin else { return nil }
        error = Self.error(usable, total: total)
        temperature = usable.count >= Self.temperatureLabelCountMin ? Self.temperature(usable) : nil
    }

    private static func error(_ observations: [Observation], total: Double) -> Double {
        let ordered = observations.sorted { $0.probabilities[0] < $1.probabilities[0] }
        let binCount = min(binCountMax, max(1, observations.count / binLabelCountMin))
        var bins = [(weight: Double, confidence: Double, hits: Double)](repeating: (0, 0, 0), count: binCount)
        var passed = 0.0
        for each in ordered {
            let weight = 1 / each.probability
            // By the middle of its weight, so that a heavy one does not fall out at the end.
            let bin = min(Int((passed + weight / 2) / total * Double(binCount)), binCount - 1)
            passed += weight
            bins[bin].weight += weight
            bins[bin].confidence += weight * Double(each.probabilities[0])
            bins[bin].hits += each.truth == 0 ? weight : 0
        }
        return bins.reduce(0) { $0 + ($1.confidence - $1.hits).magnitude } / total
    }

    // MARK: Temperature

    private static let temperatureRange = 0.05...20.0

    /// Where the log loss is least: it has one valley, which is narrowed down by golden sections.
    private static func temperature(_ observations: [Observation]) -> Double? {
        // A truth that was not recorded has no loss; some such are left out, many would bend the result.
        let known = observations.filter { $0.truth != nil }
        guard known.count * 20 >= observations.count * 19 else { return nil }
        let ratio = (5.0.squareRoot() - 1) / 2
        var low = log(temperatureRange.lowerBound)
        var high = log(temperatureRange.upperBound)
        var left = high - ratio * (high - low)
        var right = low + ratio * (high - low)
        var (lossLeft, lossRight) = (loss(known, exp(left)), loss(known, exp(right)))
        while high - low > 1e-4 {
            if lossLeft < lossRight {
                (high, right, lossRight) = (right, left, lossLeft)
                left = high - ratio * (high - low)
                lossLeft = loss(known, exp(left))
            } else {
                (low, left, lossLeft) = (left, right, lossRight)
                right = low + ratio * (high - low)
                lossRight = loss(known, exp(right))
            }
        }
        return exp((low + high) / 2)
    }

    /// The weighted negative log likelihood of the truth under `p^(1/T)`.
    private static func loss(_ observations: [Observation], _ temperature: Double) -> Double {
        observations.reduce(0) { sum, each in
            guard let truth = each.truth else { return sum }
            // A model that gives 0 is not punished without end.
            let powers = each.probabilities.map { pow(Double(max($0, 1e-7)), 1 / temperature) }
            return sum - log(powers[truth] / powers.reduce(0, +)) / each.probability
        }
    }
}
