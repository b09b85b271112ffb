import Foundation
import GleanerCore
import GleanerSelection
import GleanerStore
import Logging
import Synchronization

/// A model that is to serve from the next frame on.
struct NextModel: Sendable {
    var slot: ModelSlot
    /// `nil` where the one before it has to leave the memory first.
    var model: LoadedModel?
    /// The one to go back to.
    var previous: ModelID?
    var competence: Competence
}

/// The model that serves, as the watcher sees it.
struct Serving: Sendable {
    /// The active model that is known here: another one in the database is somebody's wish.
    var id: ModelID
    /// While it is in probation: the most memory that this process may have under it, in bytes.
    var memoryByteCountMax: Int?
}

/// The change of models, and the first frames of a new one.
extension Collector {
    private var settings: ModelSettings { deployment.configuration.models }

    private var probationLimits: Probation.Limits {
        var limits = Probation.Limits()
        limits.frameCount = settings.probationFrameCount
        limits.slowdownMax = settings.proof.slowdownMax
        return limits
    }

    // MARK: At the start

    /// The active model, loaded; a model in probation under which collectors died is given up first.
    ///
    /// That it is tried is written down before it is loaded, so that a crash is known of at the next start.
    func loadActive() throws -> (model: LoadedModel, slot: ModelSlot) {
        let store = deployment.store
        while true {
            guard let slot = try store.slot(in: .active) else {
                throw GleanerError(
                    .notFound, "no model is active in \(deployment.folder)",
                    remedy: "bring one in with: gleaner model import BUNDLE")
            }
            let started = ModelCourse.Event.started(boot: BootID.current)
            if case .goBack(let reason) = try store.advance(slot.id, started, limits: settings.limits) {
                tellTakenBack(slot.id, reason)
                continue
            }
            let memoryByteCountMax = memoryByteCountMax(under: slot)
            do {
                let model = try load(slot)
                serving.withLock { $0 = Serving(id: slot.id, memoryByteCountMax: memoryByteCountMax) }
                return (model, slot)
            } catch let error as GleanerError where slot.course.stage == .probation {
                let reason = Self.unloadable(error)
                try store.advance(slot.id, .failed(reason: reason))
                tellTakenBack(slot.id, reason)
                if error.code == .modelHung { throw Self.abandoned(slot.id, reason) }
            }
        }
    }

    /// Writes down that the run ended by itself. An error that ended it is no crash: it is the camera's, say, or the
    /// disk's, and what models do wrong ends no run but one that is abandoned.
    func noteEnd() {
        do {
            try deployment.store.slot(in: .active).map { slot in _ = try deployment.store.advance(slot.id, .stopped) }
        } catch {
            logger.warning("the end of the run cannot be written down", metadata: ["error": "\(error)"])
        }
    }

    /// Goes on with a probation that an earlier run began.
    func resumeProbation(of slot: ModelSlot, in judge: FrameJudge) throws {
        guard slot.course.stage == .probation else { return }
        judge.swap(
            to: judge.model, predecessor: try loadPrevious(), limits: probationLimits,
            servedCount: slot.course.servedCount)
    }

