import Foundation
import GRDB
public import GleanerCore

/// Models as they are found, and the rows that hold them.
extension DeploymentStore {
    /// The model that predicts; `nil` before the first activation.
    public func activeModel() throws -> ModelBundle? { try slot(in: .active).flatMap(bundle) }

    /// The one model in a state that only one can have: active, previous or shadow.
    public func slot(in state: ModelSlot.State) throws -> ModelSlot? {
        try read { db in try Self.slots(db, "WHERE state = ?", [state.rawValue]).first?.slot }
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
        guard let slot = named.first(where: { $0.state != .rejected }) ?? named.first else {
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

    // MARK: Rows

    typealias Found = (key: Int64, slot: ModelSlot)

    /// The key of the model's slot, which is made if there is none.
    static func insert(_ manifest: ModelManifest, _ course: ModelCourse, _ db: Database) throws -> Int64 {
        var keys = KeyCache(db)
        let key = try keys.model(manifest.id, task: manifest.task)
        try db.run(
            """
            INSERT INTO model_slot (model_key, manifest, state, course) VALUES (?, ?, 'staged', ?)
            ON CONFLICT DO UPDATE SET manifest = excluded.manifest
            """, [key, try text(of: manifest), try text(of: course)])
        return key
    }

    static func save(
        _ course: ModelCourse, _ state: ModelSlot.State?, of key: Int64, _ db: Database
    ) throws {
        try db.run(
            "UPDATE model_slot SET course = ?, state = coalesce(?, state), reason = ? WHERE model_key = ?",
            [try text(of: course), state?.rawValue, course.reason, key])
    }

    static func text(of document: some Encodable) throws -> String {
        String(decoding: try CanonicalJSON.encode(document), as: UTF8.self)
    }

    static func unknown(_ id: ModelID) -> GleanerError {
        GleanerError(.notFound, "there is no model \(id)", remedy: "import it first")
    }

    static func withoutFiles(_ id: ModelID) -> GleanerError {
        GleanerError(.modelState, "the files of model \(id) made room and are gone", remedy: "import it again")
    }

    static func slot(_ id: ModelID, _ db: Database) throws -> Found {
        guard
            let found = try slots(
                db, "WHERE name = ? AND version = ? AND digest = ?", [id.name, id.version, id.digest.data]
            ).first
        else { throw unknown(id) }
        return found
    }

    static func slots(
        _ db: Database, _ condition: String, _ arguments: StatementArguments = []
    ) throws -> [(key: Int64, slot: ModelSlot)] {
        // All columns: a damaged database that is being salvaged may be of an older schema and lack some.
        let sql = """
            SELECT model_slot.* FROM model_slot JOIN model USING (model_key)
            \(condition) ORDER BY version DESC, model_key DESC
            """
        return try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).compactMap { row in
            guard let state = ModelSlot.State(rawValue: row["state"]) else { return nil }
            let manifest = try CanonicalJSON.decode(
                ModelManifest.self, from: Data((row["manifest"] as String).utf8), named: "a model's manifest")
            let course = try (row["course"] as String?).map {
                try CanonicalJSON.decode(ModelCourse.self, from: Data($0.utf8), named: "a model's course")
            }
            return (
                row["model_key"],
                ModelSlot(
                    manifest: manifest, state: state, course: course ?? self.course(of: state, row["reason"]),
                    folderName: row["folder"],
                    activatedOrder: row["activated_order"], reason: row["reason"], verdict: row["verdict"],
                    signer: row["signer"])
            )
        }
    }

    /// The course of a model from before courses were written down: as the migration makes it.
    static func course(of state: ModelSlot.State, _ reason: String?) -> ModelCourse {
        var course = ModelCourse()
        guard state != .staged else { return course }
        for event in [ModelCourse.Event.proved, .activated(inShadow: false, isAlone: true)] { _ = course.handle(event) }
        if state == .rejected { _ = course.handle(.failed(reason: reason ?? "it failed")) }
        return course
    }
}
