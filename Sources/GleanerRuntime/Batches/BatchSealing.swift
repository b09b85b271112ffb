import Foundation
import GleanerCore
import GleanerExport
import GleanerSelection
import GleanerStore

/// `models.json` of a batch: what was found out on the device about the models that predicted it.
///
/// Schema: `Schemas/batch-models.schema.json`.
struct BatchModels: Codable {
    static let fileName = "models.json"
    var schema = "gleaner/batch-models/1"
    var models: [ModelVerdict]
}

/// Which samples leave, and how a batch of them is sealed.
extension Deployment {
    /// How many samples may be chosen for labeling now: what the budget has granted, as far as not too many are away.
    ///
    /// - Parameter countMax: at most so many, whatever the budget has granted; `nil` for what it has.
    func labelingLimit(countMax: Int? = nil) throws -> Int {
        let awaited = try store.status().queue[.exported] ?? 0
        let free = configuration.selection.inFlightMax.map { max($0 - awaited, 0) } ?? .max
        return min(try countMax ?? max(0, labelsGranted() - store.labelingCount()), free)
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
    func labelingChoice() throws -> (LabelingChoice) -> [Int64] {
        let rules = configuration.selection.rules
        let measured = try store.slot(in: .active).map { try store.competence(of: $0.id) } ?? Competence()
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
    func seal(_ open: StoredBatch) throws -> StoredBatch {
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
            let pages = Array(stride(from: 0, to: header.sampleCount, by: Self.memberPageCount))
            for start in stride(from: 0, to: pages.count, by: Workers.count) {
                let read = try Workers.map(Array(pages[start..<min(start + Workers.count, pages.count)])) { [store] in
                    try store.members(of: open.number, from: $0, limit: Self.memberPageCount)
                }
                for samples in read { try writer.append(samples) }
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

    static let memberPageCount = 500

    /// A sealed batch, as destinations read it.
    func sealed(_ batch: StoredBatch) throws -> OutboxBatch {
        let store = store
        return try OutboxBatch(outboxFolder(of: batch), sealedAt: batch.openedAt) {
            try store.pictureBytes(of: $0, in: $1)
        }
    }

    func outboxFolder(of batch: StoredBatch) throws -> String {
        guard let id = batch.id else { preconditionFailure("batch \(batch.number) is delivered before it is sealed") }
        return "\(folder)/outbox/\(id)"
    }
}
