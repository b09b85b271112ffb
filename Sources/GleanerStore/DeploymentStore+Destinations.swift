public import Foundation
import GRDB
public import GleanerCore

/// What a destination remembers of the delivery of one batch. Gone once the batch is delivered or discarded.
struct StoredDeliveryNotes: DeliveryNotes {
    let store: DeploymentStore
    let number: Int

    subscript(key: String) -> String? {
        try? store.read { db in
            try String.fetchOne(
                db, sql: "SELECT value FROM delivery_note WHERE number = ? AND key = ?", arguments: [number, key])
        }
    }

    func set(_ key: String, to value: String?) throws {
        try store.write { db in
            if let value {
                try db.run("INSERT OR REPLACE INTO delivery_note VALUES (?, ?, ?)", [number, key, value])
            } else {
                try db.run("DELETE FROM delivery_note WHERE number = ? AND key = ?", [number, key])
            }
        }
    }
}

/// Something that came from a destination, and what became of it.
public struct Arrival: Sendable, Hashable {
    /// Where it lay there.
    public var name: String
    /// Changes when its content does, as far as the destination can tell without handing it out.
    public var tag: String
    public var sha256: Digest
    /// What became of it: a document for the other side.
    public var receipt: String
    /// Whether the receipt lies at the destination.
    public var isReceiptLeft: Bool
    public init(name: String, tag: String, sha256: Digest, receipt: String, isReceiptLeft: Bool = false) {
        self.name = name
        self.tag = tag
        self.sha256 = sha256
        self.receipt = receipt
        self.isReceiptLeft = isReceiptLeft
    }
}

extension DeploymentStore {
    /// Where the destination of a batch writes what it has to remember.
    public func notes(of batch: Int) -> any DeliveryNotes { StoredDeliveryNotes(store: self, number: batch) }

    /// How it went with a destination, as JSON; `nil` before the first time.
    public func destinationState(_ place: String) throws -> Data? {
        try read { db in
            try String.fetchOne(db, sql: "SELECT state FROM destination WHERE place = ?", arguments: [place])
        }.map { Data($0.utf8) }
    }

    public func setDestinationState(_ place: String, to json: Data) throws {
        try write { db in
            try db.run(
                "INSERT OR REPLACE INTO destination VALUES (?, ?)", [place, String(decoding: json, as: UTF8.self)])
        }
    }

    /// Sealed batches that wait for a destination, and the samples in them.
    public func sealedCount(for place: String) throws -> (batches: Int, samples: Int) {
        try read { db in
            let row = try db.first(
                """
                SELECT count(*) AS batches, total(sample_count) AS samples FROM batch
                WHERE destination = ? AND state = 'sealed'
                """, [place])
            return (row?["batches"] ?? 0, row?["samples"] ?? 0)
        }
    }

    /// Samples that a new batch for a destination has whatever the budget: labeled ones that it was not sent, or what
    /// other destinations were sent for labeling.
    public func owedCount(_ purpose: BatchPurpose, for place: String, sharing: [String]) throws -> Int {
        try read { db in
            guard let task = try BatchChoice.task(purpose, db) else { return 0 }
            let choice = BatchChoice(
                destination: place, limit: Self.batchSampleCountMax, task: task, againUpTo: nil, sharing: sharing)
            return try choice.owedCount(purpose, db)
        }
    }

    /// When the newest batch of a purpose was opened for a destination, in collecting time; `nil` when there is none.
    public func lastOpened(_ purpose: BatchPurpose, for place: String) throws -> Instant? {
        try read { db in
            try Double.fetchOne(
                db,
                sql: """
                    SELECT opened_at FROM batch WHERE destination = ? AND purpose = ? AND state <> 'discarded'
                    ORDER BY number DESC LIMIT 1
                    """, arguments: [place, purpose.rawValue])
        }.map { Instant(seconds: $0) }
    }

    /// Destinations that have batches waiting for them.
    public func placesAwaited() throws -> [String] {
        try read { db in
            try String.fetchAll(db, sql: "SELECT DISTINCT destination FROM batch WHERE state = 'sealed' ORDER BY 1")
        }
    }

    // MARK: Wishes

    /// Somebody wants everything to be tried now: seen by whoever syncs.
    public func wishForSync() throws {
        try write { db in
            try db.run("INSERT INTO sync_wish VALUES (1, 1) ON CONFLICT DO UPDATE SET count = count + 1")
        }
    }

    /// How often somebody wanted that.
    public func syncWishCount() throws -> Int {
        try read { db in try Int.fetchOne(db, sql: "SELECT count FROM sync_wish") ?? 0 }
    }

    // MARK: What arrived

    public func arrivals(from place: String) throws -> [Arrival] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM arrival WHERE place = ?", arguments: [place]).compactMap(
                Arrival.init)
        }
    }

    /// Something with the same bytes that was dealt with, wherever it came from.
    public func arrival(_ sha256: Digest) throws -> Arrival? {
        try read { db in
            try db.first("SELECT * FROM arrival WHERE sha256 = ? ORDER BY place, name LIMIT 1", [sha256.data])
                .flatMap(Arrival.init)
        }
    }

    public func record(_ arrival: Arrival, from place: String) throws {
        try write { db in
            try db.run(
                "INSERT OR REPLACE INTO arrival VALUES (?, ?, ?, ?, ?, ?)",
                [
                    place, arrival.name, arrival.tag, arrival.sha256.data, arrival.receipt, arrival.isReceiptLeft,
                ])
        }
    }
}

extension Arrival {
    fileprivate init?(_ row: Row) {
        guard let sha256 = Digest(bytes: row["sha256"] as Data) else { return nil }
        self.init(
            name: row["name"], tag: row["tag"], sha256: sha256, receipt: row["receipt"], isReceiptLeft: row["is_left"])
    }
}
