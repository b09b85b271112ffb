public import GleanerCore

/// Frames with objects that a detector is unsure of, or may have missed.
///
/// A claimed box with score s gives `1 − |2s − 1|`, largest at 0.5, and the frame the mean of its `k` most uncertain
/// boxes. Boxes below `score_min` are what the detector almost saw: the best of them counts `0.8 · s`, and the
/// larger of the two is the utility. Without that term a frame with a missed object would look certain, and misses
/// would never be labeled. A frame without any box has utility 0.
///
/// It does not apply to classifications. `k` is 3: the sum would favour crowded frames, which are also the dearest to
/// label, and the single largest (`k: 1`) lets one odd box decide.
public struct BoxUncertainty: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "box-uncertainty", "Detectors: how unsure its least certain boxes are, and what it almost saw."
    ) { options in
        BoxUncertainty(
            k: options.integer("k", in: 1...100) ?? 3,
            aggregation: options.choice("aggregation", Aggregation.self) ?? .topK)
    }

    /// What a nearly seen object is worth beside a claimed one of the same score.
    static let residueWeight = 0.8

    /// What the uncertainties of a frame's boxes make together. No source shows one to be best on all data.
    public enum Aggregation: String, Sendable, CaseIterable {
        /// The mean of the `k` largest.
        case topK = "top-k"
        case max
        /// The sum, up to 1: crowded frames win.
        case sum
        /// The chance that at least one is wrong, if each were wrong with its uncertainty: `1 − Π (1 − u)`.
        case noisyOr = "noisy-or"
    }

    private let k: Int
    private let aggregation: Aggregation

    /// - Parameter k: How many of the most uncertain boxes are averaged; at least 1.
    public init(k: Int = 3, aggregation: Aggregation = .topK) {
        precondition(k >= 1, "an average needs a box")
        self.k = k
        self.aggregation = aggregation
    }

    public var tasks: Set<ModelTask> { [.detection] }
    public var measuresUncertainty: Bool { true }

    /// The mean of three and the largest are recorded; other numbers and sums need every box.
    public var scoredTasks: Set<ModelTask> { isScored ? [.detection] : [] }

    private var isScored: Bool {
        switch aggregation {
        case .topK: k == 1 || k == FrameScores.leastCertainCount
        case .max: true
        case .sum, .noisyOr: false
        }
    }

    public func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        guard case .detection(_, let uncertain, let leastCertain, let residue) = frame.scores else { return nil }
        let claimed = aggregation == .topK && k > 1 ? uncertain : leastCertain
        return Utility(clamping: max(Double(claimed), Self.residueWeight * Double(residue)))
    }

    public func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        guard case .detection(let detections) = candidate.prediction else { return nil }
        if isScored { return utility(of: ScoredFrame(candidate), in: context) }
        var claimed: [Double] = []
        let residue = FrameScores.forEachUncertainty(
            of: detections, scoreMin: candidate.scoreMin ?? 0, weights: candidate.manifest.relativeDifficulty
        ) { claimed.append(Double($0)) }
        return Utility(clamping: max(together(claimed), Self.residueWeight * Double(residue)))
    }

    private func together(_ uncertainties: [Double]) -> Double {
        switch aggregation {
        case .topK:
            let top = uncertainties.sorted(by: >).prefix(k)
            return top.isEmpty ? 0 : top.reduce(0, +) / Double(top.count)
        case .max: return uncertainties.max() ?? 0
        case .sum: return min(1, uncertainties.reduce(0, +))
        case .noisyOr: return 1 - uncertainties.reduce(1) { $0 * (1 - $1) }
        }
    }
}
