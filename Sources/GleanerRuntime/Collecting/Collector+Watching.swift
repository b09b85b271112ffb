import GleanerCore
import GleanerStore
import Logging
import Synchronization

private let watchIntervalSeconds = 0.2
/// Labels come by the day: so often is soon enough to see what they say.
private let feedbackIntervalSeconds = 5.0

/// The watcher: sees what other processes did to the deployment, and what the judge cannot see of itself.
extension Collector {
    /// Looks whether another process activated a model or brought labels, gives up on labels that are overdue, watches
    /// over a model in probation, and writes down how fast the loop is.
    ///
    /// - Parameter shadow: The model in the shadow that is known already.
    func watch(clock: CollectingClock, shadow: ModelID?) {
        var version: Int?
        var learnedAt = clock.now()
        var shadow = shadow
        var reporting = LoopReporting(at: clock.now())
        defer { write(reporting.report(times, frameCount: offered, at: clock.now(), isLast: true)) }
        while !stop.wait(seconds: watchIntervalSeconds) {
            watchProbation()
            write(reporting.report(times, frameCount: offered, at: clock.now()))
            do {
                let now = try deployment.store.dataVersion()
                let isDue = takeRetry()
                guard now != version || isDue else { continue }
                version = now
                if source.givesPredictions {
                    try keepFollowed()
                } else {
                    fulfilWish()
                    try prepareShadow(&shadow)
                }
                if clock.now().seconds - learnedAt.seconds >= feedbackIntervalSeconds {
                    learnedAt = clock.now()
                    try learn(at: learnedAt)
                }
            } catch {
                logger.warning("cannot look for news", metadata: ["error": "\(error)"])
            }
        }
    }

    private var offered: Int { offeredCount.load(ordering: .relaxed) }

    private func write(_ report: LoopReport?) {
        guard let report else { return }
        do {
            try deployment.store.setLoopReport(CanonicalJSON.encode(report))
        } catch {
            logger.warning("the loop's speed cannot be written down", metadata: ["error": "\(error)"])
        }
    }

    private func learn(at now: Instant) throws {
        guard let model = serving.withLock({ $0?.known }) else { return }
        var later = FeedbackNews(competence: [model: try deployment.store.competence(of: model)])
        let overdue = Instant(seconds: now.seconds - deployment.configuration.selection.expireAfterSeconds)
        later.released = Set(try deployment.store.expire(exportedBefore: overdue))
        tell(later)
    }

    /// Leaves news for the judge, with those that it has not read yet.
    func tell(_ latest: FeedbackNews) {
        news.withLock { news in
            var latest = latest
            latest.released.formUnion(news?.released ?? [])
            latest.competence.merge(news?.competence ?? [:]) { new, _ in new }
            news = latest
        }
    }
}
