public import GleanerCore

/// How far a batch has come.
public enum BatchState: String, Sendable, Codable, CaseIterable {
    /// Its members are chosen and held; its files are being written.
    case open
    /// It never changes again, and awaits its acknowledgement.
    case sealed
    /// Its destination has acknowledged it.
    case delivered
    /// It was given up before it was delivered; its members are free again.
    case discarded
}

/// A batch as the store knows it.
public struct StoredBatch: Sendable, Hashable {
    /// Purpose, device, number, task, classes and how many samples.
    public var header: BatchHeader
    public var destination: String
    public var formats: [String]
    public var state: BatchState
    /// Known once it is sealed.
    public var id: BatchID?
    /// The models that predicted, newest first.
    public var models: [SampleRecord.ModelReference]
    /// By the wall clock, right or wrong.
    public var openedAt: Timestamp
    public var number: Int { header.number }
    public var purpose: BatchPurpose { header.purpose }
}
