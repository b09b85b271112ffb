import Foundation
import GRDB
public import GleanerCore

extension DeploymentStore {
    /// A batch has at most so many samples, whatever is asked for: the rest waits for the next one.
    public static let batchSampleCountMax = 10_000

    /// Takes the right to export: one process at a time. What an export that died left behind is discarded first.
    ///
    /// Keep the lock until the batches are made.
    public func beginExport() throws -> DeploymentLock {
        let lock = try DeploymentLock(.export, in: folder)
        try write { db in
            for number in try Int.fetchAll(db, sql: "SELECT number FROM batch WHERE state = 'open'") {
                try Self.discard(number, db)
            }
        }
        try sweepOutbox()
        return lock
    }

    /// Chooses a batch and holds its members against eviction, in one transaction; `nil` when there are none.
    ///
    /// For labeling: queued samples with pixels. Up to a fifth of the places goes to audit samples, in an order that
    /// has nothing to do with them; the rest is `choosing`'s, or goes to the largest utilities. Places that stay free
    /// go to more audit samples.
    /// For training: labeled samples with pixels whose current label this destination was not sent yet.
    ///
    /// What other destinations were sent for labeling, is not labeled yet and has its pixels comes before that, whatever
    /// the limit: it has been paid for.
    ///
    /// All members have one task: the one asked for, or the active model's, or the newest sample's.
    ///
    /// - Parameters:
    ///   - againUpTo: for training, takes samples that the destination has already, in batches of up to this number.
    ///   - sharing: for labeling, destinations whose samples this one gets too.
    ///   - choosing: for labeling, which of the samples that wait leave. It may take its time: nothing waits for it.
    public func openBatch(
        _ purpose: BatchPurpose, destination: String, limit: Int, formats: [String], task: ModelTask? = nil,
        againUpTo: Int? = nil, sharing: [String] = [], choosing: ((LabelingChoice) -> [Int64])? = nil
    ) throws -> StoredBatch? {
        guard limit > 0 || !sharing.isEmpty, let task = try task ?? read({ db in try BatchChoice.task(purpose, db) })
        else { return nil }
        var choice = BatchChoice(
            destination: destination, limit: min(limit, Self.batchSampleCountMax), task: task,
            againUpTo: againUpTo, sharing: sharing)
        if purpose == .labeling, limit > 0, let choosing {
            let waiting = try read { db in try choice.waiting(db) }
            choice.chosen = choosing(waiting)
        }
        return try write { [choice] db in
            let keys = try choice.members(purpose, db)
            guard !keys.isEmpty else { return nil }
            try db.run(
                """
                INSERT INTO batch (purpose, destination, formats, task, classes, device, sample_count, state, opened_ms,
                  opened_at)
                VALUES (?, ?, ?, ?, '[]', ?, ?, 'open', ?, coalesce((SELECT instant FROM collector_state), 0))
                """,
                [
                    purpose.rawValue, destination, try Self.json(formats), task.rawValue,
                    Int64(bitPattern: try Self.currentDevice(db).id.rawValue), keys.count, Timestamp.now().milliseconds,
                ])
            let number = Int(db.lastInsertedRowID)
            try db.run(
                """
                INSERT INTO batch_sample
                SELECT ?, k.key, s.sample_key, s.label_key FROM json_each(?) k CROSS JOIN sample s ON s.sample_key = k.value
                """, [number, BatchChoice.json(keys)])
            try db.run(
                """
                UPDATE sample SET held = held + 1
                WHERE sample_key IN (SELECT sample_key FROM batch_sample WHERE number = ?)
                """, [number])
            let classes = try BatchChoice.classes(number, db)
            try db.run("UPDATE batch SET classes = ? WHERE number = ?", [try Self.json(classes), number])
            return try Self.batch(number, db)
        }
    }

