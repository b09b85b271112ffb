import GleanerCore
import GleanerStore
import Synchronization

/// The writer: makes what was judged durable, in groups.
extension Collector {
    /// - Parameter frames: Told what became of frames whose origins await it.
    func write(telling frames: any FrameSource) {
        var progress = Progress()
        var lastInstant: Instant?
        let lingerSeconds = source.givesPredictions ? Self.answerLingerSeconds : Self.groupLingerSeconds
        while let group = finished.popAll(lingerSeconds: lingerSeconds) {
            pulse.work(.writer)
            defer { pulse.rest(.writer) }
            do {
                lastInstant = try commit(group, &progress, telling: frames) ?? lastInstant
            } catch {
                finished.close()
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
    private func commit(
        _ group: [Finding], _ progress: inout Progress, telling source: any FrameSource
    ) throws -> Instant? {
        let frames = group.compactMap { if case .frame(let frame) = $0 { frame } else { nil } }
        let scores = group.compactMap { if case .score(let score) = $0 { score } else { nil } }
        let states = group.compactMap { if case .state(let state, let instant) = $0 { (state, instant) } else { nil } }
        if let last = [frames.last?.instant, states.last?.1].compactMap({ $0 }).max() {
            let report = try times.measure(.commit) {
                try deployment.store.commit(
                    FrameJudge.Judged.recorded(frames), collectorState: states.last?.0, at: last)
            }
            let gone = report.expired.union(report.refused.keys.map(\.local))
            if !gone.isEmpty { tell(FeedbackNews(released: gone)) }
            progress.offered += report.storedCount + report.rejectedCount + report.droppedCount
            offeredCount.store(progress.offered, ordering: .relaxed)
            if let last = frames.last { durableSequence.store(last.outcome.sequence, ordering: .relaxed) }
            progress.stored += report.storedCount
            progress.rejected += report.rejectedCount
            progress.dropped += report.droppedCount
            for (origin, answer) in report.answers { source.settled(origin, answer) }
        }
        try deployment.store.record(scores)
        return frames.last?.instant
    }
}
