public import Foundation

/// A sealed batch as a destination reads it. Nothing of it ever changes.
public protocol SealedBatch: Sendable {
    var id: BatchID { get }
    var manifest: BatchManifest { get }
    /// `manifest.json`, byte for byte: its digest is the batch's id.
    var manifestData: Data { get }
    /// When it was sealed, by the device's wall clock, right or wrong. The same at every attempt.
    var sealedAt: Timestamp { get }

    /// Bytes of one of its files; called from any thread.
    ///
    /// - Throws: ``GleanerError`` with code `batch.damaged` or `sample.damaged` when they are not what was sealed.
    func read(_ file: BatchManifest.File, at offset: Int, byteCount: Int) throws -> [UInt8]
}

extension SealedBatch {
    /// The size of all its files, in bytes.
    public var byteCount: Int { manifest.files.reduce(manifestData.count) { $0 + $1.bytes } }

    private static var pieceByteCount: Int { 1 << 20 }

    /// Hands out a range of a file in order, in pieces of at most 1 MiB, for those who check for themselves that it is
    /// what was sealed.
    public func forEachUncheckedPiece(
        of file: BatchManifest.File, in range: Range<Int>, _ body: ([UInt8]) throws -> Void
    ) throws {
        for offset in stride(from: range.lowerBound, to: range.upperBound, by: Self.pieceByteCount) {
            try body(read(file, at: offset, byteCount: min(Self.pieceByteCount, range.upperBound - offset)))
        }
    }

    /// Hands out a file from its beginning to its end, in pieces of at most 1 MiB, and checks it on the way.
    ///
    /// - Throws: ``GleanerError`` with code `batch.damaged` after the last piece, if it was not what was sealed.
    public func forEachPiece(of file: BatchManifest.File, _ body: ([UInt8]) throws -> Void) throws {
        var hasher = DigestHasher()
        try forEachUncheckedPiece(of: file, in: 0..<file.bytes) { piece in
            piece.withUnsafeBytes { hasher.update($0) }
            try body(piece)
        }
        guard hasher.finish() == file.sha256 else { throw GleanerError.unsealed(file) }
    }
}

extension GleanerError {
    /// A file of a batch on this device is not what was sealed.
    public static func unsealed(_ file: BatchManifest.File) -> GleanerError {
        GleanerError(
            .batchDamaged, "'\(file.path)' is not what was sealed",
            remedy: "the disk of the device may be failing; its samples leave with the next batch")
    }
}

/// A destination's word that it has a batch, whole.
public struct Receipt: Hashable, Sendable, Codable {
    /// The digest of the manifest that lies there: read back, or confirmed by the other side.
    public var batch: Digest
    /// Where it lies, for people.
    public var place: String
    public init(batch: Digest, place: String) {
        self.batch = batch
        self.place = place
    }
}

/// Where batches go: a stick, a bucket, a labeling tool.
///
/// ### Promises of an implementation
/// - Delivering is idempotent: what is there already, whole, is acknowledged again and not sent again.
/// - A delivery that was cut off goes on where it was: at most one object, chunk or part is sent twice.
/// - A receipt is given only for what was read back, or confirmed with its digest by the other side.
/// - Nobody sees half a batch: its manifest comes last, or the whole gets its name at last.
/// - It ends soon after its task is cancelled, and a later delivery goes on.
/// - Memory does not grow with the batch.
/// - Failures say by their code whether trying again helps: ``GleanerError/Code/destinationOffline`` and the others.
public protocol Destination: Sendable {
    /// Where it is, for people; deliveries are recorded under it: `folder:/media/stick`.
    var place: String { get }
    /// Views that a batch for it must have, beside those that are asked for.
    var formats: [String] { get }
    /// What batches it takes.
    var purposes: [BatchPurpose] { get }
    /// It is looked for again within so many seconds while nobody answers.
    var absenceSecondsMax: Double { get }
    /// Finds out whether a batch could be delivered now. Changes nothing there.
    func check() async throws
    func deliver(_ batch: any SealedBatch, _ delivery: Delivery) async throws -> Receipt
}

extension Destination {
    public var formats: [String] { [] }
    public var purposes: [BatchPurpose] { BatchPurpose.allCases }
    public var absenceSecondsMax: Double { 300 }
}

/// What a delivery is given beside the batch.
public struct Delivery: Sendable {
    /// What was written down about it before; see ``DeliveryNotes``.
    public var notes: any DeliveryNotes
    /// Called with the number of bytes that are there for good since the last call.
    public var progress: @Sendable (Int) -> Void
    /// Called before so many bytes are sent over a link; returns when they may be.
    public var admit: @Sendable (Int) async throws -> Void
    public init(
        notes: any DeliveryNotes, progress: @escaping @Sendable (Int) -> Void = { _ in },
        admit: @escaping @Sendable (Int) async throws -> Void = { _ in }
    ) {
        self.notes = notes
        self.progress = progress
        self.admit = admit
    }
}

/// What a destination has to remember of a delivery across restarts, such as the name of an upload.
public protocol DeliveryNotes: Sendable {
    subscript(key: String) -> String? { get }
    /// Writes a note down, durably; `nil` removes it.
    func set(_ key: String, to value: String?) throws
}

extension GleanerError.Code {
    /// Nobody answers: try again later, for ever.
    public static let destinationOffline = Self("destination.offline")
    /// The other side asks for patience.
    public static let destinationThrottled = Self("destination.throttled")
    /// The other side does not take this batch; others may go on.
    public static let destinationRejected = Self("destination.rejected")
    /// The other side takes nothing from this device until somebody changes something: a key, a bucket, a name.
    public static let destinationRefused = Self("destination.refused")
}