    private func loadPrevious() throws -> LoadedModel? {
        guard let slot = try deployment.store.slot(in: .previous), let bundle = deployment.store.bundle(slot) else {
            return nil
        }
        do {
            return try LoadedModel(
                bundle, engine: deployment.engine(), registries: deployment.registries,
                loads: !settings.unloadsFirst)
        } catch {
            logger.warning("the previous model cannot be loaded", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Where this process's memory is now, and what a model may add to it: what its proof allows, or half of what is
    /// left where that is less.
    private func memoryByteCountMax(under slot: ModelSlot) -> Int? {
        guard slot.course.stage == .probation else { return nil }
        return ProcessMemory.byteCount + min(settings.proof.memoryByteCount, ProcessMemory.availableByteCount / 2)
    }

    // MARK: In the watcher

    /// Makes a model that another process activated ready to be swapped in.
    func prepare(_ slot: ModelSlot) {
        let store = deployment.store
        do {
            try store.advance(slot.id, .started(boot: BootID.current), limits: settings.limits)
            serving.withLock { $0 = Serving(id: slot.id, memoryByteCountMax: memoryByteCountMax(under: slot)) }
            let model =
                settings.unloadsFirst
                ? nil : try load(slot)
            let next = NextModel(
                slot: slot, model: model, previous: try store.slot(in: .previous)?.id,
                competence: try store.competence(of: slot.id))
            nextModel.withLock { $0 = next }
        } catch {
            giveUp(slot.id, error)
        }
    }

    /// Gives up a model in probation that hangs or fills the memory: neither can be ended within this process.
    func watchProbation() {
        guard let serving = serving.withLock({ $0 }), let memoryByteCountMax = serving.memoryByteCountMax else {
            return
        }
        let hangSeconds = settings.proof.frameSecondsMax * 0.6
        let memory = ProcessMemory.byteCount
        let reason: String
        if let pending = inference.pending, pending.model == serving.id, pending.seconds > hangSeconds {
            reason = "it hangs: a frame took more than \(hangSeconds) s"
        } else if memory > memoryByteCountMax {
            reason = "it fills the memory: the collector has \(ByteCount.format(memory)) under it"
        } else {
            return
        }
        reject(serving.id, reason)
        abandonJudge(Self.abandoned(serving.id, reason))
    }

    private static func abandoned(_ id: ModelID, _ reason: String) -> GleanerError {
        GleanerError(
            .collectorAbandoned, "\(id) was taken back: \(reason)",
            remedy: "start the collector again; it goes on with the model before")
    }

    /// A model that cannot be loaded is rejected; one that hangs while it is loaded keeps a thread for ever.
    private func giveUp(_ id: ModelID, _ error: any Error) {
        let reason = Self.unloadable(error)
        reject(id, reason)
        if (error as? GleanerError)?.code == .modelHung { abandonJudge(Self.abandoned(id, reason)) }
    }

    private static func unloadable(_ error: any Error) -> String {
        "it cannot be loaded: \((error as? GleanerError)?.message ?? "\(error)")"
    }

    // MARK: In the judge

    /// Swaps a model in, between two frames.
    func take(_ next: NextModel, in judge: FrameJudge) {
        let held = [judge.model, judge.heldPredecessor].compactMap { $0 }
        let predecessor = held.first { $0.manifest.id == next.previous }
        if settings.unloadsFirst { for model in held { model.unload() } }
        do {
            let model = try next.model ?? load(next.slot)
            if next.slot.course.stage == .probation {
                judge.swap(
                    to: model, predecessor: predecessor, limits: probationLimits,
                    servedCount: next.slot.course.servedCount)
            } else {
                judge.swap(to: model)
            }
            judge.learn(FeedbackNews(competence: [next.slot.id: next.competence]))
            logger.notice("model swapped in", metadata: ["model": "\(next.slot.id)"])
        } catch {
            giveUp(next.slot.id, error)
            do { try judge.model.load() } catch { fail(error) }
        }
    }

    /// Loads a model on a thread of its own, and waits for it no longer than it can be believed to take.
    ///
    /// - Throws: ``GleanerError`` with code `model.hung` when it does not come back; the thread is then lost.
    private func load(_ slot: ModelSlot) throws -> LoadedModel {
        guard let bundle = deployment.store.bundle(slot) else {
            throw GleanerError(.notFound, "the files of \(slot.id) are gone", remedy: "import its bundle again")
        }
        let (engine, registries) = (try deployment.engine(), deployment.registries)
        let outcome = LoadOutcome()
        Self.start("loader", ThreadEnd()) {
            outcome.set(Result { try LoadedModel(bundle, engine: engine, registries: registries) })
        }
        let seconds = loadSecondsMax(of: slot)
        guard let loaded = outcome.wait(seconds: seconds) else {
            throw GleanerError(
                .modelHung, "\(slot.id) hangs: it was not loaded within \(seconds) s",
                remedy: "import a better one, or raise models.proof.load_seconds_max")
        }
        return try loaded.get()
    }

    /// How long a model may take: as long as its proof may, or five times as long as its proof took where that is less.
    private func loadSecondsMax(of slot: ModelSlot) -> Double {
        let verdict = slot.verdict.flatMap {
            try? CanonicalJSON.decode(ModelVerdict.self, from: Data($0.utf8), named: "a verdict")
        }
        let proved = verdict?.proof.loadSeconds.map { max(3, 5 * $0) }
        return min(settings.proof.loadSecondsMax, proved ?? .infinity)
    }

    /// Does what the probation has come to, if it has; returns whether another model serves now.
    func concludeProbation(in judge: FrameJudge) -> Bool {
        switch judge.takeProbationOutcome() {
        case nil: return false
        case .confirmed:
            writeServedCount(of: judge)
            judge.endProbation()
            serving.withLock { $0?.memoryByteCountMax = nil }
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
        let count = judge.takeServedCount()
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
            if judge.goBack() == nil { judge.swap(to: try loadActive().model) }
            let id = judge.model.manifest.id
            judge.learn(FeedbackNews(competence: [id: try deployment.store.competence(of: id)]))
        } catch {
            fail(error)
        }
    }

    /// Writes down that a model failed; from then on the one before it is the active one.
    private func reject(_ id: ModelID, _ reason: String) {
        do {
            try serving.withLock { serving in
                try deployment.store.advance(id, .failed(reason: reason))
                if let active = try deployment.store.slot(in: .active) { serving = Serving(id: active.id) }
            }
            tellTakenBack(id, reason)
        } catch {
            fail(error)
        }
    }

    private func tellTakenBack(_ id: ModelID, _ reason: String) {
        logger.error("model taken back", metadata: ["rejected": "\(id)", "reason": "\(reason)"])
    }
}

/// What became of loading a model on another thread.
///
/// `@unchecked Sendable`: the result is touched under `condition` alone.
private final class LoadOutcome: @unchecked Sendable {
    private let condition = NSCondition()
    private var result: Result<LoadedModel, any Error>?

    func set(_ result: Result<LoadedModel, any Error>) {
        condition.lock()
        self.result = result
        condition.broadcast()
        condition.unlock()
    }

    /// `nil` if there is none within that time.
    func wait(seconds: Double) -> Result<LoadedModel, any Error>? {
        condition.lock()
        defer { condition.unlock() }
        let deadline = Date(timeIntervalSinceNow: seconds)
        while result == nil, condition.wait(until: deadline) {}
        return result
    }
}
