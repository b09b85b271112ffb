import GRDB
import GleanerCore

/// Row keys of models, runs and sources, looked up or made once in a transaction.
struct KeyCache {
    private let db: Database
    private var models: [ModelID: Int64] = [:]
    private var runs: [RunID: Int64] = [:]
    private var sources: [String: Int64] = [:]

    init(_ db: Database) { self.db = db }

    /// A model's key; its row is made when it is new, and learns its task when that was unknown.
    mutating func model(_ id: ModelID, task: ModelTask?) throws -> Int64 {
        if task == nil, let key = models[id] { return key }
        let row = try db.first(
            """
            INSERT INTO model (name, version, digest, task) VALUES (?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET task = coalesce(task, excluded.task) RETURNING model_key
            """, [id.name, id.version, id.digest.data, task?.rawValue])
        let key = try Self.key(row)
        models[id] = key
        return key
    }

    /// The key of a run that has begun.
    mutating func run(_ id: SampleID) throws -> Int64 {
        if let key = runs[id.run] { return key }
        let row = try db.first(
            """
            SELECT run_key FROM run JOIN device USING (device_key) WHERE counter = ? AND nonce = ? AND device.id = ?
            """,
            [Int64(id.run.counter), Int64(bitPattern: id.run.nonce), Int64(bitPattern: id.device.rawValue)])
        guard row != nil else {
            throw GleanerError(.notFound, "the run \(id.run) of device \(id.device) has not begun in this deployment")
        }
        let key = try Self.key(row)
        runs[id.run] = key
        return key
    }

    mutating func source(_ name: String) throws -> Int64 {
        if let key = sources[name] { return key }
        try db.run("INSERT INTO source (name) VALUES (?) ON CONFLICT DO NOTHING", [name])
        let key = try Self.key(db.first("SELECT source_key FROM source WHERE name = ?", [name]))
        sources[name] = key
        return key
    }

    private static func key(_ row: Row?) throws -> Int64 {
        guard let key: Int64 = row?[0] else { throw GleanerError(.storeFailed, "a row that was written is not there") }
        return key
    }
}
