import Foundation
import GRDB
public import GleanerCore

/// Chains from frames to models and back, followed by digests.
///
/// No question looks at all samples: each goes by a key, by an index, or over what left in batches.
extension DeploymentStore {
    /// Of a sample whose label was corrected over and over, only so many are told: the one that counts, and the newest.
    static let labelHistoryCountMax = 100

    /// What became of a sample after it was stored.
    ///
    /// - Throws: ``GleanerError`` with code `not.found`.
    public func lineage(of sample: SampleID) throws -> SampleLineage {
        try read { db in try Self.lineage(ofSample: SampleRow.find(named: sample.description, db).key, db) }
    }

    /// What became of the samples that a model predicted; nothing of a model that never did.
    public func lineage(of model: ModelID) throws -> ModelLineage {
        try read { db in
            let key = try Int64.fetchOne(
                db, sql: "SELECT model_key FROM model WHERE name = ? AND version = ? AND digest = ?",
                arguments: [model.name, model.version, model.digest.data])
            return try key.map { try Self.lineage(ofModel: $0, db) } ?? ModelLineage()
        }
    }

    /// Where a batch comes from; `nil` for one that was not sealed by this deployment.
    public func lineage(of batch: BatchID) throws -> BatchLineage? {
        try read { db in try Self.lineage(ofBatch: batch, db) }
    }

