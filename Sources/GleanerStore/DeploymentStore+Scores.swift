import Foundation
import GRDB
public import GleanerCore

/// What a later model makes of a sample.
public struct SampleScore: Sendable {
    public var id: SampleID
    public var model: ModelID
    public var prediction: PredictionRecord
    public var utility: Utility
    /// For a sample that a strategy chose; audit samples keep theirs.
    public var evictionKey: Double
    public var embedding: Embedding?
    public init(
        id: SampleID, model: ModelID, prediction: PredictionRecord, utility: Utility, evictionKey: Double,
        embedding: Embedding?
    ) {
        self.id = id
        self.model = model
        self.prediction = prediction
        self.utility = utility
        self.evictionKey = evictionKey
        self.embedding = embedding
    }
}

/// Samples that a model has not scored yet, and where the next ones begin.
public struct UnscoredPage: Sendable {
    public var samples: [SampleID]
    /// `nil` after the last page.
    public var next: Int64?
}

extension DeploymentStore {
    /// Samples with pixels whose utility is another model's, the newest first.
    ///
    /// - Parameter cursor: ``UnscoredPage/next`` of the page before; `nil` for the first one.
    public func unscored(by model: ModelID, below cursor: Int64? = nil, limit: Int) throws -> UnscoredPage {
        try read { db in
            let others = try Int64.fetchAll(
                db, sql: "SELECT model_key FROM model WHERE NOT (name = ? AND version = ? AND digest = ?)",
                arguments: [model.name, model.version, model.digest.data])
            // One range of an index for each of the few models: what is scored already is never looked at.
            let keys = try others.flatMap { other in
                try Int64.fetchAll(
                    db,
                    sql: """
                        SELECT sample_key FROM sample WHERE scored_by = ? AND pixels = 'present' AND sample_key < ?
                        ORDER BY sample_key DESC LIMIT ?
                        """, arguments: [other, cursor ?? .max, limit])
            }.sorted(by: >).prefix(limit)
            return UnscoredPage(
                samples: try keys.map { try SampleRow.fetch(key: $0, db).id },
                next: keys.count < limit ? nil : keys.last)
        }
    }

    /// Writes down what a model makes of samples, in one transaction. Samples that are gone are passed over.
    ///
    /// Their utility and what they show are from now on the model's; the first prediction stays in the record.
    public func record(_ scores: [SampleScore]) throws {
        guard !scores.isEmpty else { return }
        try write { db in
            var keys = KeyCache(db)
            for score in scores {
                guard let row = try SampleRow.find(score.id, db) else { continue }
                try record(score, of: row, model: keys.model(score.model, task: score.prediction.task), db)
            }
        }
    }

    private func record(_ score: SampleScore, of row: SampleRow, model: Int64, _ db: Database) throws {
        try db.run(
            """
            UPDATE sample SET utility = ?, eviction_key = CASE audit WHEN 1 THEN eviction_key ELSE ? END, scored_by = ?,
              scored_class = ? WHERE sample_key = ?
            """,
            [score.utility.value, score.evictionKey, model, score.prediction.top?.label, row.key])
        if let embedding = score.embedding {
            try db.run(
                "INSERT OR REPLACE INTO embedding VALUES (?, ?, ?)", [row.key, model, Data(embedding.encoded)])
        }
        guard model != row.model else { return }
        try db.run(
            "INSERT OR REPLACE INTO rescore VALUES (?, ?, ?)",
            [row.key, model, try CanonicalJSON.encode(score.prediction)])
        if let label = try Self.currentLabel(row.key, db) { try assess(score.prediction, label, row.key, model, db) }
    }

    /// What kept frames show, as a model sees them: the newest so many, oldest first. Those that will never be
    /// labeled are left out: their like may be kept again.
    public func embeddings(
        by model: ModelID, limit: Int
    ) throws -> [(sample: LocalSampleID, embedding: Embedding, keptAt: Instant)] {
        let rows = try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT run.counter, sequence, embedding.bytes, kept_at FROM embedding
                    JOIN sample USING (sample_key) JOIN run USING (run_key)
                    WHERE embedding.model_key = (
                        SELECT model_key FROM model WHERE name = ? AND version = ? AND digest = ?)
                      AND label_state <> 'expired'
                    ORDER BY sample_key DESC LIMIT ?
                    """, arguments: [model.name, model.version, model.digest.data, limit])
        }
        return rows.reversed().compactMap { row in
            let sample = LocalSampleID(
                runCounter: UInt32(clamping: row["counter"] as Int64),
                sequence: UInt64(clamping: row["sequence"] as Int64))
            return Embedding(encoded: row["bytes"] as Data).map { (sample, $0, Instant(seconds: row["kept_at"])) }
        }
    }

    // MARK: Labels against predictions

    /// Compares a new label with what every model said of the sample.
    func assess(_ row: SampleRow, _ label: LabelValue, _ db: Database) throws {
        try db.run("DELETE FROM assessment WHERE sample_key = ?", [row.key])
        // A record that is damaged is found and put aside when the sample is used.
        if let json = try db.first("SELECT json FROM record WHERE sample_key = ?", [row.key])?["json"] as Data?,
            let record = try? CanonicalJSON.decode(Predicted.self, from: json, named: "a sample")
        {
            try assess(record.prediction, label, row.key, row.model, db)
        }
        let later = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT model_key, prediction FROM rescore WHERE sample_key = ?"),
            arguments: [row.key])
        for each in later {
            let prediction = try CanonicalJSON.decode(
                PredictionRecord.self, from: each["prediction"] as Data, named: "a prediction")
            try assess(prediction, label, row.key, each["model_key"], db)
        }
    }

    /// What an assessment needs of a sample's record, which takes a third of the time to read.
    private struct Predicted: Decodable { var prediction: PredictionRecord }

    private func assess(
        _ prediction: PredictionRecord, _ label: LabelValue, _ sample: Int64, _ model: Int64, _ db: Database
    ) throws {
        guard let assessment = Assessment(of: prediction, against: label) else { return }
        try db.run(
            "INSERT OR REPLACE INTO assessment VALUES (?, ?, ?, ?, ?)",
            [model, sample, assessment.hits, assessment.falseAlarms, assessment.misses])
    }

    private static func currentLabel(_ sample: Int64, _ db: Database) throws -> LabelValue? {
        try Data.fetchOne(
            db, sql: "SELECT l.json FROM sample s JOIN label l USING (label_key) WHERE s.sample_key = ?",
            arguments: [sample]
        ).map { try CanonicalJSON.decode(LabelRecord.self, from: $0, named: "a label").value }
    }

    // MARK: Samples whose labels do not come

    /// Gives up on labels that did not come in time. Their samples count as missing, never as anything else, and
    /// their like may be kept again; a label that comes all the same counts.
    ///
    /// - Parameter limit: In collecting time: what left before it and has no label expires.
    /// - Returns: those that expired.
    public func expire(exportedBefore limit: Instant) throws -> [LocalSampleID] {
        try write { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT sample_key, counter, sequence FROM sample JOIN run USING (run_key)
                    WHERE label_state = 'exported' AND exported_at < ? LIMIT 10000
                    """, arguments: [limit.seconds])
            for row in rows {
                try db.run(
                    "UPDATE sample SET label_state = 'expired' WHERE sample_key = ?", [row["sample_key"] as Int64])
            }
            return rows.map { row in
                LocalSampleID(
                    runCounter: UInt32(clamping: row["counter"] as Int64),
                    sequence: UInt64(clamping: row["sequence"] as Int64))
            }
        }
    }
}
