import Foundation
import GRDB
public import GleanerCore

extension DeploymentStore {
    /// One sample by its id, or by the short form `run-sequence`.
    ///
    /// - Throws: ``GleanerError`` with code `not.found`, or `sample.damaged` when its record is not what was stored.
    public func sample(_ name: String) throws -> StoredSample {
        let (row, sample, deliveries) = try read { db in
            let row = try SampleRow.find(named: name, db)
            return (row, try WholeRow.fetch(key: row.key, db)?.sample, try Self.deliveries(of: row.key, db))
        }
        guard var sample else { throw try damaged(row, bytes: nil, "its record is not what was stored") }
        sample.deliveries = deliveries
        return sample
    }

    /// A page of samples; keyset, so that a page costs the same wherever it is.
    ///
    /// Samples whose records turn out damaged are put aside and left out.
    public func samples(
        filter: SampleFilter = SampleFilter(), order: SampleOrder = .newest, after cursor: SampleCursor? = nil,
        limit: Int
    ) throws -> SamplePage {
        let query = SampleQuery(filter: filter, order: order, after: cursor, limit: max(limit, 1))
        var broken: [SampleRow] = []
        let page = try read { db in
            let (rows, next) = try query.page(db)
            let samples = try rows.compactMap { row in
                let whole = try WholeRow(row)
                let sample = whole.sample
                if sample == nil { broken.append(whole.row) }
                return sample
            }
            return SamplePage(samples: samples, next: next)
        }
        for row in broken { _ = try damaged(row, bytes: nil, "its record is not what was stored") }
        return page
    }

    /// A sample's picture, bit for bit as it was stored.
    ///
    /// - Throws: ``GleanerError`` with code `sample.evicted`, or `sample.damaged` when the bytes are not what was
    ///   stored. They are then put aside, and the sample counts as quarantined.
    public func picture(of id: SampleID) throws -> [UInt8] {
        let (row, inline) = try read { db in
            let row = try SampleRow.find(named: id.description, db)
            return (row, row.home == .inline ? try pictures.inlineBytes(row, db) : nil)
        }
        guard row.pixels == .present else { throw Self.withoutPixels(row) }
        let bytes = row.home == .inline ? inline : pictures.fileBytes(row)
        guard let bytes, Digest(of: bytes) == row.sha256 else {
            // It may have been evicted while the file was read.
            let now = try read { db in try SampleRow.fetch(key: row.key, db) }
            guard now.pixels == .present else { throw Self.withoutPixels(now) }
            throw try damaged(row, bytes: bytes, bytes == nil ? "its picture is gone" : "its picture has other bytes")
        }
        return Array(bytes)
    }

    /// A part of a sample's picture, as it lies there now: less where it ends. Whoever reads the whole in parts holds it
    /// against its digest at the end; if it differs, ``picture(of:)`` puts the sample aside.
    ///
    /// - Throws: ``GleanerError`` with code `sample.evicted`.
    public func pictureBytes(of id: SampleID, in range: Range<Int>) throws -> [UInt8] {
        // A batch asks for thousands, and where a file would lie is known without asking the queue.
        for encoding in PictureEncoding.allCases {
            let path = PictureHome.path(run: id.run, sequence: id.sequence, encoding: encoding)
            if let bytes = try? pictures.fileBytes(path, in: range) { return bytes }
        }
        return try read { db in
            let row = try db.first(
                """
                SELECT s.pixels, substr(p.bytes, ?, ?) AS part
                FROM device d CROSS JOIN run r USING (device_key) CROSS JOIN sample s USING (run_key)
                LEFT JOIN picture p USING (sample_key)
                WHERE d.id = ? AND r.counter = ? AND r.nonce = ? AND s.sequence = ?
                """, [range.lowerBound + 1, range.count] + SampleRow.arguments(of: id))
            guard let row, row["pixels"] as String == PixelsState.present.rawValue else {
                // Says that there is none, or where its pixels are.
                throw Self.withoutPixels(try SampleRow.find(named: id.description, db))
            }
            // What cannot be read is less than was asked for, which the reader notices.
            return (row["part"] as Data?).map { Array($0) } ?? []
        }
    }

    /// Locks a sample's pixels against eviction, or releases them.
    public func setKept(_ id: SampleID, _ isKept: Bool) throws {
        try write { db in
            let row = try SampleRow.find(named: id.description, db)
            if isKept, row.pixels != .present { throw Self.withoutPixels(row) }
            try db.run("UPDATE sample SET kept = ? WHERE sample_key = ?", [isKept, row.key])
        }
    }

    /// Removes a sample's pixels because the operator says so, kept or not. Its row stays, and the drop is counted.
    ///
    /// - Throws: ``GleanerError`` with code `sample.held` while a batch with it awaits its acknowledgement.
    public func drop(_ id: SampleID, reason: String = "operator") throws {
        let files = try write { db in
            let row = try SampleRow.find(named: id.description, db)
            guard row.pixels == .present else { return [String]() }
            let isAwaited =
                try db.first(
                    """
                    SELECT 1 FROM batch_sample JOIN batch USING (number)
                    WHERE sample_key = ? AND state IN ('open', 'sealed')
                    """, [row.key]) != nil
            guard !isAwaited else {
                throw GleanerError(
                    .sampleHeld, "sample \(id.short) is in a batch that awaits its acknowledgement",
                    remedy: "finish or discard that batch first")
            }
            try row.removePixels(
                becoming: .evicted, because: String(reason.prefix(100)), hour: Self.currentHour(db), db)
            return try Self.unwantedFiles(db)
        }
        pictures.remove(files)
    }

    /// Puts a damaged sample aside, and returns the error that says so.
    func damaged(_ row: SampleRow, bytes: Data?, _ reason: String) throws -> GleanerError {
        let what = "sample \(row.id) is damaged: \(reason)"
        let name = "\(row.id).\(row.encoding.fileExtension)"
        let kept =
            try bytes ?? (row.home == .file ? pictures.fileBytes(row) : read { try pictures.inlineBytes(row, $0) })
        let place = try Quarantine(folder).take(kept, named: name, because: what)
        let files = try write { db in
            let now = try SampleRow.fetch(key: row.key, db)
            if now.pixels == .present {
                try now.removePixels(becoming: .quarantined, because: "damaged", hour: Self.currentHour(db), db)
            }
            try Self.record("sample.damaged", what, detail: ["place": .string(place)], db)
            return try Self.unwantedFiles(db)
        }
        pictures.remove(files)
        return GleanerError(.sampleDamaged, what, remedy: "what is left of it lies in \(place)")
    }

    private static func withoutPixels(_ row: SampleRow) -> GleanerError {
        GleanerError(.sampleEvicted, "sample \(row.id.short) has no pixels any more: they were \(row.pixels.rawValue)")
    }

    private static func deliveries(of key: Int64, _ db: Database) throws -> [SampleDelivery] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT number, purpose, destination, state FROM batch_sample JOIN batch USING (number)
                WHERE sample_key = ? AND state <> 'discarded' ORDER BY number
                """, arguments: [key]
        ).compactMap { row in
            guard let purpose = BatchPurpose(rawValue: row["purpose"]), let state = BatchState(rawValue: row["state"])
            else { return nil }
            return SampleDelivery(
                batch: row["number"], purpose: purpose, destination: row["destination"], state: state)
        }
    }
}
