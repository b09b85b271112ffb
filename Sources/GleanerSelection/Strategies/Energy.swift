public import GleanerCore

/// Frames that show little of anything the model knows: the rank of its free energy, `−ln Σ exp z` of the logits z,
/// among the last 512 frames.
///
/// Probabilities always sum to 1, so that they cannot say whether a frame shows anything known at all; logits can.
/// Energy has no range of its own, and so the utility is its rank: 1 for the strangest of the last frames, 0 for the
/// most familiar. It finds what is out of place, which need not be what a label teaches most about: use it beside
/// ``Margin``.
///
/// It applies only to classifiers that give logits (`activation: logits`); with probabilities there is no energy to be
/// known, and it says nothing.
///
/// Source: Liu, Wang, Owens, Li, *Energy-based Out-of-distribution Detection*, NeurIPS 2020.
public struct Energy: QueryStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "energy", "Classifiers that give logits: how little the frame shows of anything known."
    ) { _ in Energy() }

    private static let windowCount = 512

    private var energies = UtilityWindow()

    public init() {}

    public var tasks: Set<ModelTask> { [.classification] }
    public var measuresUncertainty: Bool { true }

    public mutating func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        guard case .classification(_, let logSumExp?) = candidate.prediction, logSumExp.isFinite else { return nil }
        let rank = energies.rank(of: -logSumExp)
        energies.append(-logSumExp, capacity: Self.windowCount)
        return Utility(clamping: rank)
    }
}
