import Foundation
import GRDB
public import GleanerCore

/// A labeled sample that models can be compared on.
public struct LabeledAuditSample: Sendable, Hashable {
    public var id: SampleID
    public var label: LabelValue
    /// Training batches that it left in.
    public var trainingBatches: Set<BatchID>

    public init(id: SampleID, label: LabelValue, trainingBatches: Set<BatchID>) {
        self.id = id
        self.label = label
        self.trainingBatches = trainingBatches
    }
}

extension DeploymentStore {
    /// Audit samples with pixels and a label, the newest first.
    ///
    /// Only these say without bias how good a model is: what a strategy chose was chosen for being hard for one of them.
    public func labeledAuditSamples(limit: Int) throws -> [LabeledAuditSample] {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT s.sample_key, l.json AS label FROM sample s JOIN label l USING (label_key)
                    WHERE s.audit = 1 AND s.label_state = 'labeled' AND s.pixels = 'present'
                    ORDER BY s.sample_key DESC LIMIT ?
                    """, arguments: [limit])
            return try rows.map { row in
                let label = try CanonicalJSON.decode(
                    LabelRecord.self, from: row["label"] as Data, named: "a label")
                return LabeledAuditSample(
                    id: try SampleRow.fetch(key: row["sample_key"], db).id, label: label.value,
                    trainingBatches: try Self.trainingBatches(of: row["sample_key"], db))
            }
        }
    }

    private static func trainingBatches(of sample: Int64, _ db: Database) throws -> Set<BatchID> {
        let digests = try Data.fetchAll(
            db,
            sql: """
                SELECT digest FROM batch_sample JOIN batch USING (number)
                WHERE sample_key = ? AND purpose = 'training' AND digest IS NOT NULL
                """, arguments: [sample])
        return Set(digests.compactMap { Digest(bytes: $0).map { BatchID($0) } })
    }
}
