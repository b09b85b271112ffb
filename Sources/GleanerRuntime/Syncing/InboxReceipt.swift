public import GleanerCore

/// What became of labels or a model that a destination had for this device: a document for the other side.
///
/// Schema: `Schemas/inbox-receipt.schema.json`.
public struct InboxReceipt: Sendable, Codable {
    public static let currentSchema = "gleaner/inbox-receipt/1"

    /// How many labels of a file were taken.
    public struct Labels: Sendable, Codable {
        public var applied: Int
        public var corrected: Int
        public var unchanged: Int
        public var outdated: Int
        public var rejected: Int
        /// The first of them.
        public var rejections: [RejectedLabel]

        enum CodingKeys: String, CodingKey {
            case applied, corrected, unchanged, outdated, rejected, rejections
        }

        init(_ report: LabelImportReport) {
            applied = report.applied
            corrected = report.corrected
            unchanged = report.unchanged
            outdated = report.outdated
            rejected = report.rejected.count
            rejections = Array(report.rejected.prefix(20))
        }
    }

    /// A model that came in.
    public struct Model: Sendable, Codable {
        public var name: String
        public var version: Int
        public var sha256: Digest
        /// `staged`, `shadow` or `active`.
        public var state: String
    }

    public var schema = Self.currentSchema
    public var device: DeviceID
    /// Its path below the inbox.
    public var item: String
    public var sha256: Digest
    /// By the device's wall clock, right or wrong.
    public var at: Timestamp
    /// For labels.
    public var labels: Labels?
    /// For a model.
    public var model: Model?
    /// Why nothing of it was taken.
    public var failure: VisitReport.Failure?

    init(device: DeviceID, item: String, sha256: Digest) {
        self.device = device
        self.item = item
        self.sha256 = sha256
        at = .now()
    }
}

extension InboxReceipt {
    /// What became of it, in a sentence for people.
    public var outcome: String {
        if let failure { return "not taken: \(failure.message)" }
        if let model { return "\(model.name)@\(model.version) is \(model.state)" }
        guard let labels else { return "nothing" }
        return "\(labels.applied) labels applied, \(labels.corrected) corrected, \(labels.unchanged) known already, "
            + "\(labels.outdated) outdated, \(labels.rejected) rejected"
    }
}
