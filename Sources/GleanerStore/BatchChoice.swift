import Foundation
import GRDB
public import GleanerCore

/// What a batch for labeling is chosen from.
public struct LabelingChoice: Sendable {
    /// A sample that a strategy chose and that waits to be labeled.
    public struct Waiting: Sendable {
        public var key: Int64
        public var utility: Double
        /// `nil` when the newest model has not seen it yet.
        public var embedding: Embedding?
        /// In 0..<1, and nothing to do with the sample.
        public var draw: Double
        /// Kept after every sample that left for labeling so far.
        public var isRecent: Bool
        /// What the model that scored it last says that it shows; `nil` for nothing.
        public var topClass: String?
        /// The key of the model that scored it last.
        public var scorer: Int64
    }

    /// So many at most are looked at; of more, the most valuable.
    public static let waitingCountMax = 5000

    public var waiting: [Waiting]
    /// What the newest labeled and pending samples show, and the audit samples that leave with this batch.
    public var covered: [Embedding]
    /// How many of these there are of each class: by their labels, and as far as there are none by the model.
    public var classCounts: [String?: Int]
    /// How many may leave.
    public var count: Int
}

/// Which samples go into a batch.
struct BatchChoice {
    /// The share of a labeling batch that audit samples may take before the rest is chosen.
    static let auditShare = 0.2

    let destination: String
    let limit: Int
    let task: ModelTask
    /// Samples in delivered batches of up to this number leave again; `nil` for none.
    let againUpTo: Int?
    /// Destinations that share their samples for labeling with this one.
    let sharing: [String]
    /// The samples that a strategy kept and that shall leave, the best first; `nil` for those of the largest utility.
    var chosen: [Int64]?

    func members(_ purpose: BatchPurpose, _ db: Database) throws -> [Int64] {
        switch purpose {
        case .labeling: try labelable(db)
        case .training: try trainable(db)
        }
    }

    private func labelable(_ db: Database) throws -> [Int64] {
        let owed = try owed(db)
        return owed + (try chosenAnew(db)).prefix(DeploymentStore.batchSampleCountMax - owed.count)
    }

    /// What others were sent for labeling and this destination was not.
    private func owed(_ db: Database) throws -> [Int64] {
        guard !sharing.isEmpty else { return [] }
        return try Int64.fetchAll(
            db,
            sql: """
                SELECT sample_key FROM sample s
                WHERE label_state IN ('queued', 'exported') AND pixels = 'present'
                  AND +model_key IN (SELECT model_key FROM model WHERE task = ?1)
                  AND EXISTS (\(Self.sent) AND destination IN (SELECT value FROM json_each(?2)))
                  AND NOT EXISTS (\(Self.sent) AND destination = ?3)
                ORDER BY sample_key LIMIT ?4
                """,
            arguments: [
                task.rawValue, String(decoding: try CanonicalJSON.encode(sharing), as: UTF8.self), destination,
                DeploymentStore.batchSampleCountMax,
            ])
    }

    /// How many samples the destination is owed whatever the budget: labeled ones, or what others were sent for labeling.
    func owedCount(_ purpose: BatchPurpose, _ db: Database) throws -> Int {
        try purpose == .labeling ? owed(db).count : trainable(db).count
    }

    private static let sent = """
        SELECT 1 FROM batch_sample b JOIN batch USING (number)
        WHERE b.sample_key = s.sample_key AND purpose = 'labeling' AND state IN ('open', 'sealed', 'delivered')
        """

    private func chosenAnew(_ db: Database) throws -> [Int64] {
        guard limit > 0 else { return [] }
        let audit = try audit(limit: places, offset: 0, db)
        let chosen = try chosenStill(limit - audit.count, db)
        let free = limit - audit.count - chosen.count
        let more = free > 0 && audit.count == places ? try self.audit(limit: free, offset: places, db) : []
        return audit + chosen + more
    }

    /// The most that audit samples take before the rest is chosen.
    private var places: Int { Int((Double(limit) * Self.auditShare).rounded(.up)) }

