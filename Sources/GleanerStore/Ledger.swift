import GRDB
public import GleanerCore

/// Utilities in bins, for each model: what the distribution was outlives the pixels.
public enum UtilityHistogram {
    public static let binCount = 50

    /// The bin of a utility; what lies outside 0…1 goes to the ends.
    public static func bin(of utility: Double) -> Int {
        Int(min(max(utility, 0) * Double(binCount), Double(binCount - 1)))
    }
}

/// How many frames met one fate in one hour of collecting.
public struct LedgerEntry: Sendable, Hashable, Codable {
    /// Hours of collecting since the deployment began, from 0.
    public var hour: Int
    /// `stored`, `rejected`, `dropped` or `evicted`.
    public var outcome: String
    public var reason: String
    /// The model's name and version; `nil` for frames that none has judged.
    public var model: String?
    /// The class that the model found most likely, if any.
    public var topClass: String?
    public var count: Int

    enum CodingKeys: String, CodingKey {
        case hour, outcome, reason, model, count
        case topClass = "class"
    }
}

extension DeploymentStore {
    /// What happened since an hour of collecting, in order of hours.
    public func ledger(since hour: Int = 0) throws -> [LedgerEntry] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT hour, outcome, reason, class, count, model.name, model.version
                    FROM ledger LEFT JOIN model USING (model_key) WHERE hour >= ?
                    ORDER BY hour, outcome, reason, model_key, class
                    """, arguments: [hour]
            ).map { row in
                let name = row["name"] as String?
                let topClass = row["class"] as String
                return LedgerEntry(
                    hour: row["hour"], outcome: row["outcome"], reason: row["reason"],
                    model: name.map { "\($0)@\(row["version"] as Int)" }, topClass: topClass.isEmpty ? nil : topClass,
                    count: row["count"])
            }
        }
    }

    /// Counts of utilities in ``UtilityHistogram/binCount`` equal bins of 0…1, over all frames that a model judged.
    public func utilityHistogram(of model: ModelID) throws -> [Int] {
        try read { db in
            var bins = [Int](repeating: 0, count: UtilityHistogram.binCount)
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT bin, count FROM utility_histogram JOIN model USING (model_key)
                    WHERE name = ? AND version = ? AND digest = ?
                    """, arguments: [model.name, model.version, model.digest.data])
            for row in rows where bins.indices.contains(row["bin"]) { bins[row["bin"]] = row["count"] }
            return bins
        }
    }

    static func hour(of now: Instant) -> Int {
        now.seconds.isFinite ? Int(min(max(now.seconds, 0), 1e12) / 3600) : 0
    }

    /// Adds a group to all counters.
    func count(_ group: CommitGroup, hour: Int, _ keys: inout KeyCache, _ db: Database) throws -> CommitReport {
        var report = CommitReport()
        for (tally, count) in group.tallies {
            switch tally.outcome {
            case "stored": report.storedCount += count
            case "rejected": report.rejectedCount += count
            default: report.droppedCount += count
            }
            let model = try tally.model.map { try keys.model($0, task: nil) }
            try Self.count(tally.outcome, tally.reason, class: tally.topClass, model: model, hour: hour, by: count, db)
        }
        if !group.outcomes.isEmpty {
            try Self.addToTotal("offered", "", by: group.offeredCount, db)
        }
        for (model, exposures) in group.exposures {
            try db.run(
                """
                INSERT INTO exposure VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET fresh = fresh + excluded.fresh,
                  confidence_sum = confidence_sum + excluded.confidence_sum,
                  duplicates = duplicates + excluded.duplicates
                """,
                [
                    try keys.model(model, task: nil), exposures.fresh, exposures.confidenceSum, exposures.duplicates,
                ])
        }
        for (model, bin) in group.utilities {
            try db.run(
                "INSERT INTO utility_histogram VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
                [try keys.model(model, task: nil), bin])
        }
        return report
    }

    static func count(
        _ outcome: String, _ reason: String, class topClass: String?, model: Int64?, hour: Int, by count: Int = 1,
        _ db: Database
    ) throws {
        try addToTotal(outcome, reason, by: count, db)
        try db.run(
            """
            INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET count = count + excluded.count
            """, [hour, outcome, reason, model ?? 0, topClass ?? "", count])
    }

    static func addToTotal(_ outcome: String, _ reason: String, by count: Int = 1, _ db: Database) throws {
        try db.run(
            "INSERT INTO total VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            [outcome, reason, count])
    }
}
