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
    /// What audit labels say of a model; of the one before it as much as carries over.
    func competence(of model: ModelID) throws -> Competence {
        let own = try auditHits(of: model)
        let before = try models().first { $0.state == .previous && $0.id != model }
        let previous = try before.map { slot in
            let hits = try auditHits(of: slot.id)
            return Competence(hits: hits.hits, of: hits.count)
        }
        return Competence(hits: own.hits, of: own.count, previous: previous)
    }
}
