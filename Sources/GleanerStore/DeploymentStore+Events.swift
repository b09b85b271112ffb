import Foundation
import GRDB
public import GleanerCore

/// Something that happened to the deployment, for its history.
public struct StoreEvent: Sendable, Hashable, Codable {
    /// Grows with every event.
    public var number: Int
    /// A stable name such as `model.activated`.
    public var kind: String
    public var message: String
    public var detail: JSONValue?
    /// The wall clock, right or wrong.
    public var at: Timestamp
}

extension DeploymentStore {
    /// Adds to the history.
    public func record(_ kind: String, _ message: String, detail: [String: JSONValue] = [:]) throws {
        try write { db in try Self.record(kind, message, detail: detail, db) }
    }

    /// The latest events, newest first.
    public func events(limit: Int = 100) throws -> [StoreEvent] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM event ORDER BY event_key DESC LIMIT ?", arguments: [limit])
                .map { StoreEvent($0) }
        }
    }

    /// The latest time that the wall clock said when a run began or something happened lately; `nil` before there is any.
    ///
    /// A clock that says less has been set back.
    public func newestTime() throws -> Timestamp? {
        try read { db in
            let milliseconds = try Int64.fetchOne(
                db,
                sql: """
                    SELECT max(at) FROM (
                      SELECT max(at_ms) AS at FROM (SELECT at_ms FROM event ORDER BY event_key DESC LIMIT 1000)
                      UNION ALL
                      SELECT max(started_ms) FROM (SELECT started_ms FROM run ORDER BY run_key DESC LIMIT 1000))
                    """)
            return milliseconds.map { Timestamp(milliseconds: $0) }
        }
    }

    static func record(_ kind: String, _ message: String, detail: [String: JSONValue] = [:], _ db: Database) throws {
        let json = detail.isEmpty ? nil : String(decoding: try CanonicalJSON.encode(detail), as: UTF8.self)
        try db.run(
            "INSERT INTO event (kind, message, detail, at_ms) VALUES (?, ?, ?, ?)",
            [kind, message, json, Timestamp.now().milliseconds])
    }
}

extension StoreEvent {
    /// From a row of `event`.
    init(_ row: Row) {
        self.init(
            number: row["event_key"], kind: row["kind"], message: row["message"],
            detail: (row["detail"] as String?).flatMap {
                try? CanonicalJSON.decode(JSONValue.self, from: Data($0.utf8), named: "an event")
            }, at: Timestamp(milliseconds: row["at_ms"]))
    }
}
