import Foundation
import GRDB
public import GleanerCore

/// What labels say of one model.
public struct ModelFeedback: Sendable {
    /// A sample that the coin kept while the model predicted, with what became of its label.
    public struct AuditSample: Sendable, Hashable {
        public var sample: LocalSampleID
        public var scene: Int?
        public var probability: Double
        public var confidence: Double
        public var isDuplicate: Bool
        /// `nil` as long as there is no label.
        public var assessment: Assessment?
    }

    public var model: ModelID
    public var task: ModelTask
    /// Frames that it judged and that looked like nothing kept, and the sum of its confidence in them.
    public var freshCount = 0
    public var freshConfidenceSum = 0.0
    /// Frames that looked like a kept one.
    public var duplicateCount = 0
    public var audit: [AuditSample] = []
    /// Of audit samples and of the others: how many left for labeling, and how many came back with a label or as
    /// unusable.
    public var sentCount: [Bool: Int] = [:]
    public var answeredCount: [Bool: Int] = [:]
    /// Labels of samples that a strategy chose: how many, and how many of them the model had right.
    public var chosenLabelCount = 0
    public var chosenRightCount = 0
}

extension DeploymentStore {
    /// Audit labels that a model had right, and all there are, for weighing its uncertainty: those of frames that it
    /// predicted live, and of those that it scored later unless it was trained on audit samples. A detection counts by
    /// its share of right claims (F1).
    public func auditHits(of model: ModelID, liveOnly: Bool = false) throws -> (hits: Double, count: Double) {
        try read { db in
            let row = try db.first(
                """
                SELECT count(*) AS n, total(CASE WHEN hits + false_alarms + misses = 0 THEN 1.0
                    ELSE 2.0 * hits / (2.0 * hits + false_alarms + misses) END) AS hits
                FROM assessment JOIN sample USING (sample_key)
                WHERE audit = 1 AND assessment.model_key = (
                  SELECT model_key FROM model WHERE name = ? AND version = ? AND digest = ?)
                  AND (? = 0 OR assessment.model_key = sample.model_key)
                """, [model.name, model.version, model.digest.data, liveOnly])
            return (row?["hits"] ?? 0, row?["n"] ?? 0)
        }
    }

