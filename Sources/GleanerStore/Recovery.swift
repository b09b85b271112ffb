import Foundation
import GRDB
import GleanerCore

/// What a crash may leave behind, and its sweeping. Each part looks only where something can be, never at everything.
extension DeploymentStore {
    /// Before a run begins: files whose rows are gone, and the tails of runs that nobody swept yet.
    func sweepAfterCrash() throws {
        let (unwanted, runs) = try read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT run_key, counter, nonce, last_sequence FROM run WHERE swept = 0")
            return (try Self.unwantedFiles(db), rows)
        }
        pictures.remove(unwanted)
        for row in runs { try sweepTail(of: row) }
        try write { db in
            try forgetRemovedFiles(db)
            for row in runs { try db.run("UPDATE run SET swept = 1 WHERE run_key = ?", [row["run_key"] as Int64]) }
        }
        if let lock = try? DeploymentLock(.models, in: folder) {
            try sweepModels()
            withExtendedLifetime(lock) {}
        }
        if let lock = try? DeploymentLock(.export, in: folder) {
            try sweepOutbox()
            withExtendedLifetime(lock) {}
        }
    }

    /// Removes files without a row from the last folders of a run. Rows are written after their files and in order,
    /// so that earlier folders cannot have any.
    private func sweepTail(of row: Row) throws {
        let run = RunID(
            counter: UInt32(clamping: row["counter"] as Int64), nonce: UInt64(bitPattern: row["nonce"] as Int64))
        let last = UInt64(clamping: row["last_sequence"] as Int64)
        let first = max(last / PictureHome.shardSize, 1) - 1
        let path = folder.frames + "/\(run)"
        for shard in Self.names(in: path) where (UInt64(shard) ?? 0) >= first {
            let files = Self.names(in: "\(path)/\(shard)")
            let known = try read { db in try Set(files.filter { try isKnown($0, runKey: row["run_key"], db) }) }
            pictures.remove(files.filter { !known.contains($0) }.map { "frames/\(run)/\(shard)/\($0)" })
        }
    }

    private func isKnown(_ fileName: String, runKey: Int64, _ db: Database) throws -> Bool {
        let parts = fileName.split(separator: ".")
        guard parts.count == 2, let sequence = Int64(parts[0]) else { return false }
        return try db.first(
            """
            SELECT 1 FROM sample WHERE run_key = ? AND sequence = ? AND pixels = 'present' AND home = 'file'
            """, [runKey, sequence]) != nil
    }

    /// Removes folders of models without a slot. Only with the right to place models.
    func sweepModels() throws {
        let known = try read { db in
            try Set(String.fetchAll(db, sql: "SELECT folder FROM model_slot WHERE folder IS NOT NULL"))
        }
        Self.remove(Self.names(in: folder.models).filter { !known.contains($0) }, in: folder.models)
    }

    /// Removes folders of batches that do not await an acknowledgement. Only with the right to export.
    func sweepOutbox() throws {
        let known = try read { db in
            try Data.fetchAll(db, sql: "SELECT digest FROM batch WHERE state = 'sealed'")
                .compactMap { Digest(bytes: $0).map { BatchID($0) } }
        }
        let names = Set(known.flatMap { [$0.short, $0.description] })
        Self.remove(Self.names(in: folder.outbox).filter { !names.contains($0) }, in: folder.outbox)
    }

    private static func names(in path: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    }

    private static func remove(_ names: [String], in path: String) {
        for name in names { try? FileManager.default.removeItem(atPath: "\(path)/\(name)") }
    }
}
