import GleanerCore
import GleanerSelection
import GleanerStore
import Logging
import Synchronization

/// Models that run elsewhere: their frames say which of them predicts.
extension Collector {
    /// The one whose frames came last, before the first frame of this run; one that has no name if there was none.
    func followedModel() throws -> LoadedModel {
        let active = try deployment.store.slot(in: .active)?.manifest
        guard let active, active.isElsewhere else {
            return LoadedModel(
                elsewhere: ModelManifest(
                    elsewhere: "none", version: 0, digest: nil, task: .classification, labels: []))
        }
        serving.withLock { $0 = Serving(known: active.id) }
        return LoadedModel(elsewhere: active)
    }

    /// Goes over to the model that predicted the next frame, if it is another one.
    ///
    /// Ranks of one model's utilities say nothing of another's: two that take turns begin anew with each frame.
    func follow(_ manifest: ModelManifest, in judge: FrameJudge) {
        let id = manifest.id
        guard id != judge.model.manifest.id else { return }
        do {
            try serving.withLock { serving in
                try deployment.store.activate(id)
                serving = Serving(known: id)
            }
            judge.changeModel { $0.serve(LoadedModel(elsewhere: manifest)) }
            judge.learn(FeedbackNews(competence: [id: try deployment.store.competence(of: id)]))
            logger.notice("predictions come from another model", metadata: ["model": "\(id)"])
        } catch {
            fail(error)
        }
    }

    /// Frames say which model predicts, not whoever activated another one meanwhile.
    func keepFollowed() throws {
        try serving.withLock { serving in
            guard let known = serving?.known, let active = try deployment.store.slot(in: .active)?.id, active != known
            else { return }
            try deployment.store.activate(known)
            logger.warning(
                "no model serves where frames bring predictions",
                metadata: ["activated": "\(active)", "active": "\(known)"])
        }
    }
}
