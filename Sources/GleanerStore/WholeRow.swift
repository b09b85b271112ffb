import Foundation
import GRDB
import GleanerCore

/// A sample's row with its record and its label as they lie in the queue: neither checked nor decoded yet, so that this
/// can be done outside the database, by several threads.
struct WholeRow: Sendable {
    let row: SampleRow
    private let record: Data?
    private let recordDigest: Data?
    private let label: Data?
    private let represents: Int

    /// The columns that ``init(_:)`` reads, in this order and first in their row.
    static let columns = "\(SampleRow.columns), s.represents, c.json, c.sha256, l.json"
    static let columnCount = SampleRow.columnCount + 4

    /// The tables that have them, from `sample s` and a label's key.
    static func joins(label: String) -> String {
        "\(SampleRow.joins) LEFT JOIN record c USING (sample_key) LEFT JOIN label l ON l.label_key = \(label)"
    }

    init(_ row: Row) throws {
        self.row = try SampleRow(row)
        let own = SampleRow.columnCount
        represents = row[own]
        record = row[own + 1]
        recordDigest = row[own + 2]
        label = row[own + 3]
    }

    static func fetch(key: Int64, _ db: Database) throws -> WholeRow? {
        try db.first(
            "SELECT \(columns) FROM sample s \(joins(label: "s.label_key")) WHERE s.sample_key = ?", [key]
        ).map(WholeRow.init)
    }

    /// The sample; `nil` when its record does not have its digest.
    var sample: StoredSample? {
        guard let json = record, let recordDigest, Digest(of: json).data == recordDigest,
            var record = try? CanonicalJSON.decode(SampleRecord.self, from: json, named: "a sample")
        else { return nil }
        record.represents = represents > 0 ? represents : nil
        record.label = label.flatMap { json in
            try? CanonicalJSON.decode(LabelRecord.self, from: json, named: "a label")
        }
        return StoredSample(
            record: record, labelState: row.labelState, pixels: row.pixels, isKept: row.isKept,
            isHeld: row.heldCount > 0)
    }
}
