import Foundation
import GRDB
import GleanerCore

/// Which samples go into a batch.
struct BatchChoice {
    /// The share of a labeling batch that audit samples may take before the rest is chosen.
    static let auditShare = 0.2

    let destination: String
    let limit: Int
    let task: ModelTask
    let includesDelivered: Bool

    func members(_ purpose: BatchPurpose, _ db: Database) throws -> [Int64] {
        switch purpose {
        case .labeling: try labelable(db)
        case .training: try trainable(db)
        }
    }

    private func labelable(_ db: Database) throws -> [Int64] {
        let places = Int((Double(limit) * Self.auditShare).rounded(.up))
        let audit = try audit(limit: places, offset: 0, db)
        let chosen = try keys(
            "audit = 0 ORDER BY utility DESC, sample_key LIMIT ?", [limit - audit.count], db)
        let free = limit - audit.count - chosen.count
        let more = free > 0 && audit.count == places ? try self.audit(limit: free, offset: places, db) : []
        return audit + chosen + more
    }

    private func audit(limit: Int, offset: Int, _ db: Database) throws -> [Int64] {
        try keys("audit = 1 ORDER BY coin, sample_key LIMIT ? OFFSET ?", [limit, offset], db)
    }

    private func keys(_ rest: String, _ arguments: StatementArguments, _ db: Database) throws -> [Int64] {
        try Int64.fetchAll(
            db,
            sql: """
                SELECT sample_key FROM sample
                WHERE label_state = 'queued' AND pixels = 'present' AND held = 0
                  AND +model_key IN (SELECT model_key FROM model WHERE task = ?) AND \(rest)
                """, arguments: [task.rawValue] + arguments)
    }

    private func trainable(_ db: Database) throws -> [Int64] {
        let excluded = includesDelivered ? "'open', 'sealed'" : "'open', 'sealed', 'delivered'"
        return try Int64.fetchAll(
            db,
            sql: """
                SELECT sample_key FROM sample s
                WHERE label_state = 'labeled' AND pixels = 'present'
                  AND +model_key IN (SELECT model_key FROM model WHERE task = ?)
                  AND NOT EXISTS (
                    SELECT 1 FROM batch_sample b JOIN batch USING (number)
                    WHERE b.sample_key = s.sample_key AND b.label_key = s.label_key
                      AND batch.purpose = 'training' AND batch.destination = ? AND batch.state IN (\(excluded)))
                ORDER BY sample_key LIMIT ?
                """, arguments: [task.rawValue, destination, limit])
    }

    /// The active model's task, if samples of it wait; else that of the newest sample that does.
    static func task(_ purpose: BatchPurpose, _ db: Database) throws -> ModelTask? {
        let text = try String.fetchOne(
            db, sql: "SELECT task FROM model_slot JOIN model USING (model_key) WHERE state = 'active'")
        if let text { return ModelTask(rawValue: text) }
        return try String.fetchOne(
            db,
            sql: """
                SELECT task FROM (SELECT model_key FROM sample WHERE label_state = ? ORDER BY sample_key DESC LIMIT 1)
                JOIN model USING (model_key)
                """, arguments: [purpose == .labeling ? "queued" : "labeled"]
        ).flatMap(ModelTask.init)
    }

    /// The models of a batch's members, newest first.
    static func models(_ number: Int, _ db: Database) throws -> [SampleRecord.ModelReference] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT name, version, digest FROM model
                WHERE model_key IN (SELECT s.model_key FROM batch_sample b JOIN sample s USING (sample_key)
                  WHERE b.number = ?)
                ORDER BY version DESC, model_key DESC
                """, arguments: [number]
        ).compactMap { row in
            Digest(bytes: row["digest"] as Data).map { digest in
                SampleRecord.ModelReference(ModelID(name: row["name"], version: row["version"], digest: digest))
            }
        }
    }

    /// Names that the batch's predictions and labels may have: the newest model's in its order, then what only
    /// older models, predictions or labels know, by name.
    static func classes(_ number: Int, _ db: Database) throws -> [String] {
        var known: [String] = []
        for manifest in try String.fetchAll(
            db,
            sql: """
                SELECT manifest FROM model_slot JOIN model USING (model_key)
                WHERE model_key IN (SELECT s.model_key FROM batch_sample b JOIN sample s USING (sample_key)
                  WHERE b.number = ?)
                ORDER BY version DESC, model_key DESC
                """, arguments: [number])
        {
            known += try CanonicalJSON.decode(
                ModelManifest.self, from: Data(manifest.utf8), named: "a model's manifest"
            ).labels
        }
        known += try String.fetchAll(
            db,
            sql: """
                SELECT DISTINCT s.top_class AS name FROM batch_sample b JOIN sample s USING (sample_key)
                  WHERE b.number = ?1 AND s.top_class IS NOT NULL
                UNION SELECT json_extract(CAST(l.json AS TEXT), '$.class') FROM batch_sample b JOIN label l USING (label_key)
                  WHERE b.number = ?1 AND json_type(CAST(l.json AS TEXT), '$.class') = 'text'
                UNION SELECT json_extract(e.value, '$.label') FROM batch_sample b JOIN label l USING (label_key),
                  json_each(CAST(l.json AS TEXT), '$.boxes') e WHERE b.number = ?1
                ORDER BY name
                """, arguments: [number])
        var seen: Set<String> = []
        return known.filter { seen.insert($0).inserted }
    }
}
