import Foundation
public import GleanerCore
import GleanerStore

/// How a deployment is doing: the document of `status --json`. Schema: `Schemas/status.schema.json`.
public struct DeploymentStatus: Sendable, Codable {
    /// Every frame that a source ever gave: offered = stored + rejected + dropped.
    public struct Frames: Sendable, Codable {
        public var offered: Int
        public var stored: Int
        public var rejected: Int
        public var dropped: Int
    }
    /// Samples by label state, and how many lost their pixels.
    public struct Queue: Sendable, Codable {
        public var queued: Int
        public var exported: Int
        public var labeled: Int
        public var unusable: Int
        public var expired: Int
        public var evicted: Int
    }
    public struct Disk: Sendable, Codable {
        public var usedBytes: Int
        public var quotaBytes: Int
        enum CodingKeys: String, CodingKey {
            case usedBytes = "used_bytes"
            case quotaBytes = "quota_bytes"
        }
    }

    /// What stands in the ids of its samples, and in the names of folders that it fills elsewhere.
    public var device: DeviceID
    public var model: SampleRecord.ModelReference?
    /// The process that collects at the moment, such as `process 812, since 2026-05-01T10:00:00.000Z`.
    public var collector: String?
    public var frames: Frames
    public var queue: Queue
    public var disk: Disk
    public var destinations: [DestinationStatus]
    /// How fast frames pass; `nil` before any did.
    public var loop: LoopReport?
    /// Of the machine's sensors, if it has any.
    public var temperatures: [Temperature]
    public var problems: [Problem]
}

/// What became of frames, by reason: the document of `report --json`.
public struct LedgerReport: Sendable, Codable {
    public struct Line: Sendable, Codable {
        public var outcome: String
        public var reason: String
        public var count: Int
    }
    /// Labels for which the budget has paid, and samples that were sent out for one.
    public struct Labels: Sendable, Codable {
        public var granted: Int
        public var sent: Int
        public var due: Int
    }

    /// Largest first within each outcome.
    public var lines: [Line]
    public var labels: Labels
    /// A class of the active model, and how many samples have a label that shows it.
    public struct ClassLabels: Sendable, Codable {
        public var name: String
        public var labels: Int

        enum CodingKeys: String, CodingKey {
            case name = "class"
            case labels
        }
    }
    /// When scenes became unfamiliar.
    public struct Alarm: Sendable, Codable {
        public var what: String
        /// The wall clock, right or wrong.
        public var at: Timestamp
    }

    /// Newest first.
    public var models: [ModelReport]
    /// Those with the fewest labels first.
    public var classes: [ClassLabels]
    /// The latest ones, newest first.
    public var drift: [Alarm]

    /// Classes that hardly anything can be learned about.
    public var starving: [ClassLabels] { classes.filter { $0.labels < Self.starvingCount } }
    public static let starvingCount = 10
}

extension Deployment {
    public func status() throws -> DeploymentStatus {
        let status = try store.status()
        return DeploymentStatus(
            device: try store.device(), model: try store.slot(in: .active).map { .init($0.id) },
            collector: status.collector,
            frames: .init(
                offered: status.offered, stored: status.stored, rejected: status.rejected, dropped: status.dropped),
            queue: .init(
                queued: status.queue[.queued] ?? 0, exported: status.queue[.exported] ?? 0,
                labeled: status.queue[.labeled] ?? 0, unusable: status.queue[.unusable] ?? 0,
                expired: status.queue[.expired] ?? 0, evicted: status.evicted),
            disk: .init(usedBytes: status.disk.used, quotaBytes: status.quotaByteCount),
            destinations: try destinationStatus(), loop: try loopReport(), temperatures: Temperature.all(),
            problems: DeploymentCheck.problems(of: self))
    }

    public func report() throws -> LedgerReport {
        let lines = try store.status().reasons.flatMap { outcome, reasons in
            reasons.map { LedgerReport.Line(outcome: outcome, reason: $0, count: $1) }
        }
        let sent = try store.labelingCount()
        let granted = try labelsGranted()
        return LedgerReport(
            lines: lines.sorted { ($0.outcome, $1.count, $0.reason) < ($1.outcome, $0.count, $1.reason) },
            labels: .init(granted: granted, sent: sent, due: max(0, granted - sent)), models: try modelReports(),
            classes: try classLabels(), drift: try alarms())
    }

    private func classLabels() throws -> [LedgerReport.ClassLabels] {
        let counts = try store.labelCounts()
        return try labelClasses().map { .init(name: $0, labels: counts[$0] ?? 0) }
            .sorted { ($0.labels, $0.name) < ($1.labels, $1.name) }
    }

    private func alarms() throws -> [LedgerReport.Alarm] {
        try store.events(limit: 1000).filter { $0.kind.hasPrefix("drift.") }.prefix(20)
            .map { .init(what: $0.message, at: $0.at) }
    }
}
