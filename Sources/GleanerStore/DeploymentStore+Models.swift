import Foundation
import GRDB
public import GleanerCore

/// A model that was brought in.
public struct ModelSlot: Sendable, Hashable {
    public enum State: String, Sendable, Codable, CaseIterable {
        /// Placed and checked, and never used.
        case staged
        /// The one that predicts.
        case active
        /// The one that was active before: what a rollback goes back to.
        case previous
        /// It was active once. Its files stay until their room is needed.
        case retired
        /// It failed; it is not activated again.
        case rejected
    }

    public var manifest: ModelManifest
    public var state: State
    /// Below `models/`; `nil` once its files made room.
    public var folderName: String?
    /// Grows with every activation on this device; `nil` if it was never active.
    public var activatedOrder: Int?
    /// Why it was rejected or rolled back.
    public var reason: String?
    public var id: ModelID { manifest.id }
}

extension DeploymentStore {
    /// Takes the right to place files of models, and removes what an import that died left below `models/`.
    ///
    /// Keep the lock until the model is staged.
    public func beginImport() throws -> DeploymentLock {
        let lock = try DeploymentLock(.models, in: folder)
        try sweepModels()
        return lock
    }

    /// Records a model whose files lie, durable, in `models/<folderName>`. Staging it again changes nothing, unless
    /// its files had been removed.
    public func stage(_ manifest: ModelManifest, folderName: String) throws {
        let json = String(decoding: try CanonicalJSON.encode(manifest), as: UTF8.self)
        try write { db in
            var keys = KeyCache(db)
            let key = try keys.model(manifest.id, task: manifest.task)
            try db.run(
                """
                INSERT INTO model_slot (model_key, manifest, folder, state) VALUES (?, ?, ?, 'staged')
                ON CONFLICT DO UPDATE SET manifest = excluded.manifest, folder = excluded.folder
                """, [key, json, folderName])
            try Self.record("model.staged", "model \(manifest.id) is ready to be activated", db)
        }
    }

    /// Makes a model the active one, in one transaction. The active one becomes the previous, an older previous one
    /// is retired. Activating the active model changes nothing.
    ///
    /// - Throws: ``GleanerError`` with code `not.found`, or `model.state` when it was rejected or its files are gone.
    public func activate(_ id: ModelID) throws {
        try write { db in
            let (key, slot) = try Self.slot(id, db)
            guard slot.state != .active else { return }
            guard slot.state != .rejected else {
                throw GleanerError(
                    .modelState, "model \(id) was rejected: \(slot.reason ?? "it failed")",
                    remedy: "import a better one")
            }
            guard slot.folderName != nil else { throw Self.withoutFiles(id) }
            try db.run("UPDATE model_slot SET state = 'retired' WHERE state = 'previous' AND model_key <> ?", [key])
            try db.run("UPDATE model_slot SET state = 'staged' WHERE model_key = ?", [key])
            try db.run("UPDATE model_slot SET state = 'previous' WHERE state = 'active'")
            try Self.makeActive(key, db)
            try Self.record("model.activated", "model \(id) is active", db)
        }
    }

    /// Goes back to the previous model, which it returns. The one that was active is retired.
    @discardableResult
    public func rollBack(reason: String = "rolled back") throws -> ModelID {
        try write { db in
            guard let active = try Self.slots(db, "WHERE state = 'active'").first else {
                throw GleanerError(.modelState, "no model is active, so there is nothing to roll back")
            }
            guard let previous = try Self.goBack(from: active, becoming: .retired, reason, db) else {
                throw GleanerError(
                    .modelState, "there is no previous model to go back to", remedy: "activate one by its name")
            }
            return previous
        }
    }

    /// Marks a model as failed, for good. If it was active, the previous one is active afterwards, in the same
    /// transaction; without a previous one none is.
    public func reject(_ id: ModelID, reason: String) throws {
        try write { db in
            let (key, slot) = try Self.slot(id, db)
            let reason = String(reason.prefix(1000))
            if slot.state == .active {
                if try Self.goBack(from: (key, slot), becoming: .rejected, reason, db) != nil { return }
            }
            try db.run(
                "UPDATE model_slot SET state = 'rejected', reason = ? WHERE model_key = ?", [reason, key])
            try Self.record("model.rejected", "model \(id) is rejected: \(reason)", db)
        }
    }

