import Foundation
import GleanerCore
import GleanerStore
import GleanerSync
public import Logging
public import ServiceLifecycle
import Synchronization

/// Visits the destinations of a deployment by itself, each in its own time: one that is dead delays no other.
public struct SyncService: Service {
    private let deployment: Deployment
    private let logger: Logger
    private static let lookSeconds = 1.0
    private static let lockSeconds = 30.0

    public init(_ deployment: Deployment, logger: Logger) {
        self.deployment = deployment
        self.logger = logger
    }

    public func run() async throws {
        let targets = deployment.configuration.sync.destinations
        guard !targets.isEmpty else { return try await gracefulShutdown() }
        do {
            try await cancelWhenGracefulShutdown {
                let lock = try await right()
                defer { withExtendedLifetime(lock) {} }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let wishes = Wishes(try deployment.store.syncWishCount())
                    group.addTask { try await watch(wishes) }
                    for target in targets { group.addTask { try await serve(target, wishes) } }
                    try await group.waitForAll()
                }
            }
        } catch is CancellationError {
            return
        }
    }

    /// Waits until no other process syncs.
    private func right() async throws -> DeploymentLock {
        var isTold = false
        while true {
            do {
                return try DeploymentLock(.sync, in: deployment.store.folder)
            } catch let error as GleanerError {
                if !isTold { logger.notice("\(error.message); nothing is synced until that is over") }
                isTold = true
            }
            try await Task.sleep(for: .seconds(Self.lockSeconds))
        }
    }

    /// Sees when somebody wants everything to be tried now.
    private func watch(_ wishes: Wishes) async throws {
        while true {
            try await Task.sleep(for: .seconds(Self.lookSeconds))
            do {
                wishes.count = try deployment.store.syncWishCount()
            } catch let error as GleanerError {
                logger.warning("cannot look for news", metadata: ["error": "\(error)"])
            }
        }
    }

    private func serve(_ target: DestinationSettings, _ wishes: Wishes) async throws {
        var seen = wishes.count
        var isWished = false
        while true {
            var pauseSeconds = isWished ? 0 : secondsUntilOpen(target)
            if pauseSeconds == 0 {
                pauseSeconds =
                    try await visit(target, isOnDemand: isWished) ?? secondsUntilNext()
            }
            isWished = try await wishes.wait(seconds: pauseSeconds, after: &seen)
        }
    }

    /// Not all devices that the same power cut stopped ask at the same moment.
    private func secondsUntilNext() -> Double {
        deployment.configuration.sync.everySeconds * Double.random(in: 0.9...1.1)
    }

    /// - Returns: for how long to leave the destination alone; `nil` when all went well.
    private func visit(_ target: DestinationSettings, isOnDemand: Bool) async throws -> Double? {
        do {
            let (report, pauseSeconds) = try await deployment.visit(target, isOnDemand: isOnDemand) { _, _ in }
            for batch in report.batches {
                logger.notice(
                    "batch delivered", metadata: ["destination": "\(target.name)", "samples": "\(batch.sampleCount)"])
            }
            for arrival in report.arrivals {
                logger.notice("taken in", metadata: ["destination": "\(target.name)", "item": "\(arrival.item)"])
            }
            if let failure = report.failure, failure.code != GleanerError.Code.destinationOffline.rawValue {
                logger.warning("\(target.name): \(failure.message)", metadata: ["try": "\(failure.remedy)"])
            }
            return pauseSeconds
        } catch let error where !(error is CancellationError) {
            // Whatever it is: collecting goes on beside it.
            logger.warning("cannot sync with \(target.name)", metadata: ["error": "\(error)"])
            return Self.lockSeconds
        }
    }

    private func secondsUntilOpen(_ target: DestinationSettings) -> Double {
        guard let hours = target.hours else { return 0 }
        let now = Calendar.current.dateComponents([.hour, .minute], from: Date())
        return Double(hours.minutesUntilOpen(at: (now.hour ?? 0) * 60 + (now.minute ?? 0))) * 60
    }

    /// How often somebody wanted everything to be tried now.
    private final class Wishes: Sendable {
        private let counter: Mutex<Int>
        init(_ count: Int) { counter = Mutex(count) }
        var count: Int {
            get { counter.withLock { $0 } }
            set { counter.withLock { $0 = newValue } }
        }

        /// Waits for some time, or until there is a wish that was not seen; returns whether there is.
        func wait(seconds: Double, after seen: inout Int) async throws -> Bool {
            let end = ContinuousClock.now + .seconds(seconds)
            while count == seen, ContinuousClock.now < end {
                try await Task.sleep(until: min(end, .now + .seconds(lookSeconds)), clock: .continuous)
            }
            defer { seen = count }
            return count != seen
        }
    }
}
