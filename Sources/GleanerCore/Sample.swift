/// Why a frame was kept.
public enum SelectionReason: Hashable, Sendable {
    /// The coin took it, whatever its utility: these samples measure the model without bias.
    case audit
    /// A query strategy of this name gave it the largest utility, and the budget admitted it.
    case strategy(String)

    public init(_ text: String) { self = text == "audit" ? .audit : .strategy(text) }
    public var description: String {
        switch self {
        case .audit: "audit"
        case .strategy(let name): name
        }
    }
    public var isAudit: Bool { self == .audit }
}

/// Which part of the training data a sample belongs to, for good.
public enum Split: String, Sendable, Codable, CaseIterable { case train, val, test }

/// One kept frame with everything needed to label it, to train on it and to know why it is here.
///
/// It is a line of `samples.jsonl` (schema: `Schemas/sample.schema.json`), canonical and lossless.
public struct SampleRecord: Hashable, Sendable, Codable {
    /// The model that predicted.
    public struct ModelReference: Hashable, Sendable, Codable {
        public var name: String
        public var version: Int
        public var sha256: Digest
        public init(_ id: ModelID) {
            name = id.name
            version = id.version
            sha256 = id.digest
        }

        public var id: ModelID { ModelID(name: name, version: version, digest: sha256) }
    }

    public var id: SampleID
    /// The picture's path in the batch, such as `frames/<id>.jpg`; empty outside a batch.
    public var file: String
    /// SHA-256 and size of the picture's bytes.
    public var sha256: Digest
    public var bytes: Int
    public var encoding: PictureEncoding
    public var width: Int
    public var height: Int
    /// The configured source and the frame's name in it.
    public var source: String
    public var origin: String
    /// The wall clock at capture, if it was known. For people: nothing is ordered by it.
    public var capturedAt: Timestamp?
    public var model: ModelReference
    public var prediction: PredictionRecord
    /// In 0…1, by the strategy that ``reason`` names.
    public var utility: Double
    /// `audit`, or the name of the query strategy.
    public var reason: String
    /// The chance that this frame had of being kept: below 1 for audit samples, 1 for what a strategy chose.
    public var inclusionProbability: Double
    /// 16 hexadecimal digits.
    public var perceptualHash: String
    /// The run of frames that look much alike which this one was taken from, numbered within its run: right or wrong
    /// together, they count as one.
    public var scene: Int?
    /// How far the frame was from what was kept before: 0 the same, 1 as far as two frames that have nothing to do
    /// with each other.
    public var distance: Double?
    /// The weight of uncertainty against coverage, 0…1, that was in force.
    public var uncertaintyWeight: Double?
    /// For an audit sample that looks like a sample kept before: that one, in its short form.
    public var duplicateOf: String?
    /// How many frames that were not kept it stands for, because they looked like it, by the time it was read.
    public var represents: Int?
    /// In batches for training: what a trainer may weight it with to make up for how it was chosen, 1…10: the reciprocal
    /// of ``inclusionProbability``, and of the chance to stay when the disk was full, bounded because a few heavy samples
    /// make a training noisy.
    public var weight: Double?
    public var split: Split
    /// The current label, if there is one.
    public var label: LabelRecord?

    public init(
        id: SampleID, file: String = "", sha256: Digest, bytes: Int, encoding: PictureEncoding, width: Int,
        height: Int, source: String, origin: String, capturedAt: Timestamp?, model: ModelID,
        prediction: PredictionRecord, utility: Double, reason: SelectionReason, inclusionProbability: Double,
        perceptualHash: PerceptualHash, split: Split, label: LabelRecord? = nil
    ) {
        self.id = id
        self.file = file
        self.sha256 = sha256
        self.bytes = bytes
        self.encoding = encoding
        self.width = width
        self.height = height
        self.source = source
        self.origin = origin
        self.capturedAt = capturedAt
        self.model = ModelReference(model)
        self.prediction = prediction
        self.utility = utility
        self.reason = reason.description
        self.inclusionProbability = inclusionProbability
        self.perceptualHash = Hexadecimal.string(perceptualHash.bits)
        self.split = split
        self.label = label
    }

    /// See ``weight``.
    ///
    /// - Parameter evictionKey: The smallest key for which a chosen sample was evicted, if any was. A sample that a
    ///   strategy chose stayed with the chance that its own key is smaller.
    public func trainingWeight(evictedFrom evictionKey: Double?) -> Double {
        let isAudit = SelectionReason(reason).isAudit
        let stayed = isAudit ? 1 : min(1, Utility(clamping: utility).evictionWeight * (evictionKey ?? .infinity))
        return min(max(1 / (inclusionProbability * stayed), 1), 10)
    }

    /// The name of the picture's file in a batch: the id, so that labels find their sample again.
    public var fileName: String { "\(id).\(encoding.fileExtension)" }

    enum CodingKeys: String, CodingKey {
        case id, file, sha256, bytes, encoding, width, height, source, origin, model, prediction, utility, reason
        case scene, distance, represents, weight, split, label
        case uncertaintyWeight = "uncertainty_weight"
        case duplicateOf = "duplicate_of"
        case capturedAt = "captured_at"
        case inclusionProbability = "inclusion_probability"
        case perceptualHash = "perceptual_hash"
    }
}
