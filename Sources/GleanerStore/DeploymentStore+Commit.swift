import Foundation
import GRDB
public import GleanerCore
import Synchronization

extension DeploymentStore {
    /// Stores what became of a group of frames, in one transaction: samples with pixels, counters, seen origins and
    /// the collector's own state.
    ///
    /// When it returns, all of it is durable. When it throws, nothing of it is there: no sample, no count, no
    /// origin; the frames may be offered again or counted as dropped.
    ///
    /// Room is made first, within quota and `keep_free`: see ``CommitReport/refused`` for samples that found none.
    ///
    /// - Parameter collectorState: what the collector needs to go on after a restart; `nil` leaves it as it was.
    public func commit(
        _ outcomes: [FrameOutcome], collectorState: JSONValue?, at now: Instant
    ) throws -> CommitReport {
        try commitTurn.withLock { _ in
            var group = CommitGroup(outcomes, homes: pictures)
            let state = try collectorState.map { try CanonicalJSON.encode($0) }
            let evicted = try makeRoom(for: &group)
            try pictures.place(group.files)
            var report: CommitReport
            do {
                report = try write { db in try insert(group, state: state, at: now, db) }
            } catch {
                pictures.remove(group.files.map(\.path))
                throw error
            }
            report.evictedCount = evicted.evictedCount
            report.expired = evicted.expired
            report.refused = group.refused
            report.answers = group.answers
            return report
        }
    }

    /// What the collector said last, and when, in collecting time; the start of it all when it never ran.
    public func collectorState() throws -> (state: JSONValue?, at: Instant) {
        guard let row = try read({ db in try db.first("SELECT json, instant FROM collector_state") }) else {
            return (nil, Instant(seconds: 0))
        }
        let text = row["json"] as String?
        let state = try text.map {
            try CanonicalJSON.decode(JSONValue.self, from: Data($0.utf8), named: "the collector's state")
        }
        return (state, Instant(seconds: row["instant"]))
    }

    /// The origins that were offered before under some names of a source, in this run or an earlier one; those that
    /// awaited an answer are not among them.
    public func seenOrigins(of source: String, named names: [Substring]) throws -> Set<FrameOrigin> {
        var asked = JSONList(byteCount: names.reduce(2) { $0 + $1.utf8.count + 3 })
        for name in names { asked.append(name) }
        return try read { [asked] db in
            let rows = try Row.fetchCursor(
                db.cachedStatement(
                    sql: """
                        SELECT seen.name, bytes, modified_ns
                        FROM json_each(?) AS asked CROSS JOIN seen ON seen.name = asked.value
                        WHERE source_key = (SELECT source_key FROM source WHERE name = ?)
                        """), arguments: [asked.text, source])
            var origins: Set<FrameOrigin> = []
            while let row = try rows.next() {
                let name: String = row["name"]
                origins.insert(
                    FrameOrigin(
                        source: source, name: name[...], byteCount: row["bytes"],
                        modifiedNanoseconds: row["modified_ns"]))
            }
            return origins
        }
    }

    private func insert(
        _ group: CommitGroup, state: Data?, at now: Instant, _ db: Database
    ) throws -> CommitReport {
        try forgetRemovedFiles(db)
        var keys = KeyCache(db)
        for kept in group.kept { try insert(kept, at: now, &keys, db) }
        try markSeen(group.outcomes, &keys, db)
        try remember(group.answers, &keys, db)
        try record(group.outcomes, db)
        for (sample, count) in group.represented {
            try db.run(
                """
                UPDATE sample SET represents = represents + ?
                WHERE run_key = (SELECT run_key FROM run WHERE counter = ?) AND sequence = ?
                """, [count, Int64(sample.runCounter), Int64(clamping: sample.sequence)])
        }
        let report = try count(group, hour: Self.hour(of: now), &keys, db)
        try db.run(
            """
            INSERT INTO collector_state VALUES (1, ?, ?)
            ON CONFLICT DO UPDATE SET json = coalesce(excluded.json, json), instant = max(instant, excluded.instant)
            """, [state.map { String(decoding: $0, as: UTF8.self) }, now.seconds.isFinite ? now.seconds : 0])
        return report
    }

    private func insert(
        _ kept: CommitGroup.Kept, at now: Instant, _ keys: inout KeyCache, _ db: Database
    ) throws {
        let record = kept.record
        let run = try keys.run(record.id)
        let model = try keys.model(record.model.id, task: record.prediction.task)
        let sequence = Int64(clamping: record.id.sequence)
        let topClass = record.prediction.top?.label
        try db.run(
            """
            INSERT INTO sample (run_key, sequence, model_key, scored_by, scene, probability, confidence, duplicate,
              top_class, scored_class, reason, audit, utility, coin, eviction_key, sha256, bytes, disk_bytes, encoding,
              home, width, height, kept_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                run, sequence, model, model, record.scene, record.inclusionProbability,
                record.prediction.confidence.map { Double($0) }, record.duplicateOf != nil,
                topClass, topClass, record.reason, kept.isAudit, record.utility, Self.coin(record.id),
                kept.evictionKey, record.sha256.data, record.bytes, kept.diskByteCount, record.encoding.rawValue,
                kept.home.rawValue, record.width, record.height, now.seconds.isFinite ? now.seconds : 0,
            ])
        let key = db.lastInsertedRowID
        try db.run("INSERT INTO record VALUES (?, ?, ?)", [key, kept.json, Digest(of: kept.json).data])
        if let embedding = kept.embedding {
            try db.run("INSERT INTO embedding VALUES (?, ?, ?)", [key, model, Data(embedding.encoded)])
        }
        if kept.home == .inline {
            try db.run("INSERT INTO picture VALUES (?, ?)", [key, Data(kept.picture.bytes)])
        }
        try db.run("UPDATE run SET last_sequence = max(last_sequence, ?) WHERE run_key = ?", [sequence, run])
    }

    /// A camera's frames never come again: only those that have a file are remembered.
    private func markSeen(_ outcomes: [FrameOutcome], _ keys: inout KeyCache, _ db: Database) throws {
        var list = JSONList(byteCount: outcomes.reduce(2) { $0 + $1.origin.name.utf8.count + 48 })
        for origin in outcomes.lazy.map(\.origin) where origin.byteCount != 0 || origin.modifiedNanoseconds != 0 {
            let source = try keys.source(origin.source)
            list.appendList {
                $0.append(source)
                $0.append(origin.name)
                $0.append(origin.byteCount)
                $0.append(origin.modifiedNanoseconds)
            }
        }
        guard !list.isEmpty else { return }
        try db.run(
            """
            INSERT INTO seen
            SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
              json_extract(value, '$[3]')
            FROM json_each(?) WHERE true
            ON CONFLICT DO UPDATE SET bytes = excluded.bytes, modified_ns = excluded.modified_ns
            """, [list.text])
    }

    /// A number that is the sample's for good and tells nothing about it: the order of audit samples in batches.
    private static func coin(_ id: SampleID) -> Int64 {
        let digest = Digest(of: Array(id.description.utf8)).bytes
        return digest.prefix(8).reduce(0) { $0 << 8 | Int64($1) }
    }
}
