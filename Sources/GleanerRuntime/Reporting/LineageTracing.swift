import GleanerCore
import GleanerStore

extension Deployment {
    /// Follows a sample (by its id, or its short form such as `3-42`) or a model (`name@version`, or a name for its
    /// newest version), from the frame to the models that learned from it and back.
    ///
    /// - Throws: ``GleanerError`` with code `not.found`, or `sample.damaged` when a sample's record is not what was
    ///   stored.
    public func lineage(of reference: String) throws -> Lineage {
        let tracing = try LineageTracing(store)
        if SampleID(reference) != nil || LocalSampleID(reference) != nil {
            return Lineage(kind: .sample, sample: try tracing.follow(store.sample(reference)))
        }
        guard LineageTracing.canNameModel(reference) else {
            throw GleanerError(
                .notFound, "'\(reference.prefix(100))' names neither a sample nor a model",
                remedy: "name a sample by its id or as run-sequence, such as 3-42 (gleaner sample list), "
                    + "or a model as name or name@version (gleaner model list)")
        }
        return Lineage(kind: .model, model: try tracing.follow(store.model(named: reference)))
    }
}

/// Joins what the queue knows of samples and batches with what models say of their training.
private struct LineageTracing {
    private let store: DeploymentStore
    private let slots: [ModelSlot]
    private let states: [ModelID: ModelSlot.State]

    init(_ store: DeploymentStore) throws {
        self.store = store
        slots = try store.models()
        states = Dictionary(slots.map { ($0.id, $0.state) }) { first, _ in first }
    }

