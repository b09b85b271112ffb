import GleanerCore
import GleanerSelection
import GleanerStore

/// What labels, and their failing to come, mean for the frames to come.
struct FeedbackNews: Sendable {
    /// By model: a label belongs to the one that predicted.
    var competence: [ModelID: Competence] = [:]
    /// Samples that will never be labeled.
    var released: Set<LocalSampleID> = []
}

extension DeploymentStore {
    /// What audit labels say of a model; of those before it as much as carries over.
    func competence(of model: ModelID) throws -> Competence {
        let slots = try models()
        let order = slots.first { $0.id == model }?.activatedOrder ?? .max
        let before = slots.filter { $0.id != model && $0.activatedOrder ?? .max < order }
            .sorted { ($0.activatedOrder ?? 0) < ($1.activatedOrder ?? 0) }
        // The oldest first: each is what is known when its successor comes.
        var known: Competence?
        for slot in before.suffix(Self.versionsBeforeMax) {
            known = try competence(of: slot.id, slot.manifest, previous: known)
        }
        return try competence(of: model, slots.first { $0.id == model }?.manifest, previous: known)
    }

    private static let versionsBeforeMax = 3

    private func competence(
        of model: ModelID, _ manifest: ModelManifest?, previous: Competence?
    ) throws -> Competence {
        let own = try auditHits(of: model, liveOnly: manifest?.trainedOnTest == true)
        return Competence(hits: own.hits, of: own.count, previous: previous)
    }
}
