import Foundation
public import GleanerCore
import GleanerExport
import GleanerSelection
import GleanerStore

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

/// `models.json` of a batch: what was found out on the device about the models that predicted it.
///
/// Schema: `Schemas/batch-models.schema.json`.
struct BatchModels: Codable {
    static let fileName = "models.json"
    var schema = "gleaner/batch-models/1"
    var models: [ModelVerdict]
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
        _ request: ExportRequest, progress: (_ done: Int, _ total: Int) -> Void
    ) throws -> [ExportedBatch] {
        try DurableFile.makeFolder(request.directory)
        let directory = URL(filePath: request.directory).standardizedFileURL.path(percentEncoded: false)
        for format in request.formats { _ = try registries.exportFormats.make(format) }
        let destination = "folder:\(directory)"
        let lock = try store.beginExport()
        defer { withExtendedLifetime(lock) {} }

        var delivered: [ExportedBatch] = []
        for batch in try store.unfinishedBatches(destination: destination) where batch.state == .sealed {
            delivered.append(try deliver(batch, to: directory, resumed: true, progress: progress))
        }
        let newest = try store.newestBatch()
        var left = try limit(of: request)
        // A batch is bounded; what does not fit leaves in the next one.
        while left > 0,
            let open = try store.openBatch(
                request.purpose, destination: destination, limit: left, formats: request.formats,
                againUpTo: request.includesDelivered ? newest : nil, choosing: try labelingChoice())
        {
            left -= open.header.sampleCount
            delivered.append(try deliver(try seal(open), to: directory, resumed: false, progress: progress))
        }
        return delivered
    }

    /// How many samples may leave.
    private func limit(of request: ExportRequest) throws -> Int {
        guard request.purpose == .labeling else { return request.countMax ?? .max }
        let awaited = try store.status().queue[.exported] ?? 0
        let free = configuration.selection.inFlightMax.map { max($0 - awaited, 0) } ?? .max
        return min(try request.countMax ?? max(0, labelsGranted() - store.labelingCount()), free)
    }

    /// Labels that the budget has granted so far.
    func labelsGranted() throws -> Int {
        var budget = configuration.selection.rules.budget
        if case .object(let state)? = try store.collectorState().state, let own = state["budget"] {
            budget.restore(own)
        }
        return Int(budget.labelsEarned.rounded())
    }

    /// Chooses what leaves for labeling as collecting does: uncertainty and coverage by the model's competence.
    private func labelingChoice() throws -> (LabelingChoice) -> [Int64] {
        let rules = configuration.selection.rules
        let measured = try store.activeModel().map { try store.competence(of: $0.manifest.id) } ?? Competence()
        let selection = BatchSelection(
            weight: rules.fixedWeight ?? measured.weight, distanceMax: rules.embeddingDistanceMax)
        return { choice in
            let candidates = choice.waiting.map {
                BatchSelection.Candidate(
                    key: $0.key, utility: $0.utility, embedding: $0.embedding, draw: $0.draw, isRecent: $0.isRecent,
                    topClass: $0.topClass, scorer: $0.scorer)
            }
            return selection.choose(
                choice.count, of: candidates, covered: choice.covered, classCounts: choice.classCounts)
        }
    }

    /// Writes everything of the batch but the pictures to `outbox/`, which gives its id, and seals it.
    private func seal(_ open: StoredBatch) throws -> StoredBatch {
        let partial = "\(folder)/outbox/.batch-\(open.number)\(DurableFile.partialSuffix)"
        try? FileManager.default.removeItem(atPath: partial)
        do {
            let formats = try open.formats.map { ($0, try registries.exportFormats.make($0)) }
            try store.makeRoom(
                forBatch: open.number, filesPerSample: formats.reduce(0) { $0 + $1.1.filesPerSample })
            try DurableFile.makeFolder(partial)
            var header = open.header
            header.classes = try labelClasses()
            if header.task == .classification, try allowsSeveralClasses() {
                header.allowsSeveralClasses = true
            }
            var writer = try BatchWriter(folder: partial, header: header, formats: formats)
            for start in stride(from: 0, to: header.sampleCount, by: Self.memberPageCount) {
                for sample in try store.members(of: open.number, from: start, limit: Self.memberPageCount) {
                    _ = try writer.append(sample)
                }
            }
            try writeVerdicts(on: writer.models, into: partial)
            let (_, id) = try writer.finish { try store.picture(of: $0) }
            let folderName = "\(folder)/outbox/\(id)"
            try? FileManager.default.removeItem(atPath: folderName)
            try DurableFile.install(partial, as: folderName)
            try store.sealBatch(open.number, id: id)
            return try store.batch(open.number)
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            try store.discardBatch(open.number)
            throw error
        }
    }

    /// What is known of the models that predicted the batch, for whoever trains on it.
    private func writeVerdicts(on models: Set<SampleRecord.ModelReference>, into folder: String) throws {
        let slots = try store.models().filter { models.contains(.init($0.id)) }
        let document = BatchModels(models: try slots.map { try verdict(on: $0) })
        try DurableFile.write(
            try CanonicalJSON.encodePretty(document) + Data("\n".utf8), to: "\(folder)/\(BatchModels.fileName)")
    }

    private static let memberPageCount = 500

    private func deliver(
        _ batch: StoredBatch, to directory: String, resumed: Bool, progress: (Int, Int) -> Void
    ) throws -> ExportedBatch {
        guard let id = batch.id else { preconditionFailure("batch \(batch.number) is delivered before it is sealed") }
        let outbox = "\(folder)/outbox/\(id)"
        let sampleCount = batch.header.sampleCount
        let delivered: (folder: String, manifest: BatchManifest)
        do {
            let store = store
            delivered = try BatchDelivery.deliver(
                outboxFolder: outbox, to: directory, picture: { try store.picture(of: $0) },
                progress: { progress($0, sampleCount) })
        } catch let error as GleanerError where error.code == .sampleDamaged || error.code == .batchDamaged {
            // A damaged sample is in quarantine now, and damaged files of the batch are made anew: the samples go back to
            // the queue and leave with the next batch.
            try store.discardBatch(batch.number)
            try? FileManager.default.removeItem(atPath: outbox)
            throw error
        }
        try store.acknowledge(batch.number, receipt: id.digest)
        try? FileManager.default.removeItem(atPath: outbox)
        return ExportedBatch(
            id: "\(id)", number: batch.number, purpose: batch.purpose, folder: delivered.folder,
            sampleCount: sampleCount, byteCount: delivered.manifest.files.reduce(0) { $0 + $1.bytes }, resumed: resumed)
    }
}