    /// The number of the newest batch; 0 before there is any.
    public func newestBatch() throws -> Int {
        try read { db in try Int.fetchOne(db, sql: "SELECT max(number) FROM batch") ?? 0 }
    }

    /// Samples that were sent out for labeling so far, those on their way included, each counted once.
    public func labelingCount() throws -> Int {
        try read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(DISTINCT sample_key) FROM batch JOIN batch_sample USING (number)
                    WHERE purpose = 'labeling' AND state IN ('sealed', 'delivered')
                    """) ?? 0
        }
    }

    /// Members of a batch in its order, from `position` on, with the labels that they had when it was opened.
    /// ``SampleRecord/file`` is empty.
    ///
    /// - Throws: ``GleanerError`` with code `sample.damaged`. That sample is put aside; discard the batch.
    public func members(of number: Int, from position: Int, limit: Int) throws -> [SampleRecord] {
        let (rows, smallest) = try read { db in
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT \(WholeRow.columns), purpose
                        FROM batch_sample b CROSS JOIN sample s USING (sample_key) JOIN batch USING (number)
                          \(WholeRow.joins(label: "b.label_key"))
                        WHERE b.number = ? AND b.position >= ? ORDER BY b.position LIMIT ?
                        """), arguments: [number, position, limit])
            let smallest = try Double.fetchOne(db, sql: "SELECT smallest FROM evicted_key")
            return (try rows.map { (whole: try WholeRow($0), purpose: $0[WholeRow.columnCount] as String) }, smallest)
        }
        return try rows.map { whole, purpose in
            guard var record = whole.sample?.record else {
                throw try damaged(whole.row, bytes: nil, "its record is not what was stored")
            }
            if purpose == BatchPurpose.training.rawValue {
                record.weight = record.trainingWeight(evictedFrom: smallest)
            }
            return record
        }
    }

    /// Seals a batch whose files are written: from now on it never changes.
    public func sealBatch(_ number: Int, id: BatchID) throws {
        try write { db in
            try Self.expect(number, in: [.open], "be sealed", db)
            try db.run("UPDATE batch SET state = 'sealed', digest = ? WHERE number = ?", [id.digest.data, number])
        }
    }

    /// Batches that are open or await their acknowledgement, oldest first.
    public func unfinishedBatches(destination: String? = nil) throws -> [StoredBatch] {
        try read { db in
            let numbers = try Int.fetchAll(
                db,
                sql: """
                    SELECT number FROM batch WHERE state IN ('open', 'sealed') AND (? IS NULL OR destination = ?)
                    ORDER BY number
                    """, arguments: [destination, destination])
            return try numbers.map { try Self.batch($0, db) }
        }
    }

    /// One batch, whatever its state.
    public func batch(_ number: Int) throws -> StoredBatch {
        try read { db in try Self.batch(number, db) }
    }

    /// Gives up a batch that was not delivered: one that is open, or whose files turned out damaged.
    public func discardBatch(_ number: Int) throws {
        try write { db in
            try Self.expect(number, in: [.open, .sealed], "be discarded", db)
            try Self.discard(number, db)
        }
    }

    /// Records that the destination has the batch, whole: its receipt carries the digest. Doing it again is fine.
    ///
    /// Its members may be evicted ``StoreSettings/deleteAfterDays`` later.
    ///
    /// - Throws: ``GleanerError`` with code `batch.receipt` when the digest is another one. Nothing changes then.
    public func acknowledge(_ number: Int, receipt: Digest) throws {
        try write { db in
            let batch = try Self.expect(number, in: [.sealed, .delivered], "be acknowledged", db)
            guard batch.id?.digest == receipt else {
                throw GleanerError(
                    .batchReceipt, "the receipt for batch \(number) carries \(receipt), not the batch's own digest",
                    remedy: "deliver the batch again")
            }
            guard batch.state == .sealed else { return }
            try db.run(
                """
                UPDATE batch SET state = 'delivered', delivered_ms = ?,
                  delivered_at = coalesce((SELECT instant FROM collector_state), 0) WHERE number = ?
                """, [Timestamp.now().milliseconds, number])
            try db.run("DELETE FROM delivery_note WHERE number = ?", [number])
            try Self.markDelivered(number, db)
            try releaseDelivered(db)
        }
    }

    /// Lets go of the members of batches that were delivered long enough ago.
    func releaseDelivered(_ db: Database) throws {
        let numbers = try Int.fetchAll(
            db,
            sql: """
                SELECT number FROM batch WHERE state = 'delivered' AND released = 0
                  AND delivered_at <= coalesce((SELECT instant FROM collector_state), 0) - ?
                """, arguments: [settings.deleteAfterDays * 86_400])
        for number in numbers { try Self.release(number, db) }
    }

    private static func release(_ number: Int, _ db: Database) throws {
        try db.run(
            """
            UPDATE sample SET held = held - 1
            WHERE sample_key IN (SELECT sample_key FROM batch_sample WHERE number = ?)
            """, [number])
        try db.run("UPDATE batch SET released = 1 WHERE number = ?", [number])
    }

    private static func discard(_ number: Int, _ db: Database) throws {
        try db.run("UPDATE batch SET state = 'discarded' WHERE number = ?", [number])
        try db.run("DELETE FROM delivery_note WHERE number = ?", [number])
        try release(number, db)
    }

    /// Says what the members of a batch became by its delivery.
    private static func markDelivered(_ number: Int, _ db: Database) throws {
        try db.run(
            """
            UPDATE sample SET acknowledged = 1 WHERE sample_key IN (SELECT sample_key FROM batch_sample WHERE number = ?)
            """, [number])
        guard try BatchPurpose.labeling == batch(number, db).purpose else { return }
        try db.run(
            """
            UPDATE sample SET exported_at = coalesce((SELECT instant FROM collector_state), 0),
              label_state = CASE label_state WHEN 'queued' THEN 'exported' ELSE label_state END
            WHERE sample_key IN (SELECT sample_key FROM batch_sample WHERE number = ?)
            """, [number])
    }

    @discardableResult
    private static func expect(
        _ number: Int, in states: Set<BatchState>, _ step: String, _ db: Database
    ) throws -> StoredBatch {
        let batch = try batch(number, db)
        guard states.contains(batch.state) else {
            throw GleanerError(.batchState, "batch \(number) is \(batch.state.rawValue) and cannot \(step)")
        }
        return batch
    }

    static func batch(_ number: Int, _ db: Database) throws -> StoredBatch {
        guard let row = try db.first("SELECT * FROM batch WHERE number = ?", [number]) else {
            throw GleanerError(.notFound, "there is no batch \(number)")
        }
        guard let purpose = BatchPurpose(rawValue: row["purpose"]), let task = ModelTask(rawValue: row["task"]),
            let state = BatchState(rawValue: row["state"])
        else { throw GleanerError(.storeCorrupt, "the row of batch \(number) is damaged") }
        let header = BatchHeader(
            purpose: purpose, device: DeviceID(rawValue: UInt64(bitPattern: row["device"] as Int64)), number: number,
            task: task, classes: try strings(row["classes"]), sampleCount: row["sample_count"])
        return StoredBatch(
            header: header, destination: row["destination"], formats: try strings(row["formats"]), state: state,
            id: (row["digest"] as Data?).flatMap { Digest(bytes: $0) }.map(BatchID.init),
            models: try BatchChoice.models(number, db), openedAt: Timestamp(milliseconds: row["opened_ms"]))
    }

    private static func json(_ strings: [String]) throws -> String {
        String(decoding: try CanonicalJSON.encode(strings), as: UTF8.self)
    }

    private static func strings(_ json: String) throws -> [String] {
        try CanonicalJSON.decode([String].self, from: Data(json.utf8), named: "a list in the queue")
    }
}
