import Foundation
import GRDB
import GleanerCore

/// A sample's row: what is needed to find, check and change it, without its record.
struct SampleRow {
    let key: Int64
    let id: SampleID
    let encoding: PictureEncoding
    let home: PictureHome.Kind
    let byteCount: Int
    let diskByteCount: Int
    let sha256: Digest
    let width: Int
    let height: Int
    let isAudit: Bool
    let model: Int64
    let topClass: String?
    let labelState: LabelState
    let pixels: PixelsState
    let isKept: Bool
    let heldCount: Int

    /// The columns that ``init(_:)`` reads, in this order and first in their row, from tables joined as `sample s`,
    /// `run r`, `device d`. They are found by their places: looking their names up costs more than reading them.
    static let columns = """
        d.id, r.counter, r.nonce, s.sequence, s.sample_key, s.encoding, s.home, s.sha256, s.label_state, s.pixels, s.bytes,
        s.disk_bytes, s.width, s.height, s.audit, s.model_key, s.top_class, s.kept, s.held
        """
    static let columnCount = 19
    static let joins = "CROSS JOIN run r USING (run_key) CROSS JOIN device d USING (device_key)"

    init(_ row: Row) throws {
        id = SampleID(
            device: DeviceID(rawValue: UInt64(bitPattern: row[0] as Int64)),
            run: RunID(counter: UInt32(clamping: row[1] as Int64), nonce: UInt64(bitPattern: row[2] as Int64)),
            sequence: UInt64(clamping: row[3] as Int64))
        key = row[4]
        guard let encoding = PictureEncoding(rawValue: row[5]), let home = PictureHome.Kind(rawValue: row[6]),
            let sha256 = Digest(bytes: row[7] as Data), let labelState = LabelState(rawValue: row[8]),
            let pixels = PixelsState(rawValue: row[9])
        else { throw GleanerError(.storeCorrupt, "the row of sample \(id) is damaged") }
        self.encoding = encoding
        self.home = home
        self.sha256 = sha256
        self.labelState = labelState
        self.pixels = pixels
        byteCount = row[10]
        diskByteCount = row[11]
        width = row[12]
        height = row[13]
        isAudit = row[14]
        model = row[15]
        topClass = row[16]
        isKept = row[17]
        heldCount = row[18]
    }

    var picturePath: String { PictureHome.path(run: id.run, sequence: id.sequence, encoding: encoding) }

    static func fetch(key: Int64, _ db: Database) throws -> SampleRow {
        guard let row = try db.first("SELECT \(columns) FROM sample s \(joins) WHERE s.sample_key = ?", [key]) else {
            throw GleanerError(.notFound, "there is no sample with key \(key)")
        }
        return try SampleRow(row)
    }

    static func find(_ id: SampleID, _ db: Database) throws -> SampleRow? {
        try db.first(
            """
            SELECT \(columns) FROM device d CROSS JOIN run r USING (device_key) CROSS JOIN sample s USING (run_key)
            WHERE d.id = ? AND r.counter = ? AND r.nonce = ? AND s.sequence = ?
            """, arguments(of: id)
        ).map(SampleRow.init)
    }

    /// What finds a sample: device, counter and nonce of its run, sequence.
    static func arguments(of id: SampleID) -> StatementArguments {
        [
            Int64(bitPattern: id.device.rawValue), Int64(id.run.counter), Int64(bitPattern: id.run.nonce),
            Int64(clamping: id.sequence),
        ]
    }

    /// The row of a sample as a person names it: the whole id, or `run-sequence`.
    static func find(named text: String, _ db: Database) throws -> SampleRow {
        var found: SampleRow?
        if let id = SampleID(text) {
            found = try find(id, db)
        } else {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            if parts.count == 2, let counter = UInt32(parts[0]), let sequence = Int64(parts[1]) {
                found = try db.first(
                    """
                    SELECT \(columns) FROM run r CROSS JOIN device d USING (device_key)
                    CROSS JOIN sample s USING (run_key) WHERE r.counter = ? AND s.sequence = ?
                    """, [Int64(counter), sequence]
                ).map(SampleRow.init)
            }
        }
        guard let found else {
            throw GleanerError(
                .notFound, "there is no sample '\(text.prefix(100))'", remedy: "`gleaner sample list` shows their ids")
        }
        return found
    }

    /// Takes the pixels away and counts it; the row stays. A file is removed after the transaction, by its name in
    /// `unwanted_file`.
    ///
    /// Nobody can label a sample any more that never left and has no pixels: it expires.
    func removePixels(becoming state: PixelsState, because reason: String, hour: Int, _ db: Database) throws {
        try db.run(
            """
            UPDATE sample SET pixels = ?, kept = 0,
              label_state = CASE label_state WHEN 'queued' THEN 'expired' ELSE label_state END
            WHERE sample_key = ?
            """, [state.rawValue, key])
        switch home {
        case .inline: try db.run("DELETE FROM picture WHERE sample_key = ?", [key])
        case .file: try db.run("INSERT OR REPLACE INTO unwanted_file VALUES (?, ?)", [picturePath, diskByteCount])
        }
        try DeploymentStore.count(state.rawValue, reason, class: topClass, model: model, hour: hour, db)
    }
}
