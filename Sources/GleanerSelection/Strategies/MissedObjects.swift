public import GleanerCore

/// Frames in which a detector may have missed something: objects that come and go from one frame to the next, that
/// change their class, or that it almost saw.
///
/// Each claimed box is matched with the one of the frame before that it overlaps most (at least 0.3). Boxes that
/// vanished or appeared away from the frame's edge, and matches of another class, are counted in relation to all boxes
/// and averaged with the frames before, each counting half of the one after it. An object that leaves the frame is
/// nothing to wonder about; one that vanishes in its middle is. Sub-threshold boxes count `0.8 · score`, as in
/// ``BoxUncertainty``.
///
/// It makes sense for frames that follow each other closely: for a folder of single pictures everything flickers.
///
/// Source: after Bengar et al., *Temporal coherence for active learning in videos*, ICCV Workshops 2019.
public struct MissedObjects: QueryStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "missed-objects", "Detectors on video: objects that come and go, and what was almost seen."
    ) { options in
        MissedObjects(overlapMin: Float(options.number("overlap_min", in: 0.01...1) ?? 0.3))
    }

    /// The part of a side of the frame that is its edge.
    private static let edgeShare: Float = 0.05

    private let overlapMin: Float
    private var previous: [Detection]?
    private var flicker = 0.0

    /// - Parameter overlapMin: Boxes of two frames that overlap so much show one object; more than 0.
    public init(overlapMin: Float = 0.3) {
        precondition(overlapMin > 0, "boxes that do not touch are not one object")
        self.overlapMin = overlapMin
    }

    public var tasks: Set<ModelTask> { [.detection] }
    public var measuresUncertainty: Bool { true }

    public mutating func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
        guard case .detection(let detections) = candidate.prediction else { return nil }
        let scoreMin = candidate.scoreMin ?? 0
        let claimed = detections.filter { $0.score >= scoreMin }
        let residue = detections.lazy.map(\.score).filter { $0.isFinite && $0 < scoreMin }.max() ?? 0
        if let previous {
            flicker = (flicker + changes(from: previous, to: claimed, in: candidate)) / 2
        }
        previous = claimed
        return Utility(clamping: max(flicker, BoxUncertainty.residueWeight * Double(residue)))
    }

    /// The share of boxes that came, went or changed their class, 0…1.
    private func changes(from previous: [Detection], to current: [Detection], in candidate: Candidate) -> Double {
        var free = previous
        var count = 0
        for detection in current {
            var (best, largest) = (0, Float(0))
            for index in free.indices {
                let overlap = free[index].box.overlap(with: detection.box)
                if overlap > largest { (best, largest) = (index, overlap) }
            }
            guard largest >= overlapMin else {
                count += isAtEdge(detection.box, candidate) ? 0 : 1
                continue
            }
            if free[best].classIndex != detection.classIndex { count += 1 }
            free.remove(at: best)
        }
        count += free.count { !isAtEdge($0.box, candidate) }
        return min(1, Double(count) / Double(1 + max(previous.count, current.count)))
    }

    private func isAtEdge(_ box: Box, _ candidate: Candidate) -> Bool {
        guard let size = candidate.frameSize else { return false }
        let (x, y) = (Float(size.width) * Self.edgeShare, Float(size.height) * Self.edgeShare)
        return box.x < x || box.y < y || box.x + box.width > Float(size.width) - x
            || box.y + box.height > Float(size.height) - y
    }
}
