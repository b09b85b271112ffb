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

    /// Leaves the detections that stay, best first.
    ///
    /// - Parameters:
    ///   - overlapMax: Two boxes that overlap more than this (intersection over union) show one object.
    ///   - countMax: At most so many are kept.
    static func suppress(in candidates: inout [Detection], scope: Scope, overlapMax: Float, countMax: Int) {
        candidates.sort { $0.score > $1.score }  // is stable
        let lookedAtCount = min(candidates.count, candidateCountMax)
        let keptCount = candidates.withUnsafeMutableBufferPointer { candidates in
            var keptCount = 0
            for index in 0..<lookedAtCount where keptCount < countMax {
                let candidate = candidates[index]
                guard scope == .none || !isShown(candidate, by: candidates[..<keptCount], scope, overlapMax) else {
                    continue
                }
                candidates[keptCount] = candidate
                keptCount += 1
            }
            return keptCount
        }
        candidates.removeLast(candidates.count - keptCount)
    }

    private static func isShown(
        _ candidate: Detection, by kept: Slice<UnsafeMutableBufferPointer<Detection>>, _ scope: Scope,
        _ overlapMax: Float
    ) -> Bool {
        let box = candidate.box
        let (right, bottom) = (box.x + box.width, box.y + box.height)
        return kept.contains { other in
            // Most boxes are elsewhere, and need no division.
            other.box.x < right && box.x < other.box.x + other.box.width
                && other.box.y < bottom && box.y < other.box.y + other.box.height
                && (scope == .classAgnostic || other.classIndex == candidate.classIndex)
                && other.box.overlap(with: box) > overlapMax
        }
    }
}
