import Foundation
import GRDB
public import GleanerCore

/// A run whose decisions were recorded, or what is left of it.
public struct RecordedRun: Sendable, Hashable {
    public var run: RunID
    /// The first frame of which there is a record, and how many there are from it on.
    public var first: UInt64
    public var frameCount: Int
}

/// A stretch of a recorded run that begins with everything needed to go on from there.
public struct RecordedSegment: Sendable {
    /// The number of its first frame.
    public var first: UInt64
    public var start: JSONValue
    /// The records of its frames, one after the other, all of one length.
    public var records: [UInt8]
    /// What changed before a frame, in order.
    public var changes: [(before: UInt64, json: JSONValue)]
}

extension DeploymentStore {
    /// Runs of which decisions are recorded, newest first.
    ///
    /// - Parameter recordByteCount: The length of one record.
    public func recordedRuns(recordByteCount: Int) throws -> [RecordedRun] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT counter, nonce, min(d.first) AS first, sum(length(records)) AS bytes
                    FROM decision d JOIN segment USING (segment_key) JOIN run USING (run_key)
                    GROUP BY run_key ORDER BY run_key DESC
                    """
            ).map { row in
                RecordedRun(
                    run: RunID(
                        counter: UInt32(clamping: row["counter"] as Int64),
                        nonce: UInt64(bitPattern: row["nonce"] as Int64)),
                    first: UInt64(clamping: row["first"] as Int64), frameCount: row["bytes"] / recordByteCount)
            }
        }
    }

    /// Hands over a run's segments in order. Each is read in a view of its own, so that nobody who collects waits.
    public func segments(of run: RunID, _ body: (RecordedSegment) throws -> Void) throws {
        let keys = try read { db in
            try Int64.fetchAll(
                db,
                sql: """
                    SELECT segment_key FROM segment JOIN run USING (run_key) WHERE counter = ? AND nonce = ?
                    ORDER BY segment_key
                    """, arguments: [Int64(run.counter), Int64(bitPattern: run.nonce)])
        }
        for key in keys {
            // It may have made room meanwhile.
            if let segment = try read({ db in try Self.segment(key, db) }) { try body(segment) }
        }
    }

    private static func segment(_ key: Int64, _ db: Database) throws -> RecordedSegment? {
        guard let row = try db.first("SELECT first, start FROM segment WHERE segment_key = ?", [key]) else {
            return nil
        }
        let records = try Data.fetchCursor(
            db, sql: "SELECT records FROM decision WHERE segment_key = ? ORDER BY first", arguments: [key])
        var bytes: [UInt8] = []
        while let record = try records.next() { bytes += record }
        let changes = try Row.fetchAll(
            db, sql: "SELECT before, json FROM selector_change WHERE segment_key = ? ORDER BY change_key",
            arguments: [key])
        return RecordedSegment(
            first: UInt64(clamping: row["first"] as Int64), start: try json(row["start"]), records: bytes,
            changes: try changes.map { (UInt64(clamping: $0["before"] as Int64), try json($0["json"])) })
    }

    private static func json(_ text: String) throws -> JSONValue {
        try CanonicalJSON.decode(JSONValue.self, from: Data(text.utf8), named: "a recorded decision")
    }

    /// Adds a group's decisions to the newest segments of their runs.
    func record(_ outcomes: [FrameOutcome], _ db: Database) throws {
        var stretch: (segment: Int64, first: UInt64, bytes: [UInt8])?
        for frame in outcomes {
            guard let recording = frame.recording else { continue }
            if let start = recording.start {
                try flush(&stretch, db)
                let segment = try begin(start, before: frame.sequence, db)
                stretch = (segment, frame.sequence, [])
            } else if stretch == nil {
                guard let segment = try newestSegment(db) else { continue }
                stretch = (segment, frame.sequence, [])
            }
            stretch?.bytes += recording.record
            for change in recording.changes {
                try record(change, before: frame.sequence, in: stretch?.segment, db)
            }
        }
        try flush(&stretch, db)
    }

    private func flush(_ stretch: inout (segment: Int64, first: UInt64, bytes: [UInt8])?, _ db: Database) throws {
        guard let (segment, first, bytes) = stretch, !bytes.isEmpty else { return }
        try db.run(
            "INSERT INTO decision (segment_key, first, records) VALUES (?, ?, ?)",
            [segment, Int64(clamping: first), Data(bytes)])
        try grow(segment, by: bytes.count + Self.rowByteCount, db)
        stretch = nil
    }

    /// What a row takes beside its content, its place in an index included.
    private static let rowByteCount = 24

    private func record(_ change: JSONValue, before: UInt64, in segment: Int64?, _ db: Database) throws {
        guard let segment else { return }
        let text = String(decoding: try CanonicalJSON.encode(change), as: UTF8.self)
        try db.run(
            "INSERT INTO selector_change (segment_key, before, json) VALUES (?, ?, ?)",
            [segment, Int64(clamping: before), text])
        try grow(segment, by: text.utf8.count + Self.rowByteCount, db)
    }

    private func grow(_ segment: Int64, by count: Int, _ db: Database) throws {
        try db.run("UPDATE segment SET byte_count = byte_count + ? WHERE segment_key = ?", [count, segment])
    }

    private func newestSegment(_ db: Database) throws -> Int64? {
        try db.first("SELECT max(segment_key) AS key FROM segment")?["key"]
    }

    private func begin(_ start: JSONValue, before first: UInt64, _ db: Database) throws -> Int64 {
        let text = String(decoding: try CanonicalJSON.encode(start), as: UTF8.self)
        try db.run(
            """
            INSERT INTO segment (run_key, first, start, byte_count)
            VALUES ((SELECT max(run_key) FROM run), ?, ?, ?)
            """, [Int64(clamping: first), text, text.utf8.count + Self.rowByteCount])
        let key = db.lastInsertedRowID
        try forgetDecisions(before: key, db)
        return key
    }

    /// The oldest segments make room for the one that begins.
    private func forgetDecisions(before newest: Int64, _ db: Database) throws {
        var total = try Int.fetchOne(db, sql: "SELECT sum(byte_count) FROM segment") ?? 0
        // The segment that begins needs room too: about as much as the one before it took.
        total +=
            try Int.fetchOne(
                db, sql: "SELECT byte_count FROM segment WHERE segment_key < ? ORDER BY segment_key DESC LIMIT 1",
                arguments: [newest]) ?? 0
        let oldest = try Row.fetchAll(
            db, sql: "SELECT segment_key, byte_count FROM segment WHERE segment_key < ? ORDER BY segment_key",
            arguments: [newest])
        for row in oldest where total > settings.decisionByteCountMax {
            let key = row["segment_key"] as Int64
            for table in ["decision", "selector_change", "segment"] {
                try db.run("DELETE FROM \(table) WHERE segment_key = ?", [key])
            }
            total -= row["byte_count"] as Int
        }
    }
}
