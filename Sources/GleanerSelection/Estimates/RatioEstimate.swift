/// A share of objects, such as precision or recall, from audit samples that hold several objects each.
///
/// Objects of one frame, and frames of one scene, are right or wrong together: the interval is that of a ratio of
/// sums over scenes (linearised), with the same care near 0 and 1 as ``AuditEstimate``.
public struct RatioEstimate: Hashable, Sendable {
    /// One audit sample.
    public struct Observation: Hashable, Sendable {
        public var part: Int
        public var whole: Int
        /// The coin's.
        public var probability: Double
        public var scene: Int
        public init(part: Int, whole: Int, probability: Double, scene: Int) {
            self.part = part
            self.whole = whole
            self.probability = probability
            self.scene = scene
        }
    }

    public let share: Double
    /// Covers the truth in 95 of 100 cases.
    public let interval: ClosedRange<Double>
    public let objectCount: Int

    /// `nil` for fewer than 30 scenes or without objects.
    public init?(_ observations: [Observation]) {
        let usable = observations.filter { $0.probability > 0 && $0.probability <= 1 }
        let scenes = Set(usable.map(\.scene)).count
        let whole = usable.reduce(0) { $0 + Double($1.whole) / $1.probability }
        guard Double(scenes) >= AuditEstimate.effectiveCountMin, whole > 0 else { return nil }
        let share = usable.reduce(0) { $0 + Double($1.part) / $1.probability } / whole
        var sums: [Int: Double] = [:]
        for each in usable {
            sums[each.scene, default: 0] += (Double(each.part) - share * Double(each.whole)) / each.probability / whole
        }
        let clusters = Double(scenes)
        let variance = sums.values.reduce(0) { $0 + $1 * $1 } * clusters / (clusters - 1)
        self.share = share
        interval = WilsonInterval.of(share, variance: variance, countMax: clusters, degrees: clusters - 1)
        objectCount = usable.reduce(0) { $0 + $1.whole }
    }
}
