public import GleanerCore
import GleanerStore

/// Where a sample or a model comes from, and what became of it: the document of `lineage --json`.
/// Schema: `Schemas/lineage.schema.json`.
public struct Lineage: Sendable, Codable {
    public enum Kind: String, Sendable, Codable { case sample, model }

    public var kind: Kind
    /// The one that ``kind`` names.
    public var sample: OfSample?
    public var model: OfModel?

    /// A list is cut after so many links; beside it stands how many there are.
    public static let linkCountMax = 100

    // MARK: Links

    /// A model, and what it is to this device.
    public struct Model: Sendable, Codable {
        public var name: String
        public var version: Int
        public var sha256: Digest
        /// `nil` for one that has predicted here, and that this device has no slot of any more.
        public var state: String?

        init(_ id: ModelID, _ state: ModelSlot.State?) {
            (name, version, sha256) = (id.name, id.version, id.digest)
            self.state = state?.rawValue
        }
    }

    /// A sealed batch.
    public struct Batch: Sendable, Codable {
        public var id: BatchID
        public var number: Int
        public var purpose: BatchPurpose
        public var destination: String
        public var state: String
        public var openedAt: Timestamp
        public var deliveredAt: Timestamp?

        init(_ link: BatchLink) {
            (id, number, purpose) = (link.id, link.number, link.purpose)
            (destination, state) = (link.destination, link.state.rawValue)
            (openedAt, deliveredAt) = (link.openedAt, link.deliveredAt)
        }

        enum CodingKeys: String, CodingKey {
            case id, number, purpose, destination, state
            case openedAt = "opened_at"
            case deliveredAt = "delivered_at"
        }
    }

    /// What a model says of a sample, in short.
    public struct Said: Sendable, Codable {
        public var model: Model
        /// What it is surest of; `nil` when it sees nothing.
        public var topClass: String?
        public var score: Float?
        /// How many objects a detector claims.
        public var boxes: Int?

        init(_ model: Model, _ prediction: PredictionRecord) {
            self.model = model
            (topClass, score) = (prediction.top?.label, prediction.top?.score)
            boxes = prediction.task == .detection ? prediction.confidentBoxes.count : nil
        }

        enum CodingKeys: String, CodingKey {
            case model, score, boxes
            case topClass = "class"
        }
    }

    // MARK: A sample

    public struct OfSample: Sendable, Codable {
        public var id: SampleID
        public var short: String
        public var frame: Frame
        public var kept: Kept
        /// By the model that served.
        public var predicted: Said
        /// By later models, oldest first.
        public var scoredAnew: [Said]
        /// In the order in which they came.
        public var labels: [Label]
        /// Oldest first.
        public var batches: [BatchOfSample]
        /// Models of this device that were trained on a batch with it, or do not say on what, newest version first.
        public var models: [Trained]

        enum CodingKeys: String, CodingKey {
            case id, short, frame, kept, predicted, labels, batches, models
            case scoredAnew = "scored_anew"
        }
    }

    public struct Frame: Sendable, Codable {
        public var source: String
        public var origin: String
        public var sha256: Digest
        public var pixels: String
        public var capturedAt: Timestamp?

        enum CodingKeys: String, CodingKey {
            case source, origin, sha256, pixels
            case capturedAt = "captured_at"
        }
    }

    /// Why a frame became a sample.
    public struct Kept: Sendable, Codable {
        public var reason: String
        public var inclusionProbability: Double
        public var utility: Double
        public var split: Split
        public var scene: Int?
        public var duplicateOf: String?

        enum CodingKeys: String, CodingKey {
            case reason, utility, split, scene
            case inclusionProbability = "inclusion_probability"
            case duplicateOf = "duplicate_of"
        }
    }

    public struct Label: Sendable, Codable {
        public var value: String
        public var revision: Int64?
        public var author: String?
        public var receivedAt: Timestamp
        /// Whether it is the one that counts now.
        public var counts: Bool

        enum CodingKeys: String, CodingKey {
            case value, revision, author, counts
            case receivedAt = "received_at"
        }
    }

    public struct BatchOfSample: Sendable, Codable {
        public var batch: Batch
        /// The label that the sample left with.
        public var label: String?
    }

    /// How a model's training relates to a sample.
    public struct Trained: Sendable, Codable {
        public enum Relation: String, Sendable, Codable {
            case trainedOn = "trained_on"
            /// It was in a batch that the model was trained on, in the split `test`, which training left alone.
            case heldOut = "held_out"
            /// The model does not say what it was trained on, and the sample has left this device.
            case unknown
        }
        public var model: Model
        public var relation: Relation
        /// Batches with the sample that the model lists.
        public var batches: [BatchID]
    }
}
