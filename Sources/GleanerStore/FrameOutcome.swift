public import GleanerCore

/// What became of one frame that was offered.
public struct FrameOutcome: Sendable {
    public enum Outcome: Sendable {
        /// Kept. The record has the picture's digest. Samples with larger eviction keys make room
        /// first, and this one is not stored at the expense of a smaller key.
        case stored(SampleRecord, picture: Picture, evictionKey: Double)
        /// Seen and judged, and not worth keeping.
        case rejected(reason: String, topClass: String? = nil, model: ModelID? = nil, utility: Double? = nil)
        /// Lost: not read, not judged, or no room for it.
        case dropped(reason: String, topClass: String? = nil, model: ModelID? = nil, utility: Double? = nil)
    }

    /// The frame's number in its run, from 1.
    public var sequence: UInt64
    public var origin: FrameOrigin
    public var outcome: Outcome
    /// So many frames before it were gone before anybody was ready for them. They count as offered and dropped.
    public var lateCount = 0
    /// The kept sample that stands for a frame that was not kept.
    public var duplicateOf: LocalSampleID?
    /// How the frame counts among all that the model was offered; `nil` for one that says nothing of the model.
    public var exposure: Exposure?
    /// What a kept frame shows, as its model sees it.
    public var embedding: Embedding?

    /// What is recorded of the decision; `nil` for nothing.
    public var recording: Recording?

    /// A frame's part of the recorded run.
    public struct Recording: Sendable {
        /// As long as those of the frames before and after; a part of what holds those of all its group.
        public var record: ArraySlice<UInt8>
        /// What changed since the frame before, in order.
        public var changes: [JSONValue]
        /// What to go on from, if a new segment begins with this frame.
        public var start: JSONValue?
        public init(record: ArraySlice<UInt8>, changes: [JSONValue] = [], start: JSONValue? = nil) {
            self.record = record
            self.changes = changes
            self.start = start
        }
    }

    /// One frame of all that a model's accuracy is estimated for.
    public struct Exposure: Sendable, Hashable {
        public var model: ModelID
        /// The model's confidence; `nil` for a frame that looked like a kept one, of which no confidence need be known.
        public var confidence: Double?
        public init(model: ModelID, confidence: Double?) {
            self.model = model
            self.confidence = confidence
        }
    }

    public init(sequence: UInt64, origin: FrameOrigin, outcome: Outcome) {
        self.sequence = sequence
        self.origin = origin
        self.outcome = outcome
    }

    /// What is told of it.
    var answer: FrameAnswer {
        switch outcome {
        case .stored(let record, _, _): FrameAnswer(.stored, reason: record.reason, sample: record.id)
        case .rejected(let reason, _, _, _): FrameAnswer(.rejected, reason: reason)
        case .dropped(let reason, _, _, _): FrameAnswer(.dropped, reason: reason)
        }
    }
}

/// Reasons for drops that the store itself gives.
public enum StoreDropReason {
    /// Nothing less valuable could make room.
    public static let noSpace = "no_space"
    /// It was gone before anybody was ready for it.
    public static let late = "late"
    /// The record cannot be written (a number that is not finite, a digest that is not the picture's).
    public static let malformed = "malformed"
}

/// What a commit did.
public struct CommitReport: Sendable, Hashable {
    public var storedCount = 0
    public var rejectedCount = 0
    public var droppedCount = 0
    /// Samples whose pixels made room.
    public var evictedCount = 0
    /// Of these, those that never left: nobody will label them any more.
    public var expired: Set<LocalSampleID> = []
    /// Samples of the group that were dropped by the store, with the reason.
    public var refused: [SampleID: String] = [:]
    /// What is to be told of frames whose origin awaits it.
    public var answers: [FrameOrigin: FrameAnswer] = [:]
}