    /// What happened to a model on this device, oldest first, at most the newest hundred.
    ///
    /// History has a model's name and version: of two files of one version it does not tell which.
    public func events(of model: ModelID) throws -> [StoreEvent] {
        let rows = try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM event WHERE kind LIKE 'model.%' AND instr(message, ?) > 0
                    ORDER BY event_key DESC LIMIT 100
                    """, arguments: [model.description])
        }
        return rows.reversed().map { StoreEvent($0) }.filter { $0.names(model) }
    }

    // MARK: A sample

    static func lineage(ofSample key: Int64, _ db: Database) throws -> SampleLineage {
        SampleLineage(
            scores: try scores(of: key, db), labels: try labels(of: key, db), batches: try batches(of: key, db))
    }

    private static func scores(of sample: Int64, _ db: Database) throws -> [SampleLineage.Score] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT name, version, digest, prediction FROM rescore CROSS JOIN model USING (model_key)
                WHERE sample_key = ? ORDER BY model_key
                """, arguments: [sample]
        ).compactMap { row in
            try modelID(row).map {
                SampleLineage.Score(
                    model: $0,
                    prediction: try CanonicalJSON.decode(
                        PredictionRecord.self, from: row["prediction"] as Data, named: "a prediction"))
            }
        }
    }

    private static func labels(of sample: Int64, _ db: Database) throws -> [SampleLineage.Label] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM (
                  SELECT l.label_key, l.json, received_ms, l.label_key IS s.label_key AS counts
                  FROM sample s CROSS JOIN label l USING (sample_key)
                  WHERE s.sample_key = ? ORDER BY counts DESC, l.label_key DESC LIMIT ?
                ) ORDER BY label_key
                """, arguments: [sample, labelHistoryCountMax]
        ).map { row in
            SampleLineage.Label(
                record: try CanonicalJSON.decode(LabelRecord.self, from: row["json"] as Data, named: "a label"),
                receivedAt: Timestamp(milliseconds: row["received_ms"]), isCurrent: row["counts"])
        }
    }

    private static func batches(of sample: Int64, _ db: Database) throws -> [SampleLineage.Batch] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT b.*, json FROM batch_sample CROSS JOIN batch b USING (number) LEFT JOIN label USING (label_key)
                WHERE batch_sample.sample_key = ? AND digest IS NOT NULL ORDER BY b.number
                """, arguments: [sample]
        ).compactMap { row in
            let label = try (row["json"] as Data?).map {
                try CanonicalJSON.decode(LabelRecord.self, from: $0, named: "a label")
            }
            return BatchLink(row).map { SampleLineage.Batch(link: $0, label: label) }
        }
    }

    // MARK: A model

    static func lineage(ofModel key: Int64, _ db: Database) throws -> ModelLineage {
        var lineage = ModelLineage()
        // The ledger has hours, not samples.
        lineage.predictedCount =
            try Int.fetchOne(
                db, sql: "SELECT sum(count) FROM ledger WHERE outcome = 'stored' AND model_key = ?", arguments: [key])
            ?? 0
        let answered = try Row.fetchAll(
            db,
            sql: """
                SELECT label_state, count(*) AS n FROM sample
                WHERE label_state IN ('labeled', 'unusable') AND model_key = ? GROUP BY label_state
                """, arguments: [key])
        for row in answered {
            switch LabelState(rawValue: row["label_state"]) {
            case .labeled: lineage.labeledCount = row["n"]
            default: lineage.unusableCount = row["n"]
            }
        }
        lineage.batches = try batches(ofModel: key, db)
        return lineage
    }

    private static func batches(ofModel key: Int64, _ db: Database) throws -> [ModelLineage.Batch] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT batch.*, predicted, anew FROM (
                  SELECT m.number, sum(s.model_key = ?1) AS predicted, count(r.model_key) AS anew
                  FROM batch_sample m CROSS JOIN sample s USING (sample_key)
                  LEFT JOIN rescore r ON r.sample_key = m.sample_key AND r.model_key = ?1
                  GROUP BY m.number HAVING predicted + anew > 0
                ) CROSS JOIN batch USING (number) WHERE digest IS NOT NULL ORDER BY number DESC
                """, arguments: [key]
        ).compactMap { row in
            BatchLink(row).map {
                ModelLineage.Batch(link: $0, predictedCount: row["predicted"], scoredAnewCount: row["anew"])
            }
        }
    }

    // MARK: A batch

    static func lineage(ofBatch id: BatchID, _ db: Database) throws -> BatchLineage? {
        guard let row = try db.first("SELECT * FROM batch WHERE digest = ?", [id.digest.data]),
            let link = BatchLink(row)
        else { return nil }
        let models = try Row.fetchAll(
            db,
            sql: """
                SELECT name, version, digest, count(*) AS n, sum(s.audit) AS audit
                FROM batch_sample b CROSS JOIN sample s USING (sample_key) CROSS JOIN model m USING (model_key)
                WHERE b.number = ? GROUP BY m.model_key ORDER BY version DESC, m.model_key DESC
                """, arguments: [link.number])
        return BatchLineage(
            link: link, sampleCount: row["sample_count"],
            // Audit samples are the split `test`, for good.
            testCount: models.reduce(0) { $0 + ($1["audit"] as Int) },
            labelCounts: try labelCounts(ofBatch: link.number, db),
            predictors: models.compactMap { row in
                modelID(row).map { BatchLineage.Predictor(model: $0, sampleCount: row["n"]) }
            })
    }

    private static func labelCounts(ofBatch number: Int, _ db: Database) throws -> [String: Int] {
        let labels = "batch_sample b CROSS JOIN label l USING (label_key)"
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT class, count(DISTINCT position) AS n FROM (
                  SELECT position, json_extract(CAST(l.json AS TEXT), '$.class') AS class
                  FROM \(labels) WHERE b.number = ?1
                  UNION ALL
                  SELECT position, e.value FROM \(labels), json_each(CAST(l.json AS TEXT), '$.classes') e
                  WHERE b.number = ?1
                  UNION ALL
                  SELECT position, json_extract(e.value, '$.label')
                  FROM \(labels), json_each(CAST(l.json AS TEXT), '$.boxes') e WHERE b.number = ?1
                ) WHERE class IS NOT NULL GROUP BY class
                """, arguments: [number])
        return Dictionary(uniqueKeysWithValues: rows.map { ($0["class"], $0["n"]) })
    }

    private static func modelID(_ row: Row) -> ModelID? {
        Digest(bytes: row["digest"] as Data).map { ModelID(name: row["name"], version: row["version"], digest: $0) }
    }
}

extension BatchLink {
    /// From a row of `batch`; `nil` for one that is not sealed, or damaged.
    fileprivate init?(_ row: Row) {
        guard let digest = (row["digest"] as Data?).flatMap({ Digest(bytes: $0) }),
            let purpose = BatchPurpose(rawValue: row["purpose"]), let state = BatchState(rawValue: row["state"])
        else { return nil }
        self.init(
            id: BatchID(digest), number: row["number"], purpose: purpose, destination: row["destination"], state: state,
            openedAt: Timestamp(milliseconds: row["opened_ms"]),
            deliveredAt: (row["delivered_ms"] as Int64?).map { Timestamp(milliseconds: $0) })
    }
}

extension StoreEvent {
    /// Whether it is about the model. A reason, after the colon, may name others.
    fileprivate func names(_ model: ModelID) -> Bool {
        let subject = message.prefix { $0 != ":" }
        return subject.split(separator: " ").contains { $0 == model.description }
    }
}
