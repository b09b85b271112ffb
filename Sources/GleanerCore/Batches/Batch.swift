/// What a batch is for.
public enum BatchPurpose: String, Sendable, Codable, CaseIterable {
    /// Samples without a label, with the model's predictions as pre-labels.
    case labeling
    /// Samples with their labels.
    case training
}

/// What is true of a whole batch, for those who write its views.
public struct BatchHeader: Hashable, Sendable, Codable {
    public var purpose: BatchPurpose
    public var device: DeviceID
    /// The batch's number on its device, from 1.
    public var number: Int
    public var task: ModelTask
    /// Class names that predictions and labels may have, in the order of their indices.
    public var classes: [String]
    /// Whether the classes of a classifier do not exclude each other; left out when they do.
    public var allowsSeveralClasses: Bool?
    public var sampleCount: Int
    public init(
        purpose: BatchPurpose, device: DeviceID, number: Int, task: ModelTask, classes: [String], sampleCount: Int
    ) {
        self.purpose = purpose
        self.device = device
        self.number = number
        self.task = task
        self.classes = classes
        self.sampleCount = sampleCount
    }
    enum CodingKeys: String, CodingKey {
        case purpose, device, number, task, classes
        case allowsSeveralClasses = "allows_several_classes"
        case sampleCount = "sample_count"
    }
}

/// `manifest.json`: every file of a sealed batch with its size and digest. Its own digest is the batch's id.
///
/// Schema: `Schemas/batch-manifest.schema.json`.
public struct BatchManifest: Hashable, Sendable, Codable {
    /// A file of the batch.
    public struct File: Hashable, Sendable, Codable {
        /// Relative to the batch's folder, with `/` between parts.
        public var path: String
        public var bytes: Int
        public var sha256: Digest
        public init(path: String, bytes: Int, sha256: Digest) {
            self.path = path
            self.bytes = bytes
            self.sha256 = sha256
        }
    }

    public static let currentSchema = "gleaner/batch/1"
    public static let fileName = "manifest.json"
    public static let samplesFileName = "samples.jsonl"

    public var schema = Self.currentSchema
    public var header: BatchHeader
    public var formats: [String]
    /// The models that predicted, newest first.
    public var models: [SampleRecord.ModelReference]
    /// Sorted by path; the manifest itself is not listed.
    public var files: [File]
    public init(header: BatchHeader, formats: [String], models: [SampleRecord.ModelReference], files: [File]) {
        self.header = header
        self.formats = formats
        self.models = models
        self.files = files
    }
}

/// Where a format wants a sample's picture.
public enum FramePlace: Hashable, Sendable {
    /// As a file of its own, in whatever folder; its name is ``SampleRecord/fileName``.
    case file(String)
    /// Inside a file that the format writes, which is then the only view of its batch.
    case packed(in: String)

    public var path: String {
        switch self {
        case .file(let path), .packed(let path): path
        }
    }
}

/// A view of a batch for one consumer: COCO, Label Studio, …
///
/// ### Promises of an implementation
/// - It writes only inside the folder, and never a picture: those are placed by the batch.
/// - The same samples give the same bytes, so that a batch can be written again and verified.
/// - Memory does not grow with the number of samples.
public protocol ExportFormat: Sendable {
    /// Files or entries of an archive that it writes for each sample, for an estimate of its size.
    var filesPerSample: Int { get }
    /// Begins the view.
    func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter
}

extension ExportFormat {
    public var filesPerSample: Int { 0 }
}

/// Writes one view of one batch, sample by sample.
public protocol ExportWriter {
    /// Where the picture of the sample that ``append(_:)`` is given next must lie for this consumer; `nil` when it
    /// reads ``SampleRecord/file`` from anywhere. At most one format of a batch may have an opinion.
    mutating func place(of sample: SampleRecord) throws -> FramePlace?
    /// `sample.file` is its picture's path in the batch.
    mutating func append(_ sample: SampleRecord) throws
    /// Completes the files and closes them. They need not be flushed.
    mutating func finish() throws
}

extension ExportWriter {
    public mutating func place(of sample: SampleRecord) throws -> FramePlace? { nil }
}
