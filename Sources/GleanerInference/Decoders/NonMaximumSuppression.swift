import GleanerCore

/// Keeps the best of boxes that show the same object: of two that overlap too much, the better scored.
///
/// Greedy, best score first; of equal scores the earlier candidate first, so that equal input gives equal output.
/// Whether a box is kept depends on better ones only. So the results from a score on are the same whatever weaker
/// candidates there are: one pass down to a low score gives what is claimed and what was almost seen.
enum NonMaximumSuppression {
    /// Only so many of the best are looked at: a model gone wild costs a bounded time.
    static let candidateCountMax = 3000

    /// Which boxes compete.
    enum Scope: String, Sendable, CaseIterable {
        /// Those of one class.
        case classWise = "class-wise"
        /// All: no two objects are in one place.
        case classAgnostic = "class-agnostic"
        /// None: the model has done it already.
        case none
    }

    /// - Parameters:
    ///   - overlapMax: Two boxes that overlap more than this (intersection over union) show one object.
    ///   - countMax: At most so many are kept.
    /// - Returns: The detections that stay, best first.
    static func best(of candidates: [Detection], scope: Scope, overlapMax: Float, countMax: Int) -> [Detection] {
        let ordered = order(candidates)
        guard scope != .none else { return ordered.prefix(countMax).map { candidates[$0] } }
        var kept: [Detection] = []
        for index in ordered {
            guard kept.count < countMax else { break }
            let candidate = candidates[index]
            let isShown = kept.contains {
                (scope == .classAgnostic || $0.classIndex == candidate.classIndex)
                    && $0.box.overlap(with: candidate.box) > overlapMax
            }
            if !isShown { kept.append(candidate) }
        }
        return kept
    }

    private static func order(_ candidates: [Detection]) -> ArraySlice<Int> {
        candidates.indices
            .sorted { (-candidates[$0].score, $0) < (-candidates[$1].score, $1) }
            .prefix(candidateCountMax)
    }
}
