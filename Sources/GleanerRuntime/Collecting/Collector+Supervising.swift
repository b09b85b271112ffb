import GleanerCore
import Logging
import Synchronization

/// What whoever started this process hears of the loop: that it collects, that it gets on, how it is, that it ends.
extension Collector {
    /// How often the status is told where nobody watches over the process.
    private static let statusIntervalSeconds = 30.0

    /// Tells how the loop is until the task is cancelled.
    ///
    /// That it gets on is told only while no part of it has been at one step for half of the time after which it is taken
    /// for hung: then there is as much time again for a step that was only slow.
    func supervise(_ model: ModelID) async {
        guard let manager = serviceManager else { return }
        tell(manager, .ready, .status(status(model)))
        let intervalSeconds = manager.watchdogSeconds.map { $0 / 4 } ?? Self.statusIntervalSeconds
        while (try? await Task.sleep(for: .seconds(intervalSeconds))) != nil {
            let status = ServiceManager.News.status(status(serving.withLock { $0?.known } ?? model))
            guard let limit = manager.watchdogSeconds else {
                tell(manager, status)
                continue
            }
            if let (part, seconds) = pulse.longest, seconds > limit / 2 {
                tell(manager, .status("hangs: its \(part.name) has been at one step for \(Int(seconds)) s"))
            } else {
                tell(manager, .alive, status)
            }
        }
    }

    /// Tells that the process ends.
    func tellStopping() {
        if let manager = serviceManager { tell(manager, .stopping) }
    }

    private func status(_ model: ModelID) -> String {
        "\(source.name), \(model): \(offeredCount.load(ordering: .relaxed)) frames in this run"
    }

    private func tell(_ manager: ServiceManager, _ news: ServiceManager.News...) {
        do {
            try manager.tell(news)
        } catch {
            logger.warning("the service manager does not hear", metadata: ["error": "\(error)"])
        }
    }
}
