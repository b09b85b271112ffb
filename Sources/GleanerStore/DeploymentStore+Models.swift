import Foundation
import GRDB
public import GleanerCore

extension DeploymentStore {
    /// Takes the right to place files of models, and removes what an import that died left below `models/`.
    ///
    /// Keep the lock until the model is staged.
    public func beginImport() throws -> DeploymentLock {
        let lock = try DeploymentLock(.models, in: folder)
        try sweepModels()
        return lock
    }

    /// Records a model whose files lie, durable, in `models/<folderName>`, with what is known of it.
    ///
    /// Of a model that is here already, only its files and what was found out about it anew are written down: its
    /// course goes on.
    ///
    /// - Parameter course: `nil` for a model that is here and not to be begun with anew.
    public func stage(
        _ manifest: ModelManifest, folderName: String, course: ModelCourse?, verdict: String? = nil,
        signer: String? = nil
    ) throws {
        try write { db in
            let key = try Self.insert(manifest, course ?? ModelCourse(), db)
            if let course { try Self.save(course, .staged, of: key, db) }
            try db.run(
                """
                UPDATE model_slot SET folder = ?, signer = ?, verdict = coalesce(?, verdict) WHERE model_key = ?
                """, [folderName, signer, verdict, key])
            try Self.record("model.staged", "model \(manifest.id) is ready to be activated", db)
        }
    }

    /// Records a model that was not let in, so that its verdict can be read. Its files are not kept.
    public func refuse(_ manifest: ModelManifest, course: ModelCourse, verdict: String) throws {
        try write { db in
            let key = try Self.insert(manifest, course, db)
            let (_, slot) = try Self.slot(manifest.id, db)
            // One that is in use, or was, keeps its place: only what was found out is new.
            if slot.folderName == nil || slot.state == .rejected {
                try Self.save(course, .rejected, of: key, db)
                try db.run("UPDATE model_slot SET folder = NULL WHERE model_key = ?", [key])
            }
            try db.run("UPDATE model_slot SET verdict = ? WHERE model_key = ?", [verdict, key])
            try Self.record("model.refused", "model \(manifest.id) is not let in: \(course.reason ?? "it failed")", db)
        }
    }

    /// Writes down what was found out about a model.
    public func setVerdict(_ verdict: String, of id: ModelID) throws {
        try write { db in
            try db.run("UPDATE model_slot SET verdict = ? WHERE model_key = ?", [verdict, try Self.slot(id, db).key])
        }
    }

    /// Tells a model's course what happened, and does what follows from it, in one transaction.
    ///
    /// The model that was active becomes the previous one when it is confirmed, or when there is none: a rollback goes
    /// back to a model that has shown that it works.
    ///
    /// - Parameter verdict: What was found out meanwhile, written down with it; `nil` leaves what is known.
    /// - Throws: ``GleanerError`` with code `not.found`, or `model.state` when the course refuses.
    @discardableResult
    public func advance(
        _ id: ModelID, _ event: ModelCourse.Event, limits: ModelCourse.Limits = .init(), verdict: String? = nil
    ) throws -> ModelCourse.Action {
        try write { db in
            let found = try Self.slot(id, db)
            if let verdict {
                try db.run("UPDATE model_slot SET verdict = ? WHERE model_key = ?", [verdict, found.key])
            }
            return try Self.advance(found, event, limits, db)
        }
    }

    /// Makes a model the active one, or puts it into the shadow of the active one. Activating the active model changes
    /// nothing, and the previous one has served and stands ready: it needs no shadow, and beside one that was not
    /// confirmed it is gone back to.
    ///
    /// - Throws: ``GleanerError`` with code `not.found`, or `model.state` when it was rejected, was not proved, or its
    ///   files are gone.
    public func activate(_ id: ModelID, inShadow: Bool = false) throws {
        try write { db in
            let found = try Self.slot(id, db)
            guard found.slot.state != .active else { return }
            guard found.slot.state == .rejected || found.slot.folderName != nil else { throw Self.withoutFiles(id) }
            let active = try Self.slots(db, "WHERE state = 'active'").first
            let isPrevious = found.slot.state == .previous
            if isPrevious, let active, active.slot.course.stage != .confirmed {
                return try Self.goBack(from: active, to: found, "\(id) was activated", db)
            }
            let event = ModelCourse.Event.activated(inShadow: inShadow && !isPrevious, isAlone: active == nil)
            try Self.advance(found, event, ModelCourse.Limits(), db)
        }
    }

    /// Goes back to the previous model, which it returns. The one that was active is retired.
    @discardableResult
    public func rollBack(reason: String = "rolled back") throws -> ModelID {
        try write { db in
            guard let active = try Self.slots(db, "WHERE state = 'active'").first else {
                throw GleanerError(.modelState, "no model is active, so there is nothing to roll back")
            }
            guard let previous = try Self.previous(db) else {
                throw GleanerError(
                    .modelState, "there is no previous model to go back to", remedy: "activate one by its name")
            }
            try Self.goBack(from: active, to: previous, reason, db)
            return previous.slot.id
        }
    }

    // MARK: Looking

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

    // MARK: What a course asks for

    private typealias Found = (key: Int64, slot: ModelSlot)

