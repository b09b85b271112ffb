import GleanerCore
import GleanerSelection
import GleanerStore
import Logging
import Synchronization

/// How long the judge waits for a frame before it scores kept samples instead, and how many it asks for at once.
private let idleSeconds = 0.02
private let rescorePageCount = 64
/// The budget's state is some kilobytes: written each second it would wear the card out.
private let stateIntervalSeconds = 30.0

/// The judge: model, selection.
extension Collector {
    func judge(_ judge: FrameJudge, clock: CollectingClock) {
        defer {
            judged.close()
            pulse.rest(.judge)
        }
        var rescoring = Rescoring(
            millisecondsPerSecond: deployment.configuration.selection.rescoreMillisecondsPerSecond)
        // A model that runs elsewhere cannot be asked about kept samples.
        if !source.givesPredictions { rescoring.begin() }
        var savedAt = clock.now()
        var isSaved = true
        judging: while true {
            // What a burst of frames has earned counts soon, though no frame may follow for hours.
            let secondsToSave = isSaved ? 3600 : max(savedAt.seconds + stateIntervalSeconds - clock.now().seconds, 0)
            pulse.rest(.judge)
            let popped = prepared.pop(withinSeconds: rescoring.isWaiting ? idleSeconds : secondsToSave)
            pulse.work(.judge)
            // Told to stop: what was not judged stays in the source.
            if stop.isRaised { break }
            switch popped {
            case .closed: break judging
            case .nothingYet: break
            case .element(let slot):
                if let next = nextModel.withLock({ $0.take() }) {
                    take(next, in: judge)
                    rescoring.begin()
                }
                if let change = nextShadow.withLock({ $0.take() }) { take(change, in: judge) }
                if let news = news.withLock({ $0.take() }) { judge.learn(news) }
                if let given = slot.buffer.given { follow(given.model, in: judge) }
                let now = clock.now()
                let frame = judge.judge(slot, at: now)
                if frame.kept == nil { _ = empty.push(slot) }
                for alarm in judge.takeAlarms() { raise(alarm, model: judge.model.manifest.id) }
                if concludeProbation(in: judge) { rescoring.begin() }
                concludeShadow(in: judge)
                guard judged.push(.frame(frame)) else { break judging }
                isSaved = false
            }
            if !isSaved, clock.now().seconds - savedAt.seconds >= stateIntervalSeconds {
                savedAt = clock.now()
                isSaved = true
                guard judged.push(.state(judge.state, at: savedAt)) else { break judging }
                writeServedCount(of: judge)
                writeShadow(of: judge)
            }
            // Nothing but the suspect may be what the process dies of.
            if !isTrying.load(ordering: .relaxed) { rescore(judge, &rescoring, clock: clock, unbounded: false) }
        }
        for queue in [empty, full, prepared] { queue.close() }
        // The source has ended, and there is all the time for what frames left undone.
        while !rescoring.isComplete, !stop.isRaised { rescore(judge, &rescoring, clock: clock, unbounded: true) }
        writeServedCount(of: judge)
        endShadow(in: judge)
        finalState.withLock { $0 = judge.state }
    }

    /// Scenes became unfamiliar.
    private func raise(_ alarm: String, model: ModelID) {
        let message =
            alarm == "novelty"
            ? "frames became less like what was kept" : "\(model) became less sure of what it sees"
        logger.warning("drift", metadata: ["what": "\(message)"])
        note("drift.\(alarm)", message, detail: ["model": .string("\(model)")])
    }

    /// Scores one kept sample with the model that serves, if there is time for it.
    private func rescore(
        _ judge: FrameJudge, _ rescoring: inout Rescoring, clock: CollectingClock, unbounded: Bool
    ) {
        let begin = clock.now()
        guard let step = rescoring.next(at: begin, unbounded: unbounded) else { return }
        pulse.work(.judge)
        do {
            switch step {
            case .fetch(let cursor):
                let page = try deployment.store.unscored(
                    by: judge.model.manifest.id, below: cursor, limit: rescorePageCount)
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
        if concludeProbation(in: judge) { rescoring.begin() }
    }
}
