import Foundation
public import GleanerCore
import GleanerStore
import GleanerSync

/// What a sync did, for `sync --json`. Schema: `Schemas/sync.schema.json`.
public struct SyncReport: Sendable, Codable {
    public var visits: [VisitReport]
}

/// What would leave now, for `sync --dry-run --json`.
public struct SyncPlan: Sendable, Codable {
    public struct Destination: Sendable, Codable {
        public var destination: String
        public var place: String
        /// Batches that are sealed already.
        public var batches: Int
        /// Samples in them.
        public var samples: Int
        /// What new batches would have.
        public var due: [Due]
    }
    public struct Due: Sendable, Codable {
        public var purpose: BatchPurpose
        public var samples: Int
    }
    public var destinations: [Destination]
}

extension Deployment {
    /// The destinations of the configuration, or the one that the command line names instead.
    ///
    /// - Throws: ``GleanerError`` when there is none, or it has a problem.
    public func destinations(named text: String? = nil) throws -> [DestinationSettings] {
        if let text {
            let known = configuration.sync.destinations
            if let configured = known.first(where: { $0.name == text || $0.place == text }) { return [configured] }
            return [
                try DestinationSettings.named(
                    text, currentFolder: FileManager.default.currentDirectoryPath, registries: registries)
            ]
        }
        guard !configuration.sync.destinations.isEmpty else {
            throw GleanerError(
                .notFound, "\(folder) has no destination to sync with",
                remedy: "add one with: gleaner destination add folder:/media/stick, or name one with --to")
        }
        return configuration.sync.destinations
    }

    /// Visits each destination once, all at the same time.
    ///
    /// - Returns: what was done; a destination's failure is in its report and hinders no other.
    /// - Throws: ``GleanerError`` with code `sync.running` when another process syncs.
    public func sync(
        with targets: [DestinationSettings],
        progress: @escaping @Sendable (_ doneBytes: Int, _ totalBytes: Int) -> Void
    ) async throws -> SyncReport {
        let lock = try DeploymentLock(.sync, in: store.folder)
        defer { withExtendedLifetime(lock) {} }
        return try await withThrowingTaskGroup(of: (Int, VisitReport).self) { group in
            for (index, target) in targets.enumerated() {
                group.addTask {
                    let (report, _) = try await self.visit(target, isOnDemand: true, progress: progress)
                    return (index, report)
                }
            }
            var reports = [VisitReport?](repeating: nil, count: targets.count)
            for try await (index, report) in group { reports[index] = report }
            return SyncReport(visits: reports.compactMap { $0 })
        }
    }

    /// Visits a destination and writes down how it went.
    ///
    /// - Returns: what was done, and for how long to leave the destination alone; `nil` when all went well.
    /// - Throws: `CancellationError`, or ``GleanerError`` when the queue cannot be used.
    func visit(
        _ target: DestinationSettings, isOnDemand: Bool, progress: @escaping @Sendable (Int, Int) -> Void
    ) async throws -> (VisitReport, pauseSeconds: Double?) {
        var health = try health(of: target)
        var report = VisitReport(destination: target.name, place: target.place)
        var pauseSeconds: Double?
        let visit = DestinationVisit(
            deployment: self, target: target, sharing: sharing(with: target), isOnDemand: isOnDemand,
            progress: progress)
        do {
            try await visit.run(&report, health: &health)
        } catch let error as GleanerError {
            report.failure = .init(error)
            pauseSeconds = health.failed(
                error, at: .now(), absenceSecondsMax: target.destination.absenceSecondsMax,
                draw: Double.random(in: 0..<1))
        }
        try store.setDestinationState(target.place, to: CanonicalJSON.encode(health))
        return (report, pauseSeconds)
    }

    /// How it went with a destination lately.
    func health(of target: DestinationSettings) throws -> DestinationHealth {
        guard let state = try store.destinationState(target.place) else { return DestinationHealth() }
        return try CanonicalJSON.decode(DestinationHealth.self, from: state, named: "the state of \(target.place)")
    }

    /// Destinations that are asked for labels too: they get the same samples.
    private func sharing(with target: DestinationSettings) -> [String] {
        configuration.sync.destinations
            .filter { $0.place != target.place && $0.purposes.contains(.labeling) }.map(\.place)
    }

    /// What would leave now; nothing is sealed and no destination is asked.
    public func syncPlan(for targets: [DestinationSettings]) throws -> SyncPlan {
        SyncPlan(
            destinations: try targets.map { target in
                let visit = DestinationVisit(
                    deployment: self, target: target, sharing: sharing(with: target), isOnDemand: true,
                    progress: { _, _ in })
                let sealed = try store.sealedCount(for: target.place)
                return SyncPlan.Destination(
                    destination: target.name, place: target.place, batches: sealed.batches, samples: sealed.samples,
                    due: try target.purposes.map { .init(purpose: $0, samples: try visit.dueCount($0)) })
            })
    }

    /// Asks whoever syncs this deployment to visit all destinations at once.
    ///
    /// - Returns: who does; `nil` when nobody syncs.
    public func wakeSync() throws -> String? {
        guard let holder = DeploymentLock.holder(of: .sync, in: store.folder) else { return nil }
        try store.wishForSync()
        return holder
    }
}