    /// Models that were ever offered a frame, newest first, with what labels say of each.
    public func feedback() throws -> [ModelFeedback] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT m.*, e.fresh, e.confidence_sum, e.duplicates FROM exposure e JOIN model m USING (model_key)
                    LEFT JOIN model_slot USING (model_key) ORDER BY activated_order DESC NULLS LAST, m.model_key DESC
                    """
            ).compactMap { try Self.feedback($0, db) }
        }
    }

    private static func feedback(_ row: Row, _ db: Database) throws -> ModelFeedback? {
        guard let digest = Digest(bytes: row["digest"] as Data), let task = ModelTask(rawValue: row["task"] ?? "")
        else { return nil }
        let key = row["model_key"] as Int64
        var feedback = ModelFeedback(
            model: ModelID(name: row["name"], version: row["version"], digest: digest), task: task)
        feedback.freshCount = row["fresh"]
        feedback.freshConfidenceSum = row["confidence_sum"]
        feedback.duplicateCount = row["duplicates"]
        feedback.audit = try audit(key, db)
        for row in try Row.fetchAll(
            db,
            sql: """
                SELECT audit, count(*) AS sent, total(label_state IN ('labeled', 'unusable')) AS answered
                FROM sample WHERE model_key = ? AND (exported_at IS NOT NULL OR label_key IS NOT NULL) GROUP BY audit
                """, arguments: [key])
        {
            feedback.sentCount[row["audit"]] = row["sent"]
            feedback.answeredCount[row["audit"]] = Int(row["answered"] as Double)
        }
        let chosen = try db.first(
            """
            SELECT count(*) AS n, total(false_alarms + misses = 0) AS hits FROM assessment JOIN sample USING (sample_key)
            WHERE audit = 0 AND assessment.model_key = ?1 AND sample.model_key = ?1
            """, [key])
        feedback.chosenLabelCount = chosen?["n"] ?? 0
        feedback.chosenRightCount = Int((chosen?["hits"] ?? 0) as Double)
        return feedback
    }

    private static func audit(_ model: Int64, _ db: Database) throws -> [ModelFeedback.AuditSample] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT counter, sequence, scene, probability, confidence, duplicate, hits, false_alarms, misses
                FROM sample s JOIN run USING (run_key)
                LEFT JOIN assessment a ON a.sample_key = s.sample_key AND a.model_key = s.model_key
                WHERE s.model_key = ? AND s.audit = 1 AND s.probability IS NOT NULL
                """, arguments: [model]
        ).map { row in
            let assessment = (row["hits"] as Int?).map {
                Assessment(hits: $0, falseAlarms: row["false_alarms"], misses: row["misses"])
            }
            return ModelFeedback.AuditSample(
                sample: LocalSampleID(
                    runCounter: UInt32(clamping: row["counter"] as Int64),
                    sequence: UInt64(clamping: row["sequence"] as Int64)),
                scene: row["scene"], probability: row["probability"], confidence: row["confidence"] ?? 0,
                isDuplicate: row["duplicate"], assessment: assessment)
        }
    }

    /// What a model said live of its newest audit samples that have a label, with the label and the coin's probability.
    public func auditPredictions(
        of model: ModelID, limit: Int
    ) throws -> [(prediction: PredictionRecord, truth: LabelValue, probability: Double)] {
        let rows = try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT s.probability, c.json AS record, l.json AS label FROM sample s
                    JOIN label l USING (label_key) JOIN record c ON c.sample_key = s.sample_key
                    WHERE s.audit = 1 AND s.probability IS NOT NULL AND s.label_state = 'labeled' AND s.model_key = (
                      SELECT model_key FROM model WHERE name = ? AND version = ? AND digest = ?)
                    ORDER BY s.sample_key DESC LIMIT ?
                    """, arguments: [model.name, model.version, model.digest.data, limit])
        }
        return rows.compactMap { row in
            // A record that is damaged is found and put aside when its sample is used.
            guard
                let record = try? CanonicalJSON.decode(
                    SampleRecord.self, from: row["record"] as Data, named: "a sample"),
                let label = try? CanonicalJSON.decode(LabelRecord.self, from: row["label"] as Data, named: "a label")
            else { return nil }
            return (record.prediction, label.value, row["probability"])
        }
    }

    /// Kept samples that a model scored anew after another one had predicted them live, and of how many it sees another
    /// class first.
    public func seenAnew(by model: ModelID) throws -> (count: Int, otherwiseCount: Int) {
        try read { db in
            let row = try db.first(
                """
                SELECT count(*) AS n, total(scored_class IS NOT top_class) AS otherwise FROM sample
                WHERE model_key <> scored_by AND pixels = 'present' AND scored_by = (
                  SELECT model_key FROM model WHERE name = ? AND version = ? AND digest = ?)
                """, [model.name, model.version, model.digest.data])
            return (row?["n"] ?? 0, Int((row?["otherwise"] ?? 0) as Double))
        }
    }

    /// How many samples have a label that shows a class, by name.
    public func labelCounts() throws -> [String: Int] {
        try read { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT class, count(DISTINCT sample_key) AS n FROM (
                      SELECT s.sample_key, json_extract(CAST(l.json AS TEXT), '$.class') AS class
                      FROM sample s JOIN label l USING (label_key)
                      UNION ALL
                      SELECT s.sample_key, e.value FROM sample s JOIN label l USING (label_key),
                        json_each(CAST(l.json AS TEXT), '$.classes') e
                      UNION ALL
                      SELECT s.sample_key, json_extract(e.value, '$.label') FROM sample s JOIN label l USING (label_key),
                        json_each(CAST(l.json AS TEXT), '$.boxes') e
                    ) WHERE class IS NOT NULL GROUP BY class
                    """)
            return Dictionary(uniqueKeysWithValues: rows.map { ($0["class"], $0["n"]) })
        }
    }

    /// Frames by what became of them, of one model.
    public func outcomes(of model: ModelID) throws -> [(outcome: String, reason: String, count: Int)] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT outcome, reason, sum(count) AS n FROM ledger JOIN model USING (model_key)
                    WHERE name = ? AND version = ? AND digest = ? GROUP BY outcome, reason ORDER BY outcome, n DESC, reason
                    """, arguments: [model.name, model.version, model.digest.data]
            ).map { ($0["outcome"], $0["reason"], $0["n"]) }
        }
    }

    /// What two models said of the same audit samples: pairs of whether the first and the second was right.
    public func auditPairs(_ first: ModelID, _ second: ModelID) throws -> [(first: Bool, second: Bool)] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT a.false_alarms + a.misses = 0 AS first, b.false_alarms + b.misses = 0 AS second
                    FROM assessment a JOIN assessment b USING (sample_key) JOIN sample USING (sample_key)
                    WHERE audit = 1
                      AND a.model_key = (SELECT model_key FROM model WHERE name = ? AND version = ? AND digest = ?)
                      AND b.model_key = (SELECT model_key FROM model WHERE name = ? AND version = ? AND digest = ?)
                    """,
                arguments: [
                    first.name, first.version, first.digest.data, second.name, second.version, second.digest.data,
                ]
            ).map { ($0["first"], $0["second"]) }
        }
    }
}