    /// What a bundle may call itself, with or without a version.
    static func canNameModel(_ reference: String) -> Bool {
        let parts = reference.split(separator: "@", omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty, parts.count <= 2 else { return false }
        let isName = name.utf8.allSatisfy { byte in
            switch UnicodeScalar(byte) {
            case "a"..."z", "0"..."9", ".", "_", "-": true
            default: false
            }
        }
        return isName && (parts.count == 1 || Int(parts[1]) != nil)
    }

    private func link(_ id: ModelID) -> Lineage.Model { Lineage.Model(id, states[id]) }
    private func link(_ model: SampleRecord.ModelReference) -> Lineage.Model {
        link(ModelID(name: model.name, version: model.version, digest: model.sha256))
    }

    // MARK: A sample

    func follow(_ stored: StoredSample) throws -> Lineage.OfSample {
        let record = stored.record
        let lineage = try store.lineage(of: record.id)
        return Lineage.OfSample(
            id: record.id, short: record.id.short, frame: Lineage.Frame(stored), kept: Lineage.Kept(record),
            predicted: Lineage.Said(link(record.model), record.prediction),
            scoredAnew: lineage.scores.map { Lineage.Said(link($0.model), $0.prediction) },
            labels: lineage.labels.map { Lineage.Label($0) },
            batches: lineage.batches.map {
                Lineage.BatchOfSample(batch: Lineage.Batch($0.link), label: $0.label?.value.inShort)
            },
            models: slots.compactMap { trained($0, on: record, lineage) })
    }

    /// `nil` for a model that has nothing to do with the sample.
    private func trained(
        _ slot: ModelSlot, on sample: SampleRecord, _ lineage: SampleLineage
    ) -> Lineage.Trained? {
        let training = lineage.batches.filter { $0.link.purpose == .training }.map(\.link.id)
        guard let listed = slot.manifest.trainedOn else {
            // The model that predicted it was there before the sample could be in any batch.
            guard !lineage.batches.isEmpty, SampleRecord.ModelReference(slot.id) != sample.model else { return nil }
            return Lineage.Trained(model: link(slot.id), relation: .unknown, batches: [])
        }
        let names = Set(listed)
        let batches = training.filter { names.contains($0.description) }
        guard !batches.isEmpty else { return nil }
        let isHeldOut = sample.split == .test && slot.manifest.trainedOnTest != true
        return Lineage.Trained(model: link(slot.id), relation: isHeldOut ? .heldOut : .trainedOn, batches: batches)
    }

    // MARK: A model

    func follow(_ slot: ModelSlot) throws -> Lineage.OfModel {
        let lineage = try store.lineage(of: slot.id)
        return Lineage.OfModel(
            model: link(slot.id), stage: slot.course.stage.rawValue, reason: slot.reason, signer: slot.signer,
            events: try store.events(of: slot.id).map { .init(kind: $0.kind, message: $0.message, at: $0.at) },
            trainedOn: try trainedOn(slot.manifest),
            predicted: .init(
                samples: lineage.predictedCount, labeled: lineage.labeledCount, unusable: lineage.unusableCount),
            scoredAnew: try store.seenAnew(by: slot.id).count,
            batchCount: lineage.batches.count,
            batches: lineage.batches.prefix(Lineage.linkCountMax).map {
                .init(batch: .init($0.link), predicted: $0.predictedCount, scoredAnew: $0.scoredAnewCount)
            },
            taught: slots.filter { $0.id != slot.id }.compactMap { taught($0, by: lineage) })
    }

    private func trainedOn(_ manifest: ModelManifest) throws -> Lineage.TrainedOn? {
        guard let listed = manifest.trainedOn else { return nil }
        var known: [Lineage.TrainingBatch] = []
        var foreign: [Lineage.TrainingBatch] = []
        for id in listed {
            if let batch = try Digest(id).flatMap({ try store.lineage(of: BatchID($0)) }) {
                known.append(line(id, batch))
            } else {
                foreign.append(Lineage.TrainingBatch(id: id))
            }
        }
        known.sort { ($0.batch?.number ?? 0) > ($1.batch?.number ?? 0) }
        return Lineage.TrainedOn(
            batchCount: listed.count, knownCount: known.count, includesTest: manifest.trainedOnTest == true,
            batches: Array((known + foreign).prefix(Lineage.linkCountMax)))
    }

    private func line(_ id: String, _ batch: BatchLineage) -> Lineage.TrainingBatch {
        Lineage.TrainingBatch(
            id: id, batch: .init(batch.link), samples: batch.sampleCount, test: batch.testCount,
            labels: batch.labelCounts,
            predictedBy: batch.predictors.map { .init(model: link($0.model), samples: $0.sampleCount) })
    }

    /// `nil` for a model that lists no batch with samples that the other one predicted.
    private func taught(_ slot: ModelSlot, by lineage: ModelLineage) -> Lineage.Taught? {
        let listed = Set(slot.manifest.trainedOn ?? [])
        let batches = lineage.batches.filter { batch in
            batch.link.purpose == .training && batch.predictedCount > 0 && listed.contains(batch.link.id.description)
        }
        guard !batches.isEmpty else { return nil }
        return Lineage.Taught(
            model: link(slot.id), batchCount: batches.count,
            batches: batches.prefix(Lineage.linkCountMax).map { .init(id: $0.link.id, samples: $0.predictedCount) })
    }
}

extension Lineage.Frame {
    fileprivate init(_ stored: StoredSample) {
        self.init(
            source: stored.record.source, origin: stored.record.origin, sha256: stored.record.sha256,
            pixels: stored.pixels.rawValue, capturedAt: stored.record.capturedAt)
    }
}

extension Lineage.Kept {
    fileprivate init(_ record: SampleRecord) {
        self.init(
            reason: record.reason, inclusionProbability: record.inclusionProbability, utility: record.utility,
            split: record.split, scene: record.scene, duplicateOf: record.duplicateOf)
    }
}

extension Lineage.Label {
    fileprivate init(_ label: SampleLineage.Label) {
        self.init(
            value: label.record.value.inShort, revision: label.record.revision, author: label.record.author,
            receivedAt: label.receivedAt, counts: label.isCurrent)
    }
}
