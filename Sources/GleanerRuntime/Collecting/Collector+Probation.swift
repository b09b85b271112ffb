import GleanerCore
import GleanerStore
import Logging
import Synchronization

/// The change of models between two frames, and the first frames of a new one.
extension Collector {
    // MARK: In the judge

    /// Swaps a model in, between two frames.
    func take(_ next: NextModel, in judge: FrameJudge) {
        let held = [judge.model, judge.serving.predecessor].compactMap { $0 }
        if settings.unloadsFirst { for model in held { model.unload() } }
        do {
            let model = try inMemory(next, held)
            if next.slot.course.stage == .probation {
                let predecessor = held.first { $0.manifest.id == next.previous }
                begin(
                    next.slot, with: model, after: predecessor, memoryByteCountMax: next.memoryByteCountMax, in: judge)
            } else {
                judge.changeModel { $0.serve(model) }
                note(watched: nil, in: judge)
            }
            judge.learn(FeedbackNews(competence: [next.slot.id: next.competence]))
            logger.notice("model swapped in", metadata: ["model": "\(next.slot.id)"])
        } catch {
            keep(judge.model, insteadOf: next.slot, because: error)
        }
    }

    private func inMemory(_ next: NextModel, _ held: [LoadedModel]) throws -> LoadedModel {
        if let model = next.model { return model }
        guard let model = held.first(where: { $0.manifest.id == next.slot.id }) else {
            return try load(next.slot, withinSeconds: loadSecondsMax(of: next.slot))
        }
        try model.load()
        return model
    }

    /// The model that was to serve cannot be brought into memory, and the one before goes on.
    private func keep(_ model: LoadedModel, insteadOf slot: ModelSlot, because error: any Error) {
        serving.withLock { $0?.known = model.manifest.id }
        do {
            try giveUp(slot, because: error)
        } catch {
            logger.warning("the model cannot be swapped in yet", metadata: ["error": "\(error)"])
            tryAgainLater()
        }
        do { try model.load() } catch { fail(error) }
    }

    /// Serves with a model on probation.
    func begin(
        _ slot: ModelSlot, with model: LoadedModel, after predecessor: LoadedModel?, memoryByteCountMax: Int?,
        in judge: FrameJudge
    ) {
        var limits = Probation.Limits()
        limits.frameCount = settings.probationFrameCount
        limits.slowdownMax = settings.proof.slowdownMax
        let proved = (try? deployment.verdict(on: slot))?.proof.activeLatencyMilliseconds
        judge.changeModel {
            $0.serve(
                model, after: predecessor, limits: limits, servedCount: slot.course.servedCount,
                provedSeconds: proved.map { $0 / 1000 })
        }
        note(watched: memoryByteCountMax.map { .init(id: slot.id, memoryByteCountMax: $0) }, in: judge)
    }

    private func note(watched: Serving.Watched?, in judge: FrameJudge) {
        let held = judge.serving.predecessor?.manifest.id
        serving.withLock {
            $0?.watched = watched
            $0?.held = held
        }
    }

    /// Does what the probation has come to, if it has; returns whether another model serves now.
    func concludeProbation(in judge: FrameJudge) -> Bool {
        switch judge.serving.takeOutcome() {
        case nil: return false
        case .confirmed:
            writeServedCount(of: judge)
            judge.serving.endProbation()
            note(watched: nil, in: judge)
            logger.notice("model confirmed", metadata: ["model": "\(judge.model.manifest.id)"])
            return false
        case .rejected(let reason):
            reject(judge.model.manifest.id, reason)
            goBack(judge)
            return true
        }
    }

    /// Writes down how far the probation is, so that a restart goes on there.
    func writeServedCount(of judge: FrameJudge) {
        let count = judge.serving.takeServedCount()
        guard count > 0 else { return }
        do {
            try deployment.store.advance(
                judge.model.manifest.id, .served(frameCount: count), limits: settings.limits)
        } catch {
            fail(error)
        }
    }

    private func goBack(_ judge: FrameJudge) {
        do {
            if try !judge.changeModel({ try $0.goBack() }) {
                let loaded = try loadActive()
                judge.changeModel { $0.serve(loaded.model) }
                note(watched: nil, in: judge)
                try resumeProbation(of: loaded.slot, in: judge)
            } else {
                note(watched: nil, in: judge)
            }
            let id = judge.model.manifest.id
            judge.learn(FeedbackNews(competence: [id: try deployment.store.competence(of: id)]))
        } catch {
            fail(error)
        }
    }

    // MARK: In the watcher

    /// Gives up a model in probation that hangs or fills the memory: neither can be ended within this process.
    func watchProbation() {
        // One that is about to be swapped in takes memory of its own.
        guard let watched = serving.withLock({ $0?.watched }), nextModel.withLock({ $0 == nil }) else { return }
        let hangSeconds = settings.proof.frameSecondsMax * 0.6
        let memory = ProcessMemory.byteCount
        let reason: String
        if let pending = inference.pending, pending.model == watched.id, pending.seconds > hangSeconds {
            reason = "it hangs: a frame took more than \(hangSeconds) s"
        } else if memory > watched.memoryByteCountMax {
            reason = "it fills the memory: the collector has \(ByteCount.format(memory)) under it"
        } else {
            return
        }
        reject(watched.id, reason)
        abandonJudge(Self.abandoned(watched.id, reason))
    }

    // MARK: In both

    /// Writes down that a model failed. If it was the active one, the one before it is from then on.
    func reject(_ id: ModelID, _ reason: String) {
        do {
            try serving.withLock { serving in
                let action = try deployment.store.advance(id, .failed(reason: reason))
                // That change is ours; any other one in the database is still to be dealt with.
                guard case .goBack = action, serving?.known == id, let active = try deployment.store.slot(in: .active)
                else { return }
                serving?.known = active.id
            }
            tellTakenBack(id, reason)
        } catch {
            fail(error)
        }
    }

    func tellTakenBack(_ id: ModelID, _ reason: String) {
        logger.error("model taken back", metadata: ["rejected": "\(id)", "reason": "\(reason)"])
    }
}