    @discardableResult
    private static func advance(
        _ found: Found, _ event: ModelCourse.Event, _ limits: ModelCourse.Limits, _ db: Database
    ) throws -> ModelCourse.Action {
        var course = found.slot.course
        let action = course.handle(event, limits: limits)
        switch action {
        case .none where course == found.slot.course: break
        case .none: try save(course, course.stage == .rejected ? .rejected : nil, of: found.key, db)
        case .serve: try serve(found, course, db)
        case .shadow: try shadow(found, course, db)
        case .goBack(let reason): try goBack(from: found, course, reason, db)
        case .refuse(let reason):
            throw GleanerError(
                .modelState, "model \(found.slot.id) cannot be used: \(reason)", remedy: "import a better one")
        }
        return action
    }

    private static func serve(_ found: Found, _ course: ModelCourse, _ db: Database) throws {
        let active = try slots(db, "WHERE state = 'active'").first
        try save(course, .staged, of: found.key, db)
        if let active, try active.slot.course.stage == .confirmed || previous(db) == nil {
            try db.run("UPDATE model_slot SET state = 'retired' WHERE state = 'previous'")
            try replace(active, .previous, nil, db)
        } else if let active {
            try replace(active, .retired, "replaced by \(found.slot.id) before it was confirmed", db)
        }
        try makeActive(found.key, db)
        try record("model.activated", "model \(found.slot.id) is active", db)
    }

    /// Another one takes its place.
    private static func replace(
        _ found: Found, _ state: ModelSlot.State, _ reason: String?, _ db: Database
    ) throws {
        var course = found.slot.course
        _ = course.handle(.replaced)
        try save(course, state, of: found.key, db)
        if let reason { try db.run("UPDATE model_slot SET reason = ? WHERE model_key = ?", [reason, found.key]) }
    }

    private static func shadow(_ found: Found, _ course: ModelCourse, _ db: Database) throws {
        if let other = try slots(db, "WHERE state = 'shadow'").first { try replace(other, .staged, nil, db) }
        try save(course, .shadow, of: found.key, db)
        try record("model.shadow", "model \(found.slot.id) is asked in the shadow of the active one", db)
    }

    private static func goBack(
        from found: Found, _ course: ModelCourse, _ reason: String, _ db: Database
    ) throws {
        try save(course, .rejected, of: found.key, db)
        try record("model.rejected", "model \(found.slot.id) is rejected: \(reason)", db)
        guard found.slot.state == .active, let previous = try previous(db) else { return }
        try serveAgain(previous, insteadOf: found, reason, db)
    }

    /// The active model makes way because somebody wants it to.
    private static func goBack(
        from active: Found, to previous: Found, _ reason: String, _ db: Database
    ) throws {
        try replace(active, .retired, reason, db)
        try serveAgain(previous, insteadOf: active, reason, db)
    }

    /// Makes the previous model the active one. There is none to go back to from it.
    private static func serveAgain(
        _ previous: Found, insteadOf active: Found, _ reason: String, _ db: Database
    ) throws {
        var course = previous.slot.course
        _ = course.handle(.activated(inShadow: false, isAlone: true))
        try save(course, nil, of: previous.key, db)
        try makeActive(previous.key, db)
        try record("model.rolled_back", "back from \(active.slot.id) to \(previous.slot.id): \(reason)", db)
    }

    private static func previous(_ db: Database) throws -> Found? {
        try slots(db, "WHERE state = 'previous' AND folder IS NOT NULL").first
    }

    private static func makeActive(_ key: Int64, _ db: Database) throws {
        try db.run(
            """
            UPDATE model_slot SET state = 'active', reason = NULL,
              activated_order = 1 + (SELECT coalesce(max(activated_order), 0) FROM model_slot)
            WHERE model_key = ?
            """, [key])
    }

    // MARK: Rows

    /// The key of the model's slot, which is made if there is none.
    private static func insert(_ manifest: ModelManifest, _ course: ModelCourse, _ db: Database) throws -> Int64 {
        var keys = KeyCache(db)
        let key = try keys.model(manifest.id, task: manifest.task)
        try db.run(
            """
            INSERT INTO model_slot (model_key, manifest, state, course) VALUES (?, ?, 'staged', ?)
            ON CONFLICT DO UPDATE SET manifest = excluded.manifest
            """, [key, try text(of: manifest), try text(of: course)])
        return key
    }

    private static func save(
        _ course: ModelCourse, _ state: ModelSlot.State?, of key: Int64, _ db: Database
    ) throws {
        try db.run(
            "UPDATE model_slot SET course = ?, state = coalesce(?, state), reason = ? WHERE model_key = ?",
            [try text(of: course), state?.rawValue, course.reason, key])
    }

    static func text(of document: some Encodable) throws -> String {
        String(decoding: try CanonicalJSON.encode(document), as: UTF8.self)
    }

    private static func unknown(_ id: ModelID) -> GleanerError {
        GleanerError(.notFound, "there is no model \(id)", remedy: "import it first")
    }

    private static func withoutFiles(_ id: ModelID) -> GleanerError {
        GleanerError(.modelState, "the files of model \(id) made room and are gone", remedy: "import it again")
    }

    private static func slot(_ id: ModelID, _ db: Database) throws -> Found {
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
    private static func course(of state: ModelSlot.State, _ reason: String?) -> ModelCourse {
        var course = ModelCourse()
        guard state != .staged else { return course }
        for event in [ModelCourse.Event.proved, .activated(inShadow: false, isAlone: true)] { _ = course.handle(event) }
        if state == .rejected { _ = course.handle(.failed(reason: reason ?? "it failed")) }
        return course
    }
}
