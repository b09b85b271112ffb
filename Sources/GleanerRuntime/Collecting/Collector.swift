import CLinux
import Foundation
public import GleanerCore
import GleanerSelection
import GleanerStore
public import Logging
import Synchronization

/// Runs the loop of one deployment: frames in, samples kept, everything else counted.
///
/// Threads, each blocking in its own calls: the reader (files, cameras), the preparers (pixels), the judge (model,
/// selection), the keeper (pictures of kept frames) and the writer (flushes). Bounded queues between them hold the faster
/// ones back; one more thread watches for a newly activated model, and over one in probation. Nothing counts until the
/// writer has made it durable, and the place in the source is written in the same transaction, so a crash at any
/// instruction neither loses nor repeats a frame.
///
/// `@unchecked Sendable`: the stored properties are constants; what threads share is in `Mutex`es and queues.
public final class Collector: @unchecked Sendable {
    /// How a run went so far; every number is durable.
    public struct Progress: Sendable, Codable {
        public init() {}
        public var offered = 0
        public var stored = 0
        public var rejected = 0
        public var dropped = 0
        /// Frames known to be still to come.
        public var remaining: Int?
    }

    /// Frames from reader to judge: enough to hide a slow read, few enough for a small memory.
    static let slotCount = 4
    /// One at the judge, and one behind it: a live frame must not grow old.
    static let liveSlotCount = 2
    /// Outcomes in one transaction at most, and how long the writer waits for more: a flush for each frame would
    /// wear the card out.
    static let groupCountMax = 64
    static let groupLingerSeconds = 0.1
    /// The same where somebody waits for each frame's answer.
    static let answerLingerSeconds = 0.02

    let deployment: Deployment
    let source: SourceMaker
    private let endsAtLast: Bool
    let logger: Logger
    let report: @Sendable (Progress) -> Void
    let stop = StopSignal()

    let empty = HandoffQueue<FrameSlot>(countMax: slotCount)
    let full = HandoffQueue<FrameSlot>(countMax: slotCount)
    let prepared = HandoffQueue<FrameSlot>(countMax: slotCount)
    let judged = HandoffQueue<Finding>(countMax: slotCount)
    let finished = HandoffQueue<Finding>(countMax: groupCountMax)
    let nextModel = Mutex<NextModel?>(nil)
    let nextShadow = Mutex<ShadowChange?>(nil)
    let news = Mutex<FeedbackNews?>(nil)
    let remaining = Mutex<Int?>(nil)
    let inference = InferenceWatch()
    let pulse = LoopPulse()
    let serviceManager: ServiceManager?
    let times = StageTimes()
    let wish = InputWish()
    /// Frames of this run that are durable.
    let offeredCount = Atomic<Int>(0)
    /// The last of them, by its number.
    let durableSequence = Atomic<UInt64>(0)
    /// Whether a frame is tried alone.
    let isTrying = Atomic<Bool>(false)
    let finalState = Mutex<JSONValue?>(nil)
    /// Held while the database's active model changes because of what happened here, so that the watcher does not take
    /// it for another's wish.
    let serving = Mutex<Serving?>(nil)
    private let judging = ThreadEnd()
    private let failure = Mutex<(any Error)?>(nil)

    /// - Parameter serviceManager: hears that the loop collects and gets on.
    /// - Parameter report: called by the writer after each durable group.
    public init(
        _ deployment: Deployment, source: SourceMaker? = nil, endsAtLast: Bool, logger: Logger,
        serviceManager: ServiceManager? = nil, report: @escaping @Sendable (Progress) -> Void
    ) throws {
        self.deployment = deployment
        self.source = try deployment.source(instead: source)
        self.endsAtLast = endsAtLast
        self.logger = logger
        self.serviceManager = serviceManager
        self.report = report
    }

    /// What the judge hands to the keeper, and that one to the writer.
    enum Finding: Sendable {
        case frame(FrameJudge.Judged)
        /// What selection remembers, after all frames before it.
        case state(JSONValue, at: Instant)
        case score(SampleScore)
    }

    /// Asks for an end: frames that were judged are stored, the rest stays in the source for the next run.
    public func requestStop() { stop.raise() }

