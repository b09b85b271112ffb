import Foundation
import GleanerCore
import GleanerSelection
import GleanerStore
public import Logging
import Synchronization

/// Runs the loop of one deployment: frames in, samples kept, everything else counted.
///
/// Three threads, each blocking in its own calls: the reader (files, cameras), the judge (pixels, model, selection)
/// and the writer (flushes). Bounded queues between them hold the faster ones back; a fourth thread watches for a
/// newly activated model. Nothing counts until the writer has made it durable, and the place in the source is
/// written in the same transaction, so a crash at any instruction neither loses nor repeats a frame.
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

    /// Frames between reader and judge: enough to hide a slow read, few enough for a small memory.
    private static let slotCount = 4
    /// Outcomes in one transaction at most, and how long the writer waits for more: a flush for each frame would
    /// wear the card out.
    private static let groupCountMax = 64
    private static let groupLingerSeconds = 0.1
    private static let watchIntervalSeconds = 0.2
    /// Labels come by the day: so often is soon enough to see what they say.
    private static let feedbackIntervalSeconds = 5.0
    /// How long the judge waits for a frame before it scores kept samples instead, and how many it asks for at once.
    private static let idleSeconds = 0.02
    private static let rescorePageCount = 64
    /// The budget's state is some kilobytes: written each second it would wear the card out.
    private static let stateIntervalSeconds = 30.0
    /// A model that fails this many frames in a row right after it was swapped in is taken back.
    private static let failedFrameCountMax = 3

    private let deployment: Deployment
    private let source: SourceMaker
    private let endsAtLast: Bool
    private let logger: Logger
    private let report: @Sendable (Progress) -> Void
    private let stop = StopSignal()

    private let empty = HandoffQueue<FrameSlot>(countMax: slotCount)
    private let full = HandoffQueue<FrameSlot>(countMax: slotCount)
    private let judged = HandoffQueue<Finding>(countMax: groupCountMax)
    private let nextModel = Mutex<(model: LoadedModel, competence: Competence)?>(nil)
    private let news = Mutex<FeedbackNews?>(nil)
    private let failure = Mutex<(any Error)?>(nil)
    private let remaining = Mutex<Int?>(nil)
    /// Origins on their way to the disk: a file that changes or is seen twice meanwhile must not be offered twice.
    private let inFlight = Mutex<Set<FrameOrigin>>([])

    /// - Parameter report: called by the writer after each durable group.
    public init(
        _ deployment: Deployment, source: SourceMaker? = nil, endsAtLast: Bool, logger: Logger,
        report: @escaping @Sendable (Progress) -> Void
    ) throws {
        guard let source = source ?? deployment.configuration.source else {
            throw GleanerError(
                .malformed, "no source is configured",
                remedy: "add `source: folder:PATH` to \(Configuration.fileName), or give --source folder:PATH")
        }
        self.deployment = deployment
        self.source = source
        self.endsAtLast = endsAtLast
        self.logger = logger
        self.report = report
    }

    /// What the judge hands to the writer.
    private enum Finding: Sendable {
        case frame(FrameJudge.Judged)
        case score(SampleScore)
    }

    /// Asks for an end: frames that were judged are stored, the rest stays in the source for the next run.
    public func requestStop() { stop.raise() }

    /// Collects until the source ends or ``requestStop()``.
    ///
    /// - Throws: ``GleanerError`` when another collector runs here, there is no model, or the disk fails.
    public func run() async throws {
        let lock = try DeploymentLock(.collector, in: deployment.store.folder)
        defer { withExtendedLifetime(lock) {} }
        let store = deployment.store
        guard let active = try store.activeModel() else {
            throw GleanerError(
                .notFound, "no model is active in \(deployment.folder)",
                remedy: "bring one in with: gleaner model import BUNDLE")
        }
        let model = try LoadedModel(active, engine: try deployment.engine(), registries: deployment.registries)
        let run = try store.beginRun()
        let restored = try store.collectorState()
        let clock = CollectingClock(start: restored.at)
        let judge = FrameJudge(
            device: try store.device(), run: run, settings: deployment.configuration.selection, model: model,
            memory: try rememberedHashes(), bank: try rememberedEmbeddings(of: model.manifest.id),
            state: restored.state, recordedByteCountMax: deployment.configuration.storage.decisionByteCountMax)
        judge.learn(FeedbackNews(competence: [model.manifest.id: try store.competence(of: model.manifest.id)]))
        let frames = try source.make(environment())
        logger.info(
            "collecting", metadata: ["source": "\(source.name)", "model": "\(model.manifest.id)", "run": "\(run)"])

        async let reader: Void = Self.onThread("reader") { self.read(frames) }
        async let judging: Void = Self.onThread("judge") { self.judge(judge, clock: clock) }
        async let writer: Void = Self.onThread("writer") { self.write() }
        async let watcher: Void = Self.onThread("watcher") { self.watch(active: model.manifest.id, clock: clock) }
        _ = await (reader, judging, writer)
        stop.raise()
        await watcher
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
            isKnown: { [self] origin in
                inFlight.withLock { $0.contains(origin) } || isSeen(origin)
            })
    }

    /// A queue that cannot be read ends the run; saying that the frame is known keeps the source from offering it.
    private func isSeen(_ origin: FrameOrigin) -> Bool {
        do {
            return try deployment.store.isSeen(origin)
        } catch {
            fail(error)
            return true
        }
    }

    private static func onThread(_ name: String, _ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                body()
                continuation.resume()
            }
            thread.name = name
            // Runtimes put large frames on the stack of the thread that calls them.
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// Ends the run because of a failure; the first one is what the caller sees.
    private func fail(_ error: any Error) {
        failure.withLock { if $0 == nil { $0 = error } }
        stop.raise()
    }

    // MARK: The reader

    private func read(_ source: any FrameSource) {
        defer { full.close() }
        for _ in 0..<Self.slotCount { _ = empty.push(FrameSlot()) }
        var source = source
        var sequence: UInt64 = 0
        while !stop.isRaised, let slot = empty.pop() {
            do {
                switch try source.next(into: &slot.buffer) {
                case .frame: slot.failure = nil
                case .unreadable(let error): slot.failure = error
                case .end: return
                }
            } catch {
                return fail(error)
            }
            sequence += 1
            slot.sequence = sequence
            let origin = slot.buffer.origin
            inFlight.withLock { _ = $0.insert(origin) }
            let count = source.remainingCount
            remaining.withLock { $0 = count }
            guard full.push(slot) else { return }
        }
    }

    // MARK: The judge

    private func judge(_ judge: FrameJudge, clock: CollectingClock) {
        defer { judged.close() }
        var trial = SwapTrial(failedFrameCountMax: Self.failedFrameCountMax)
        var rescoring = Rescoring(
            millisecondsPerSecond: deployment.configuration.selection.rescoreMillisecondsPerSecond)
        rescoring.begin()
        var stateAt = clock.now()
        judging: while true {
            let popped = full.pop(withinSeconds: rescoring.isWaiting ? Self.idleSeconds : 3600)
            // Told to stop: what was not judged stays in the source.
            if stop.isRaised { break }
            switch popped {
            case .closed: break judging
            case .nothingYet: break
            case .element(let slot):
                if let next = nextModel.withLock({ $0.take() }) {
                    trial.begin(previous: judge.model)
                    judge.swap(to: next.model)
                    judge.learn(FeedbackNews(competence: [next.model.manifest.id: next.competence]))
                    rescoring.begin()
                    logger.info("model swapped in", metadata: ["model": "\(next.model.manifest.id)"])
                }
                if let news = news.withLock({ $0.take() }) { judge.learn(news) }
                let now = clock.now()
                let outcome = judge.judge(slot, at: now)
                _ = empty.push(slot)
                for alarm in judge.takeAlarms() { raise(alarm, model: judge.model.manifest.id) }
                if let previous = trial.served(outcome.outcome) {
                    takeBack(judge, to: previous)
                    rescoring.begin()
                }
                var next = FrameJudge.Judged(outcome: outcome, state: nil, instant: now)
                if now.seconds - stateAt.seconds >= Self.stateIntervalSeconds {
                    next.state = judge.state
                    stateAt = now
                }
                guard judged.push(.frame(next)) else { break judging }
            }
            rescore(judge, &rescoring, clock: clock, unbounded: false)
        }
        empty.close()
        full.close()
        // The source has ended, and there is all the time for what frames left undone.
        while !rescoring.isComplete, !stop.isRaised { rescore(judge, &rescoring, clock: clock, unbounded: true) }
        finalState.withLock { $0 = judge.state }
    }

    /// Scenes became unfamiliar: it is written down, for whoever looks.
    private func raise(_ alarm: String, model: ModelID) {
        let message =
            alarm == "novelty"
            ? "frames became less like what was kept" : "\(model) became less sure of what it sees"
        logger.warning("drift", metadata: ["what": "\(message)"])
        do {
            try deployment.store.record("drift.\(alarm)", message, detail: ["model": .string("\(model)")])
        } catch {
            logger.warning("the alarm cannot be written down", metadata: ["error": "\(error)"])
        }
    }

    /// Scores one kept sample with the model that serves, if there is time for it.
    private func rescore(
        _ judge: FrameJudge, _ rescoring: inout Rescoring, clock: CollectingClock, unbounded: Bool
    ) {
        let begin = clock.now()
        guard let step = rescoring.next(at: begin, unbounded: unbounded) else { return }
        do {
            switch step {
            case .fetch(let cursor):
                let page = try deployment.store.unscored(
                    by: judge.model.manifest.id, below: cursor, limit: Self.rescorePageCount)
                rescoring.fetched(page.samples, next: page.next)
            case .score(let id):
                let picture = try deployment.store.picture(of: id)
                if let score = judge.rescore(id, picture: picture, at: begin) { _ = judged.push(.score(score)) }
            }
        } catch {
            switch step {
            case .fetch:
                logger.warning("kept samples are not scored anew", metadata: ["error": "\(error)"])
                rescoring.fetched([], next: nil)
            // It was evicted meanwhile, or is put aside: either way there is nothing left to score.
            case .score: logger.debug("sample not scored anew", metadata: ["error": "\(error)"])
            }
        }
        rescoring.spent(seconds: clock.now().seconds - begin.seconds)
    }

    private let finalState = Mutex<JSONValue?>(nil)

    private func takeBack(_ judge: FrameJudge, to previous: LoadedModel) {
        let bad = judge.model.manifest.id
        judge.swap(to: previous)
        do {
            try deployment.rollBack(rejecting: bad, reason: "failed its first frames")
            logger.error("model taken back", metadata: ["rejected": "\(bad)", "active": "\(previous.manifest.id)"])
        } catch {
            fail(error)
        }
    }

    // MARK: The writer

    private func write() {
        var progress = Progress()
        var lastInstant: Instant?
        while let group = judged.popAll(lingerSeconds: Self.groupLingerSeconds) {
            do {
                lastInstant = try commit(group, &progress) ?? lastInstant
            } catch {
                judged.close()
                return fail(error)
            }
            progress.remaining = remaining.withLock { $0 }
            report(progress)
        }
        if let lastInstant, let state = finalState.withLock({ $0 }) {
            do {
                _ = try deployment.store.commit([], collectorState: state, at: lastInstant)
            } catch {
                fail(error)
            }
        }
    }

    /// Makes a group durable; returns when its last frame was judged.
    private func commit(_ group: [Finding], _ progress: inout Progress) throws -> Instant? {
        let frames = group.compactMap { if case .frame(let frame) = $0 { frame } else { nil } }
        let scores = group.compactMap { if case .score(let score) = $0 { score } else { nil } }
        if let last = frames.last {
            let state = frames.last { $0.state != nil }?.state
            let report = try deployment.store.commit(
                frames.map(\.outcome), collectorState: state, at: last.instant)
            let gone = report.expired.union(report.refused.keys.map(\.local))
            if !gone.isEmpty { tell(FeedbackNews(released: gone)) }
            progress.offered += frames.count
            progress.stored += report.storedCount
            progress.rejected += report.rejectedCount
            progress.dropped += report.droppedCount
            inFlight.withLock { set in for frame in frames { set.remove(frame.outcome.origin) } }
        }
        try deployment.store.record(scores)
        return frames.last?.instant
    }

    // MARK: The watcher

    /// Looks whether another process activated a model or brought labels, and gives up on labels that are overdue.
    private func watch(active: ModelID, clock: CollectingClock) {
        var active = active
        var version: Int?
        var learnedAt = clock.now()
        while !stop.wait(seconds: Self.watchIntervalSeconds) {
            do {
                let now = try deployment.store.dataVersion()
                guard now != version else { continue }
                version = now
                if let bundle = try deployment.store.activeModel(), bundle.manifest.id != active {
                    active = bundle.manifest.id
                    load(bundle)
                }
                if clock.now().seconds - learnedAt.seconds >= Self.feedbackIntervalSeconds {
                    learnedAt = clock.now()
                    try learn(active, at: learnedAt)
                }
            } catch {
                logger.warning("cannot look for news", metadata: ["error": "\(error)"])
            }
        }
    }

    private func learn(_ model: ModelID, at now: Instant) throws {
        var later = FeedbackNews(competence: [model: try deployment.store.competence(of: model)])
        let overdue = Instant(seconds: now.seconds - deployment.configuration.selection.expireAfterSeconds)
        later.released = Set(try deployment.store.expire(exportedBefore: overdue))
        tell(later)
    }

    /// Leaves news for the judge, with those that it has not read yet.
    private func tell(_ latest: FeedbackNews) {
        news.withLock { news in
            var latest = latest
            latest.released.formUnion(news?.released ?? [])
            latest.competence.merge(news?.competence ?? [:]) { new, _ in new }
            news = latest
        }
    }

    private func load(_ bundle: ModelBundle) {
        do {
            let model = try LoadedModel(bundle, engine: try deployment.engine(), registries: deployment.registries)
            let competence = try deployment.store.competence(of: bundle.manifest.id)
            nextModel.withLock { $0 = (model, competence) }
        } catch {
            logger.error(
                "model cannot be loaded", metadata: ["model": "\(bundle.manifest.id)", "error": "\(error)"])
            do {
                try deployment.rollBack(rejecting: bundle.manifest.id, reason: "\(error)")
            } catch {
                logger.error("model cannot be rolled back", metadata: ["error": "\(error)"])
            }
        }
    }
}
