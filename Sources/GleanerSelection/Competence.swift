/// How much a model's own uncertainty is worth as a guide to what it should learn next.
///
/// A very poor model is unsure of the wrong frames, and what it is unsure of teaches less than what it has not seen. So
/// both are weighed, by the accuracy that audit labels measured; what is not known is taken to be even (see
/// *Decisions*).
public struct Competence: Hashable, Sendable {
    /// Up to this accuracy uncertainty counts nothing, from ``good`` on it decides alone.
    public static let poor = 0.1
    public static let good = 0.4
    /// What is known of the version before counts like so many labels: a retrained model is seldom a stranger.
    static let priorLabelCountMax = 20.0

    /// The posterior mean of the accuracy, and the labels behind it, the prior's included.
    public let accuracy: Double
    public let labelCount: Double

    /// - Parameters:
    ///   - hits: Audit labels that the version had predicted right, at most `count`.
    ///   - previous: What was known of the version before.
    public init(hits: Double = 0, of count: Double = 0, previous: Competence? = nil) {
        precondition(hits >= 0 && hits <= count, "there are no more hits than labels")
        // A flat prior of one label either way; on top of it the version before.
        let carried = min(max((previous?.labelCount ?? 2) - 2, 0), Self.priorLabelCountMax)
        labelCount = count + carried + 2
        accuracy = (hits + carried * (previous?.accuracy ?? 0) + 1) / labelCount
    }

    /// As it was recorded; `nil` for numbers that are none.
    init?(accuracy: Double, labelCount: Double) {
        guard (0...1).contains(accuracy), labelCount.isFinite, labelCount >= 0 else { return nil }
        self.accuracy = accuracy
        self.labelCount = labelCount
    }

    /// The weight of uncertainty, 0…1; coverage has the rest. All of it as long as nothing is known.
    public var weight: Double { min(max((accuracy - Self.poor) / (Self.good - Self.poor), 0), 1) }
}