    /// The model that predicts; `nil` before the first activation.
    public func activeModel() throws -> ModelBundle? {
        guard let slot = try read({ db in try Self.slots(db, "WHERE state = 'active'").first?.slot }) else {
            return nil
        }
        return bundle(slot)
    }

    /// Every model that was ever brought in, the newest version first.
    public func models() throws -> [ModelSlot] {
        try read { db in try Self.slots(db, "").map(\.slot) }
    }

    /// The model that a person names as `name` (its newest version that was not rejected) or `name@version`.
    public func model(named text: String) throws -> ModelSlot {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let version = parts.count == 2 ? Int(parts[1]) : nil
        let all = try models()
        let named = all.filter {
            $0.manifest.name == parts.first && (parts.count == 1 || $0.manifest.version == version)
        }
        guard let slot = named.first(where: { parts.count == 2 || $0.state != .rejected }) ?? named.first else {
            throw GleanerError(
                .notFound, "there is no model '\(text.prefix(100))'",
                remedy: all.isEmpty ? "import one" : "one of: \(all.map(\.id.description).joined(separator: ", "))")
        }
        return slot
    }

    /// Where a slot's files are; `nil` once they made room.
    public func bundle(_ slot: ModelSlot) -> ModelBundle? {
        slot.folderName.map {
            ModelBundle(
                manifest: slot.manifest, folder: URL(filePath: "\(folder.models)/\($0)", directoryHint: .isDirectory))
        }
    }

    /// Removes the files of models that nobody goes back to.
    func removeRetiredModels() throws {
        let folders = try write { db in
            let unused = "state IN ('retired', 'rejected') AND folder IS NOT NULL"
            let folders = try String.fetchAll(db, sql: "SELECT folder FROM model_slot WHERE \(unused)")
            if !folders.isEmpty { try db.run("UPDATE model_slot SET folder = NULL WHERE \(unused)") }
            return folders
        }
        for name in folders { try? FileManager.default.removeItem(atPath: "\(folder.models)/\(name)") }
    }

    private static func goBack(
        from active: (key: Int64, slot: ModelSlot), becoming state: ModelSlot.State, _ reason: String, _ db: Database
    ) throws -> ModelID? {
        guard let previous = try slots(db, "WHERE state = 'previous'").first, previous.slot.folderName != nil else {
            return nil
        }
        try db.run(
            "UPDATE model_slot SET state = ?, reason = ? WHERE model_key = ?", [state.rawValue, reason, active.key])
        try makeActive(previous.key, db)
        try record("model.rolled_back", "back from \(active.slot.id) to \(previous.slot.id): \(reason)", db)
        return previous.slot.id
    }

    private static func makeActive(_ key: Int64, _ db: Database) throws {
        try db.run(
            """
            UPDATE model_slot SET state = 'active', reason = NULL,
              activated_order = 1 + (SELECT coalesce(max(activated_order), 0) FROM model_slot)
            WHERE model_key = ?
            """, [key])
    }

    private static func withoutFiles(_ id: ModelID) -> GleanerError {
        GleanerError(.modelState, "the files of model \(id) made room and are gone", remedy: "import it again")
    }

    private static func slot(_ id: ModelID, _ db: Database) throws -> (key: Int64, slot: ModelSlot) {
        guard
            let found = try slots(
                db, "WHERE name = ? AND version = ? AND digest = ?", [id.name, id.version, id.digest.data]
            ).first
        else { throw GleanerError(.notFound, "there is no model \(id)", remedy: "import it first") }
        return found
    }

    static func slots(
        _ db: Database, _ condition: String, _ arguments: StatementArguments = []
    ) throws -> [(key: Int64, slot: ModelSlot)] {
        let sql = """
            SELECT model_key, manifest, folder, state, activated_order, reason FROM model_slot JOIN model USING (model_key)
            \(condition) ORDER BY version DESC, model_key DESC
            """
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).compactMap { row in
            guard let state = ModelSlot.State(rawValue: row["state"]) else { return nil }
            let manifest = try CanonicalJSON.decode(
                ModelManifest.self, from: Data((row["manifest"] as String).utf8), named: "a model's manifest")
            return (
                row["model_key"],
                ModelSlot(
                    manifest: manifest, state: state, folderName: row["folder"],
                    activatedOrder: row["activated_order"], reason: row["reason"])
            )
        }
    }
}
