public import GleanerCore

/// A sealed batch as a link of a chain: one that is open has no digest yet to be followed by.
public struct BatchLink: Sendable, Hashable {
    public var id: BatchID
    public var number: Int
    public var purpose: BatchPurpose
    public var destination: String
    /// `discarded` is one that was given up after it was sealed.
    public var state: BatchState
    /// By the wall clock, right or wrong.
    public var openedAt: Timestamp
    public var deliveredAt: Timestamp?
}

/// What became of a sample after it was stored; how it came to be is in its record.
public struct SampleLineage: Sendable, Hashable {
    /// What a later model says of it.
    public struct Score: Sendable, Hashable {
        public var model: ModelID
        public var prediction: PredictionRecord
    }

    public struct Label: Sendable, Hashable {
        public var record: LabelRecord
        /// By the wall clock, right or wrong.
        public var receivedAt: Timestamp
        /// It is the one that counts.
        public var isCurrent: Bool
    }

    public struct Batch: Sendable, Hashable {
        public var link: BatchLink
        /// The label that it left with, if it had one by then.
        public var label: LabelRecord?
    }

    /// Oldest model first.
    public var scores: [Score]
    /// In the order in which they came.
    public var labels: [Label]
    /// Oldest first.
    public var batches: [Batch]
}

/// What became of the samples that a model predicted live, or scored anew later.
public struct ModelLineage: Sendable, Hashable {
    /// A batch in which such samples left.
    public struct Batch: Sendable, Hashable {
        public var link: BatchLink
        public var predictedCount: Int
        public var scoredAnewCount: Int
    }

    /// Samples that it predicted live, and of these those that have a label, or were found to have none.
    public var predictedCount = 0
    public var labeledCount = 0
    public var unusableCount = 0
    /// Newest first.
    public var batches: [Batch] = []
}

/// Where a batch comes from.
public struct BatchLineage: Sendable, Hashable {
    /// How many of its samples a model predicted live.
    public struct Predictor: Sendable, Hashable {
        public var model: ModelID
        public var sampleCount: Int
    }

    public var link: BatchLink
    /// All samples, and of these those of the split `test`.
    public var sampleCount: Int
    public var testCount: Int
    /// Samples whose label, as it left with them, shows a class, by name.
    public var labelCounts: [String: Int]
    /// Newest version first.
    public var predictors: [Predictor]
}
