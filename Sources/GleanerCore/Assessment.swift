/// How what a model said of a frame compares with the truth.
public struct Assessment: Hashable, Sendable, Codable {
    /// Boxes of a detection and of the truth that overlap at least so much mean the same object: the field's custom
    /// since PASCAL VOC.
    public static let overlapMin: Float = 0.5

    /// Objects or classes that it found.
    public var hits: Int
    /// Objects or classes that it claimed and that are not there.
    public var falseAlarms: Int
    /// Objects or classes that are there and that it did not claim.
    public var misses: Int

    public init(hits: Int, falseAlarms: Int, misses: Int) {
        self.hits = hits
        self.falseAlarms = falseAlarms
        self.misses = misses
    }

    /// `nil` when the two are of different tasks, or nobody knows the truth.
    public init?(of prediction: PredictionRecord, against label: LabelValue) {
        switch (prediction.task, label) {
        case (.classification, .classified(let name)): self.init(of: prediction.claimedClasses, against: [name])
        case (.classification, .classes(let names)): self.init(of: prediction.claimedClasses, against: Set(names))
        case (.detection, .boxes(let truth)):
            self.init(of: prediction.confidentBoxes, against: truth)
        default: return nil
        }
    }

    /// One class against one is a hit, or a false alarm and a miss.
    private init(of claimed: [PredictionRecord.ClassScore], against truth: Set<String>) {
        let hits = claimed.count { truth.contains($0.label) }
        self.init(hits: hits, falseAlarms: claimed.count - hits, misses: truth.count - hits)
    }

    /// Each claimed box, the surest first, takes the free box of its class that it overlaps most.
    private init(of claimed: [PredictionRecord.BoxScore], against truth: [LabeledBox]) {
        var free = truth
        var hits = 0
        for claim in claimed.sorted(by: { $0.score > $1.score }) {
            let fitting = free.indices.filter { free[$0].label == claim.label }
            guard
                let best = fitting.max(by: {
                    free[$0].box.overlap(with: claim.box) < free[$1].box.overlap(with: claim.box)
                }),
                free[best].box.overlap(with: claim.box) >= Self.overlapMin
            else { continue }
            free.remove(at: best)
            hits += 1
        }
        self.init(hits: hits, falseAlarms: claimed.count - hits, misses: free.count)
    }

    /// Whether it said everything that is true and nothing else.
    public var isRight: Bool { falseAlarms == 0 && misses == 0 }
}
