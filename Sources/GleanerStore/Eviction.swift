import GRDB
import GleanerCore

/// Chooses the pixels that make room for a group, inside one transaction.
///
/// Acknowledged ones go first, then the largest eviction keys. A sample that comes in does not push out one that is
/// worth more; audit samples have a share of the quota in which only they replace each other. Of each class that the
/// model sees some samples stay as long as others have more: what is rare would else be gone before anybody asks.
struct Eviction {
    private struct Victim {
        var row: SampleRow
        var evictionKey: Double
        var isAcknowledged: Bool
    }

    /// So many samples of a class are not evicted for others that are worth more.
    static let classFloor = 5

    let db: Database
    var room: Room
    let auditByteCountMax: Int
    private var auditByteCount: Int
    private let hour: Int
    /// Those that might go at first, audit samples and others apart: found once, when they are asked for. Nothing is
    /// stored while room is made.
    private var found: [Bool: PartMerge] = [:]
    /// What is left of them, the first to go first.
    private var candidates: [Bool: PartMerge] = [:]
    /// Candidates that are the last of their class, in their order.
    private var spared: [PartMerge.Place] = []
    private(set) var evictedCount = 0
    private(set) var expired: Set<LocalSampleID> = []

    init(_ db: Database, room: Room, settings: StoreSettings) throws {
        self.db = db
        self.room = room
        auditByteCountMax = settings.auditByteCountMax
        auditByteCount =
            try Int.fetchOne(
                db, sql: "SELECT sum(disk_bytes) FROM sample_count WHERE pixels = 'present' AND audit = 1") ?? 0
        hour = try DeploymentStore.currentHour(db)
    }

    /// Makes room for one sample, or leaves everything as it was and returns `false`.
    mutating func admit(_ kept: CommitGroup.Kept) throws -> Bool {
        let before = self
        var admitted = false
        try db.inSavepoint {
            admitted = try push(kept)
            return admitted ? .commit : .rollback
        }
        guard admitted else {
            let found = found
            self = before
            self.found = found
            return false
        }
        room.take(kept.diskByteCount, kept.home)
        if kept.isAudit { auditByteCount += kept.diskByteCount }
        return true
    }

    /// Of a quota that became much smaller, so many go at once: others wait for the transaction.
    private static let evictionCountMax = 2000

    /// Brings ``room`` to at least `byteCount` bytes, whatever the victims are worth; `false` when that cannot be.
    mutating func free(_ byteCount: Int) throws -> Bool {
        while room.left + room.reusable < byteCount {
            guard evictedCount < Self.evictionCountMax else { return false }
            guard let victim = try nextVictim(audit: auditByteCount > auditByteCountMax) else { return false }
            try evict(victim)
        }
        return true
    }

    private mutating func push(_ kept: CommitGroup.Kept) throws -> Bool {
        if kept.isAudit {
            guard kept.diskByteCount <= auditByteCountMax else { return false }
            while auditByteCount + kept.diskByteCount > auditByteCountMax {
                guard let victim = try nextVictim(audit: true, isOutranked: kept.evictionKey) else { return false }
                try evict(victim)
            }
        }
        // Free pages count for files too: the database gives them back to the volume afterwards.
        while room.left + room.reusable < kept.diskByteCount {
            guard let victim = try victim(for: kept) else { return false }
            try evict(victim)
        }
        return true
    }

    private mutating func victim(for kept: CommitGroup.Kept) throws -> Victim? {
        if auditByteCount > auditByteCountMax, let victim = try nextVictim(audit: true) { return victim }
        guard kept.isAudit else {
            // The first of a class come in whatever they are worth.
            let topClass = kept.record.prediction.top?.label
            let isScarce = try isAtFloor(topClass, spare: 1)
            return try nextVictim(audit: false, isOutranked: isScarce ? 0 : kept.evictionKey)
        }
        // Within their share audit samples have a right to the room.
        if let victim = try nextVictim(audit: false) { return victim }
        return try nextVictim(audit: true, isOutranked: kept.evictionKey)
    }

    /// The first to go, which is then none of the candidates any more. With a key, only if it is acknowledged or not worth
    /// more than that; else the caller puts everything back.
    private mutating func nextVictim(audit: Bool, isOutranked key: Double? = nil) throws -> Victim? {
        guard let place = try nextCandidate(audit: audit) else { return nil }
        let victim = Victim(
            row: try SampleRow.fetch(key: place.key, db), evictionKey: place.value, isAcknowledged: place.range == 0)
        guard let key, !victim.isAcknowledged else { return victim }
        return victim.evictionKey >= key ? victim : nil
    }

    private mutating func findCandidates(audit: Bool) throws -> PartMerge {
        let ranges = [1, 0].map {
            "pixels = 'present' AND kept = 0 AND held = 0 AND audit = \(audit ? 1 : 0) AND acknowledged = \($0)"
        }
        let merge = try PartMerge(db, ranges, by: "eviction_key", takesRangesInTurn: true)
        found[audit] = merge
        return merge
    }

    private mutating func nextCandidate(audit: Bool) throws -> PartMerge.Place? {
        if candidates[audit] == nil {
            candidates[audit] = try found[audit] ?? findCandidates(audit: audit)
        }
        while let place = try candidates[audit]?.next() {
            if audit || place.range == 0 { return place }
            let row = try db.first("SELECT scored_class FROM sample WHERE sample_key = ?", [place.key])
            if try !isAtFloor(row?["scored_class"]) { return place }
            // Its class does not grow before this is over.
            spared.append(place)
        }
        return audit || spared.isEmpty ? nil : spared.removeFirst()
    }

    /// Whether no more than ``classFloor`` samples of a class are left, less `spare`.
    private func isAtFloor(_ topClass: String?, spare: Int = 0) throws -> Bool {
        let row = try db.first(
            """
            SELECT count(*) AS n FROM (
              SELECT 1 FROM sample WHERE pixels = 'present' AND audit = 0 AND scored_class IS ? LIMIT ?)
            """, [topClass, Self.classFloor + 1])
        return row.map { ($0["n"] as Int) <= Self.classFloor - spare } ?? false
    }

    private mutating func evict(_ victim: Victim) throws {
        let row = victim.row
        try row.removePixels(becoming: .evicted, because: "quota", hour: hour, db)
        room.giveBack(row.diskByteCount, row.home)
        if row.isAudit {
            auditByteCount -= row.diskByteCount
        } else if !victim.isAcknowledged {
            try db.run(
                """
                INSERT INTO evicted_key VALUES (1, ?)
                ON CONFLICT DO UPDATE SET smallest = min(smallest, excluded.smallest)
                """, [victim.evictionKey])
        }
        evictedCount += 1
        if row.labelState == .queued { expired.insert(row.id.local) }
    }
}
