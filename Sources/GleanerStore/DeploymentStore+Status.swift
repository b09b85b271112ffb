public import Foundation
import GRDB
public import GleanerCore

/// The state of a deployment in numbers. `offered == stored + rejected + dropped`, to the unit.
public struct StoreStatus: Sendable {
    public var offered = 0
    public var stored = 0
    public var rejected = 0
    public var dropped = 0
    /// Samples that lost their pixels to make room or by the operator's hand.
    public var evicted = 0
    /// Counts by reason, for `stored`, `rejected`, `dropped` and `evicted`.
    public var reasons: [String: [String: Int]] = [:]
    /// Samples by the state of their label, whether or not their pixels are still there.
    public var queue: [LabelState: Int] = [:]
    /// Samples whose pixels are there.
    public var presentCount = 0
    /// Samples that were found damaged and put aside.
    public var damagedCount = 0
    /// Everything that was put aside, databases included.
    public var quarantineCount = 0
    public var rejectedLabelCount = 0
    public var disk = DiskUse()
    public var quotaByteCount = 0
    public var keepFreeByteCount = 0
    public var activeModel: ModelID?
    /// Batches that are open or await their acknowledgement.
    public var unfinishedBatchCount = 0
    /// Who collects at the moment, in words.
    public var collector: String?
    /// What the deployment has collected for, over all its runs.
    public var collectingTime = Instant(seconds: 0)
}

extension DeploymentStore {
    /// Counts from small tables: its cost does not depend on the number of samples.
    public func status() throws -> StoreStatus {
        var status = try read { db in
            var status = StoreStatus()
            try Self.readTotals(into: &status, db)
            try Self.readQueue(into: &status, db)
            status.activeModel = try Self.slots(db, "WHERE state = 'active'").first?.slot.id
            status.unfinishedBatchCount =
                try Int.fetchOne(db, sql: "SELECT count(*) FROM batch WHERE state IN ('open', 'sealed')") ?? 0
            let seconds = try Double.fetchOne(db, sql: "SELECT instant FROM collector_state")
            status.collectingTime = Instant(seconds: seconds ?? 0)
            return status
        }
        status.disk = try diskUse()
        status.quotaByteCount = settings.quotaByteCount
        status.keepFreeByteCount = settings.keepFreeByteCount
        status.quarantineCount = Quarantine(folder).count()
        status.collector = DeploymentLock.holder(of: .collector, in: folder)
        return status
    }

    /// What the collector wrote down of its loop last, as JSON.
    public func loopReport() throws -> Data? {
        try read { db in try String.fetchOne(db, sql: "SELECT json FROM loop_report") }.map { Data($0.utf8) }
    }

    /// Writes down how the loop goes, instead of what stood there.
    public func setLoopReport(_ json: Data) throws {
        try write { db in
            try db.run(
                "INSERT INTO loop_report VALUES (1, ?) ON CONFLICT DO UPDATE SET json = excluded.json",
                [String(decoding: json, as: UTF8.self)])
        }
    }

    private static func readTotals(into status: inout StoreStatus, _ db: Database) throws {
        for row in try Row.fetchAll(db, sql: "SELECT outcome, reason, count FROM total") {
            let count = row["count"] as Int
            let outcome = row["outcome"] as String
            switch outcome {
            case "offered": status.offered += count
            case "stored": status.stored += count
            case "rejected": status.rejected += count
            case "dropped": status.dropped += count
            case "evicted": status.evicted += count
            case "label_rejected": status.rejectedLabelCount += count
            default: break
            }
            if ["stored", "rejected", "dropped", "evicted"].contains(outcome) {
                status.reasons[outcome, default: [:]][row["reason"], default: 0] += count
            }
        }
    }

    private static func readQueue(into status: inout StoreStatus, _ db: Database) throws {
        for state in LabelState.allCases { status.queue[state] = 0 }
        for row in try Row.fetchAll(
            db, sql: "SELECT label_state, pixels, sum(count) AS count FROM sample_count GROUP BY 1, 2")
        {
            let count = row["count"] as Int
            if let state = LabelState(rawValue: row["label_state"]) { status.queue[state, default: 0] += count }
            switch PixelsState(rawValue: row["pixels"]) {
            case .present: status.presentCount += count
            case .quarantined: status.damagedCount += count
            case .evicted, nil: break
            }
        }
    }
}
