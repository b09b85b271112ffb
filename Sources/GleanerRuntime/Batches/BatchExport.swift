import Foundation
public import GleanerCore
import GleanerExport
import GleanerStore
import GleanerSync
import Synchronization

/// A batch that has left, for `export --json`.
public struct ExportedBatch: Sendable, Codable {
    public var id: String
    public var number: Int
    public var purpose: BatchPurpose
    public var folder: String
    public var sampleCount: Int
    public var byteCount: Int
    /// Whether an earlier command sealed it and this one only finished the delivery.
    public var resumed: Bool

    enum CodingKeys: String, CodingKey {
        case id, number, purpose, folder, resumed
        case sampleCount = "samples"
        case byteCount = "bytes"
    }
}

/// What an export is asked to do.
public struct ExportRequest: Sendable {
    public var purpose: BatchPurpose
    public var formats: [String]
    public var directory: String
    /// At most so many samples; `nil` for all the labels that the budget has granted (for labeling), or for all
    /// labeled samples (for training).
    public var countMax: Int?
    /// Takes labeled samples along that an earlier training batch to this directory held.
    public var includesDelivered: Bool
    public init(
        purpose: BatchPurpose, formats: [String], directory: String, countMax: Int?, includesDelivered: Bool = false
    ) {
        self.purpose = purpose
        self.formats = formats
        self.directory = directory
        self.countMax = countMax
        self.includesDelivered = includesDelivered
    }
}

extension Deployment {
    /// Seals a batch and delivers it to a directory; batches for it that an interrupted export had sealed go first.
    ///
    /// The order is what makes it safe to cut anywhere: members chosen and locked, views written to `outbox/` and
    /// flushed, batch sealed, delivered under a temporary name, read back, renamed, and only then acknowledged.
    ///
    /// - Returns: the batches that left, oldest first; empty when there was nothing to send.
    /// - Throws: ``GleanerError``; what was sealed stays sealed and the next export goes on with it.
    public func export(
        _ request: ExportRequest, progress: @escaping @Sendable (_ doneBytes: Int, _ totalBytes: Int) -> Void
    ) async throws -> [ExportedBatch] {
        try DurableFile.makeFolder(request.directory)
        let directory = URL(filePath: request.directory).standardizedFileURL.path(percentEncoded: false)
        for format in request.formats { _ = try registries.exportFormats.make(format) }
        let destination = FolderDestination(directory, layout: .flat)
        let lock = try store.beginExport()
        defer { withExtendedLifetime(lock) {} }

        var delivered: [ExportedBatch] = []
        for batch in try store.unfinishedBatches(destination: destination.place) where batch.state == .sealed {
            delivered.append(try await deliver(batch, to: destination, resumed: true, progress: progress))
        }
        let newest = try store.newestBatch()
        var left =
            try request.purpose == .labeling ? labelingLimit(countMax: request.countMax) : request.countMax ?? .max
        // A batch is bounded; what does not fit leaves in the next one.
        while left > 0,
            let open = try store.openBatch(
                request.purpose, destination: destination.place, limit: left, formats: request.formats,
                againUpTo: request.includesDelivered ? newest : nil, choosing: try labelingChoice())
        {
            left -= open.header.sampleCount
            let sealed = try await blocking { _ in try self.seal(open) }
            delivered.append(try await deliver(sealed, to: destination, resumed: false, progress: progress))
        }
        return delivered
    }

    /// Delivers a sealed batch and records the receipt.
    func deliver(
        _ batch: StoredBatch, to destination: any Destination, resumed: Bool, limit: BandwidthLimit? = nil,
        progress: @escaping @Sendable (Int, Int) -> Void
    ) async throws -> ExportedBatch {
        let outbox = try outboxFolder(of: batch)
        let whole: OutboxBatch
        let receipt: Receipt
        do {
            whole = try await blocking { _ in try self.sealed(batch) }
            let byteCount = whole.byteCount
            let done = Mutex(0)
            var delivery = Delivery(notes: store.notes(of: batch.number)) { count in
                let now = done.withLock { done in
                    done += count
                    return done
                }
                progress(now, byteCount)
            }
            if let limit { delivery.admit = { try await limit.admit($0) } }
            receipt = try await destination.deliver(whole, delivery)
        } catch let error as GleanerError where error.code == .sampleDamaged || error.code == .batchDamaged {
            // A damaged sample goes into quarantine, and damaged files of the batch are made anew: the other samples go
            // back to the queue and leave with the next batch.
            if error.code == .batchDamaged { try putDamagedAside(batch) }
            try store.discardBatch(batch.number)
            try? FileManager.default.removeItem(atPath: outbox)
            throw error
        }
        try store.acknowledge(batch.number, receipt: receipt.batch)
        try? FileManager.default.removeItem(atPath: outbox)
        return ExportedBatch(
            id: "\(whole.id)", number: batch.number, purpose: batch.purpose, folder: receipt.place,
            sampleCount: batch.header.sampleCount, byteCount: whole.byteCount - whole.manifestData.count,
            resumed: resumed)
    }

    /// Looks at each member, which puts aside those that are not what was kept.
    private func putDamagedAside(_ batch: StoredBatch) throws {
        func passing(_ look: () throws -> Void) throws {
            do { try look() } catch let error as GleanerError where error.code == .sampleDamaged {}
        }
        for start in stride(from: 0, to: batch.header.sampleCount, by: Self.memberPageCount) {
            try passing {
                for sample in try store.members(of: batch.number, from: start, limit: Self.memberPageCount) {
                    try passing { _ = try store.picture(of: sample.id) }
                }
            }
        }
    }
}