    /// Collects until the source ends or ``requestStop()``.
    ///
    /// - Throws: ``GleanerError`` when another collector runs here, there is no model, or the disk fails. With code
    ///   `collector.abandoned` a model in probation was given up in a way that leaves a thread or memory behind: it is
    ///   rejected, nothing was lost, and the process is to be started anew.
    public func run() async throws {
        let lock = try DeploymentLock(.collector, in: deployment.store.folder)
        defer { withExtendedLifetime(lock) {} }
        let store = deployment.store
        defer { noteEnd() }
        let loaded = source.givesPredictions ? nil : try loadActive()
        let model = try loaded?.model ?? followedModel()
        let run = try store.beginRun()
        let restored = try store.collectorState()
        let clock = CollectingClock(start: restored.at)
        let judge = FrameJudge(
            device: try store.device(), run: run, settings: deployment.configuration.selection, model: model,
            memory: try rememberedHashes(), bank: try rememberedEmbeddings(of: model.manifest.id),
            state: restored.state, recordedByteCountMax: deployment.configuration.storage.decisionByteCountMax,
            inference: inference, wish: wish)
        let keeper = FrameKeeper(device: judge.device, run: run, settings: judge.settings)
        judge.learn(FeedbackNews(competence: [model.manifest.id: try store.competence(of: model.manifest.id)]))
        var shadow: ModelID?
        if let loaded {
            try resumeProbation(of: loaded.slot, in: judge)
            try prepareShadow(&shadow)
        }
        let frames = try await source.make(environment())
        logger.info(
            "collecting", metadata: ["source": "\(source.name)", "model": "\(model.manifest.id)", "run": "\(run)"])

        async let reader: Void = Self.onThread("reader") { self.read(frames) }
        async let preparing: Void = prepare(frames)
        Self.start("judge", judging) { self.judge(judge, clock: clock) }
        async let keeping: Void = Self.onThread("keeper") { self.keep(keeper) }
        async let writer: Void = Self.onThread("writer") { self.write(telling: frames) }
        async let watcher: Void = Self.onThread("watcher") { [shadow] in self.watch(clock: clock, shadow: shadow) }
        async let _: Void = supervise(model.manifest.id)
        await judging.wait()
        // After a failure the process may also start itself anew.
        if failure.withLock({ $0 == nil }) { tellStopping() }
        _ = await (reader, preparing, keeping, writer)
        stop.raise()
        await frames.close()
        await watcher
        closeFramesInHand()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// What was kept in earlier runs: a restart must not ask for the same frames again.
    private func rememberedHashes() throws -> HashMemory {
        var memory = HashMemory()
        for (id, hash) in try deployment.store.recentHashes(limit: memory.capacity) {
            memory.remember(.init(hash: hash, sample: id.local))
        }
        return memory
    }

    private func rememberedEmbeddings(of model: ModelID) throws -> EmbeddingBank {
        var bank = EmbeddingBank()
        let known = try deployment.store.embeddings(by: model, limit: EmbeddingBank.standardCapacity)
        for (sample, embedding, keptAt) in known { bank.add(embedding, of: sample, at: keptAt) }
        return bank
    }

    private func environment() -> SourceMaker.Environment {
        SourceMaker.Environment(
            deploymentFolder: deployment.folder, endsAtLast: endsAtLast, stop: stop,
            recorded: { [store = deployment.store] in try store.seenOrigins(of: $0, named: $1) },
            answer: { [store = deployment.store] in try store.answer(to: $0) },
            introduce: { [store = deployment.store] in try store.introduce($0) }, logger: logger)
    }

    // MARK: Threads

    static func onThread(_ name: String, _ body: @escaping @Sendable () -> Void) async {
        let end = ThreadEnd()
        start(name, end, body)
        await end.wait()
    }

    static func start(_ name: String, _ end: ThreadEnd, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread {
            // The name that Foundation is given before the start stays with it.
            gleaner_name_thread(name)
            body()
            end.signal()
        }
        // Runtimes put large frames on the stack of the thread that calls them.
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Ends the run because of a failure; the first one is what the caller sees.
    func fail(_ error: any Error) {
        failure.withLock { if $0 == nil { $0 = error } }
        stop.raise()
    }

    /// Ends the run without the judge, who may never come back; what it has judged is stored.
    func abandonJudge(_ error: any Error) {
        fail(error)
        for queue in [full, prepared, empty] { queue.close() }
        judged.close()
        judging.signal()
    }

    // MARK: The preparers

    /// Two of them where frames can wait: large pictures take longer to decode than a small model to look at. A camera's
    /// frames come one at a time, and where the loop rests there is one.
    private func prepare(_ source: any FrameSource) async {
        let alone = source.isLive || deployment.configuration.inference.pace.rests || Workers.count == 1
        await withDiscardingTaskGroup { group in
            for part in alone ? [.preparer] : [LoopPulse.Part.preparer, .otherPreparer] {
                group.addTask { await Self.onThread("preparer") { self.prepare(as: part) } }
            }
        }
        prepared.close()
    }

    private func prepare(as part: LoopPulse.Part) {
        let preparer = FramePreparer(wish: wish, times: times)
        while let slot = full.pop() {
            pulse.work(part)
            preparer.prepare(slot)
            pulse.rest(part)
            guard prepared.push(slot, inTurn: slot.sequence) else { return }
        }
    }

    /// Writes an event down, for whoever looks.
    func note(_ kind: String, _ message: String, detail: [String: JSONValue] = [:]) {
        do {
            try deployment.store.record(kind, message, detail: detail)
        } catch {
            logger.warning("an event cannot be written down", metadata: ["event": "\(kind)", "error": "\(error)"])
        }
    }
}

extension GleanerError.Code {
    /// A model in probation was given up while it was at work: the process has to be started anew.
    public static let collectorAbandoned = Self("collector.abandoned")
}

/// The end of a thread, to be waited for once.
final class ThreadEnd: Sendable {
    private enum State {
        case running
        case awaited(CheckedContinuation<Void, Never>)
        case ended
    }
    private let state = Mutex(State.running)

    func signal() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state = .ended }
            if case .awaited(let waiter) = state { return waiter }
            return nil
        }
        waiter?.resume()
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if case .ended = state { return true }
                state = .awaited(continuation)
                return false
            }
            if hasEnded { continuation.resume() }
        }
    }
}
