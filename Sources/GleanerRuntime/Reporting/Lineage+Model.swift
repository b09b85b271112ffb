public import GleanerCore

extension Lineage {
    public struct OfModel: Sendable, Codable {
        public var model: Model
        /// How far it has come: see ``ModelCourse``.
        public var stage: String
        public var reason: String?
        /// The key that vouched for its bundle.
        public var signer: String?
        public var events: [Event]
        /// `nil` when its bundle does not say.
        public var trainedOn: TrainedOn?
        public var predicted: Predicted
        /// Samples with pixels whose newest scores are its own, although another model predicted them live.
        public var scoredAnew: Int
        /// In how many batches samples left that it predicted or scored anew, and the newest of them.
        public var batchCount: Int
        public var batches: [BatchOfModel]
        /// Models of this device that were trained on batches with samples that it predicted.
        public var taught: [Taught]

        enum CodingKeys: String, CodingKey {
            case model, stage, reason, signer, events, predicted, batches, taught
            case trainedOn = "trained_on"
            case scoredAnew = "scored_anew"
            case batchCount = "batch_count"
        }
    }

    public struct Event: Sendable, Codable {
        public var kind: String
        public var message: String
        public var at: Timestamp
    }

    /// Samples that a model predicted live.
    public struct Predicted: Sendable, Codable {
        public var samples: Int
        public var labeled: Int
        public var unusable: Int
    }

    public struct BatchOfModel: Sendable, Codable {
        public var batch: Batch
        public var predicted: Int
        public var scoredAnew: Int

        enum CodingKeys: String, CodingKey {
            case batch, predicted
            case scoredAnew = "scored_anew"
        }
    }

    public struct TrainedOn: Sendable, Codable {
        /// Batches that its bundle lists, and how many of them are this device's.
        public var batchCount: Int
        public var knownCount: Int
        /// Whether it was trained on the split `test` too.
        public var includesTest: Bool
        /// Those of this device first.
        public var batches: [TrainingBatch]

        enum CodingKeys: String, CodingKey {
            case batches
            case batchCount = "batch_count"
            case knownCount = "known_count"
            case includesTest = "includes_test"
        }
    }

    public struct TrainingBatch: Sendable, Codable {
        /// As the bundle has it.
        public var id: String
        /// `nil`, as is all that follows, for a batch of another device.
        public var batch: Batch?
        public var samples: Int?
        /// Samples of the split `test`.
        public var test: Int?
        /// Samples whose label shows a class, by name.
        public var labels: [String: Int]?
        /// Who predicted the samples when they were frames.
        public var predictedBy: [Predictor]?

        enum CodingKeys: String, CodingKey {
            case id, batch, samples, test, labels
            case predictedBy = "predicted_by"
        }
    }

    public struct Predictor: Sendable, Codable {
        public var model: Model
        public var samples: Int
    }

    public struct Taught: Sendable, Codable {
        /// A batch of its training, with how many of the samples are the other model's.
        public struct Part: Sendable, Codable {
            public var id: BatchID
            public var samples: Int
        }
        public var model: Model
        public var batchCount: Int
        /// Newest first.
        public var batches: [Part]

        enum CodingKeys: String, CodingKey {
            case model, batches
            case batchCount = "batch_count"
        }
    }
}
