import Foundation
import GleanerCore
import GleanerSelection
import GleanerStore
import Logging
import Synchronization

/// A model that is to serve from the next frame on.
struct NextModel: Sendable {
    var slot: ModelSlot
    /// `nil` where it is in memory already, or the one before it has to leave the memory first.
    var model: LoadedModel?
    /// The one to go back to.
    var previous: ModelID?
    /// See ``Serving/Watched``.
    var memoryByteCountMax: Int?
    var competence: Competence
}

/// The models at work here, as the threads beside the judge's see them.
struct Serving: Sendable {
    /// A model in probation.
    struct Watched: Sendable {
        var id: ModelID
        /// The most memory that this process may have under it.
        var memoryByteCountMax: Int
    }

    /// The active model that was dealt with: another one in the database is somebody's wish.
    var known: ModelID
    var watched: Watched?
    /// The one that stands ready to be gone back to.
    var held: ModelID?
    /// When a wish that could not be fulfilled is tried again; `nil` when none waits.
    var retryAt: ContinuousClock.Instant?
}

/// How models get into memory.
extension Collector {
    var settings: ModelSettings { deployment.configuration.models }

    private static let retrySeconds = 5.0

    // MARK: At the start

    /// The active model, loaded; a model in probation under which collectors died, or that cannot be loaded, is given up
    /// first.
    ///
    /// That it is tried is written down before it is loaded, so that a crash is known of at the next start. A model that
    /// has served is waited for as long as it takes: a card may be slow after a power cut.
    ///
    /// - Throws: ``GleanerError`` also for what is the device's fault and not the model's.
    func loadActive() throws -> (model: LoadedModel, slot: ModelSlot) {
        let store = deployment.store
        while true {
            guard let slot = try store.slot(in: .active) else { throw deployment.noActiveModel }
            serving.withLock { $0 = Serving(known: slot.id) }
            let started = ModelCourse.Event.started(boot: BootID.current)
            if case .goBack(let reason) = try store.advance(slot.id, started, limits: settings.limits) {
                tellTakenBack(slot.id, reason)
                continue
            }
            guard slot.course.stage == .probation else { return (try load(slot, withinSeconds: nil), slot) }
            do {
                return (try load(slot, withinSeconds: settings.proof.loadSecondsMax), slot)
            } catch let error as GleanerError where ModelFault.isOfModel(error.code) {
                reject(slot.id, Self.unloadable(error))
                if error.code == .modelHung { throw Self.abandoned(slot.id, error.message) }
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
        let previous = try loadPrevious()
        // Everything is in memory now that will be.
        begin(slot, with: judge.model, after: previous, memoryByteCountMax: memoryByteCountMax, in: judge)
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

    /// What this process has, and what a model may add to it: what its proof allows, or half of what is left where that
    /// is less.
    private var memoryByteCountMax: Int {
        ProcessMemory.byteCount + min(settings.proof.memoryByteCount, ProcessMemory.availableByteCount / 2)
    }

    // MARK: In the watcher

    /// Makes ready what another process wishes: an active model that is not the one which was dealt with.
    ///
    /// What is the device's fault and not the model's, or hinders a model that has served, is tried again later.
    func fulfilWish() {
        do {
            guard let slot = try wishedModel() else { return }
            try inference.whileLoading { try prepare(slot) }
        } catch {
            logger.warning("the model cannot be made ready yet", metadata: ["error": "\(error)"])
            tryAgainLater()
        }
    }

    private func wishedModel() throws -> ModelSlot? {
        try serving.withLock { serving in
            guard let serving, serving.retryAt == nil, let active = try deployment.store.slot(in: .active),
                active.id != serving.known
            else { return nil }
            return active
        }
    }

    private func prepare(_ slot: ModelSlot) throws {
        let store = deployment.store
        let started = ModelCourse.Event.started(boot: BootID.current)
        if case .goBack(let reason) = try store.advance(slot.id, started, limits: settings.limits) {
            return tellTakenBack(slot.id, reason)
        }
        var next = NextModel(slot: slot, competence: Competence())
        do {
            if slot.course.stage == .probation { next.memoryByteCountMax = memoryByteCountMax }
            next.competence = try store.competence(of: slot.id)
            next.previous = try store.slot(in: .previous)?.id
            let isHeld = serving.withLock { $0?.held == slot.id }
            if !isHeld, !settings.unloadsFirst { next.model = try load(slot, withinSeconds: loadSecondsMax(of: slot)) }
        } catch {
            try store.advance(slot.id, .stopped)
            return try giveUp(slot, because: error)
        }
        serving.withLock { $0?.known = slot.id }
        nextModel.withLock { [next] in $0 = next }
    }

    /// Whether the time has come to look at a wish again; asked until it has.
    func takeRetry() -> Bool {
        serving.withLock { serving in
            guard let retryAt = serving?.retryAt, retryAt <= .now else { return false }
            serving?.retryAt = nil
            return true
        }
    }

    /// The wish is looked at again after a while.
    func tryAgainLater() {
        serving.withLock { $0?.retryAt = .now + .seconds(Self.retrySeconds) }
    }

    /// Rejects a model that cannot be loaded; one that hangs meanwhile keeps a thread for ever.
    ///
    /// - Throws: the error, if it is the device's fault, or the model has served.
    func giveUp(_ slot: ModelSlot, because error: any Error) throws {
        guard slot.course.stage == .probation, let error = error as? GleanerError, ModelFault.isOfModel(error.code)
        else { throw error }
        let reason = Self.unloadable(error)
        reject(slot.id, reason)
        if error.code == .modelHung { abandonJudge(Self.abandoned(slot.id, reason)) }
    }

    static func abandoned(_ id: ModelID, _ reason: String) -> GleanerError {
        GleanerError(
            .collectorAbandoned, "\(id) was taken back: \(reason)",
            remedy: "start the collector again; it goes on with the model before")
    }

    private static func unloadable(_ error: GleanerError) -> String { "it cannot be loaded: \(error.message)" }

    // MARK: On a thread of its own

    /// Loads a model on a thread of its own, and waits for it no longer than it can be believed to take.
    ///
    /// - Parameter seconds: `nil` for as long as it takes.
    /// - Throws: ``GleanerError`` with code `model.hung` when it does not come back; the thread is then lost.
    func load(_ slot: ModelSlot, withinSeconds seconds: Double?) throws -> LoadedModel {
        guard let bundle = deployment.store.bundle(slot) else {
            throw GleanerError(.notFound, "the files of \(slot.id) are gone", remedy: "import its bundle again")
        }
        let (engine, registries) = (try deployment.engine(), deployment.registries)
        guard let seconds else {
            return announced(try LoadedModel(bundle, engine: engine, registries: registries))
        }
        let outcome = LoadOutcome()
        Self.start("loader", ThreadEnd()) {
            outcome.set(Result { try LoadedModel(bundle, engine: engine, registries: registries) })
        }
        guard let loaded = outcome.wait(seconds: seconds) else {
            throw GleanerError(
                .modelHung, "\(slot.id) hangs: it was not loaded within \(seconds) s",
                remedy: "import a better one, or raise models.proof.load_seconds_max")
        }
        return announced(try loaded.get())
    }

    /// Says what a model was to run on and does not.
    private func announced(_ model: LoadedModel) -> LoadedModel {
        for setback in model.setbacks {
            logger.warning(
                "the model runs on cpu instead",
                metadata: ["model": "\(model.manifest.id)", "because": "\(setback.message)"])
        }
        return model
    }

    /// How long a model may take while frames come: as long as its proof may, or five times as long as its proof took where
    /// that is less. Its file was just read.
    func loadSecondsMax(of slot: ModelSlot) -> Double {
        let proved = (try? deployment.verdict(on: slot))?.proof.loadSeconds.map { max(3, 5 * $0) }
        return min(settings.proof.loadSecondsMax, proved ?? .infinity)
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