    /// What there is to choose from, and what labeled and pending samples show, as the active model sees both.
    func waiting(_ db: Database) throws -> LabelingChoice {
        let model = try Int64.fetchOne(db, sql: "SELECT model_key FROM model_slot WHERE state = 'active'")
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT s.sample_key, s.utility, s.coin, s.scored_class, s.scored_by, e.bytes
                FROM json_each(?) k CROSS JOIN sample s ON s.sample_key = k.value
                LEFT JOIN embedding e ON e.sample_key = s.sample_key AND e.model_key IS ?
                ORDER BY k.key
                """, arguments: [Self.json(try mostValuable(LabelingChoice.waitingCountMax, db)), model])
        let last =
            try Int64.fetchOne(
                db,
                sql: """
                    SELECT max(sample_key) FROM batch_sample JOIN batch USING (number)
                    WHERE purpose = 'labeling' AND state IN ('sealed', 'delivered')
                    """) ?? 0
        let audit = try self.audit(limit: places, offset: 0, db)
        return LabelingChoice(
            waiting: rows.map { row in
                LabelingChoice.Waiting(
                    key: row["sample_key"], utility: row["utility"],
                    embedding: (row["bytes"] as Data?).flatMap { Embedding(encoded: $0) },
                    draw: Double(UInt64(bitPattern: row["coin"] as Int64) >> 11) * 0x1p-53,
                    isRecent: row["sample_key"] > last, topClass: row["scored_class"],
                    scorer: row["scored_by"] ?? 0)
            }, covered: try covered(and: audit, by: model, db), classCounts: try classCounts(and: audit, db),
            count: limit - audit.count)
    }

    /// Those that leave count before the oldest that were asked about.
    private func covered(and leaving: [Int64], by model: Int64?, _ db: Database) throws -> [Embedding] {
        try Data.fetchAll(
            db,
            sql: """
                SELECT e.bytes FROM embedding e JOIN sample s USING (sample_key)
                WHERE e.model_key IS ?1
                  AND (label_state IN ('exported', 'labeled') OR sample_key IN (SELECT value FROM json_each(?2)))
                ORDER BY label_state = 'queued' DESC, sample_key DESC LIMIT ?3
                """, arguments: [model, Self.json(leaving), Self.coveredCountMax]
        ).reversed().compactMap { Embedding(encoded: $0) }
    }

    private func classCounts(and leaving: [Int64], _ db: Database) throws -> [String?: Int] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT coalesce(json_extract(CAST(l.json AS TEXT), '$.class'), json_extract(CAST(l.json AS TEXT), '$.classes[0]'),
                  s.scored_class) AS class, count(*) AS n
                FROM sample s LEFT JOIN label l USING (label_key)
                WHERE (label_state IN ('exported', 'labeled') OR s.sample_key IN (SELECT value FROM json_each(?1)))
                  AND +model_key IN (SELECT model_key FROM model WHERE task = ?2) GROUP BY class
                """, arguments: [Self.json(leaving), task.rawValue])
        return Dictionary(uniqueKeysWithValues: rows.map { ($0["class"], $0["n"]) })
    }

    static func json(_ keys: [Int64]) -> String { "[\(keys.map(String.init).joined(separator: ","))]" }

    /// As many as are remembered while collecting.
    private static let coveredCountMax = 4096

    /// Those that shall leave, less those that left, were labeled or evicted since they were chosen.
    private func chosenStill(_ count: Int, _ db: Database) throws -> [Int64] {
        guard let chosen else { return try mostValuable(count, db) }
        let wanted = chosen.prefix(count)
        let still = try Set(
            Int64.fetchAll(
                db,
                sql: """
                    SELECT sample_key FROM sample
                    WHERE \(Self.waits) AND sample_key IN (SELECT value FROM json_each(?))
                    """, arguments: [task.rawValue, Self.json(Array(wanted))]))
        return wanted.filter(still.contains)
    }

    /// Of those that a strategy kept and that wait.
    private func mostValuable(_ count: Int, _ db: Database) throws -> [Int64] {
        var merge = try PartMerge(
            db, ["label_state = 'queued'"], by: "utility",
            where: ("\(Self.waits) AND audit = 0", [task.rawValue]))
        return try merge.keys(count)
    }

    private func audit(limit: Int, offset: Int, _ db: Database) throws -> [Int64] {
        // Without being told, SQLite would sort all that wait.
        try Int64.fetchAll(
            db,
            sql: """
                SELECT sample_key FROM sample INDEXED BY sample_labelable_audit WHERE \(Self.waits) AND audit = 1
                ORDER BY coin, sample_key LIMIT ? OFFSET ?
                """, arguments: [task.rawValue, limit, offset])
    }

    private static let waits = """
        label_state = 'queued' AND pixels = 'present' AND held = 0
          AND +model_key IN (SELECT model_key FROM model WHERE task = ?)
        """

    private func trainable(_ db: Database) throws -> [Int64] {
        try Int64.fetchAll(
            db,
            sql: """
                SELECT sample_key FROM sample s
                WHERE label_state = 'labeled' AND pixels = 'present'
                  AND +model_key IN (SELECT model_key FROM model WHERE task = ?)
                  AND NOT EXISTS (
                    SELECT 1 FROM batch_sample b JOIN batch USING (number)
                    WHERE b.sample_key = s.sample_key AND b.label_key = s.label_key
                      AND batch.purpose = 'training' AND batch.destination = ?
                      AND (batch.state IN ('open', 'sealed') OR batch.state = 'delivered' AND batch.number > ?))
                ORDER BY sample_key LIMIT ?
                """, arguments: [task.rawValue, destination, againUpTo ?? -1, limit])
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
