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
    static func best(
        of candidates: consuming [Detection], scope: Scope, overlapMax: Float, countMax: Int
    ) -> [Detection] {
        candidates.sort { $0.score > $1.score }  // is stable
        var keptCount = 0
        for index in 0..<min(candidates.count, candidateCountMax) {
            guard keptCount < countMax else { break }
            let candidate = candidates[index]
            let isShown =
                scope != .none
                && candidates[..<keptCount].contains {
                    (scope == .classAgnostic || $0.classIndex == candidate.classIndex)
                        && $0.box.overlap(with: candidate.box) > overlapMax
                }
            guard !isShown else { continue }
            candidates[keptCount] = candidate
            keptCount += 1
        }
        candidates.removeLast(candidates.count - keptCount)
        return candidates
    }
}
