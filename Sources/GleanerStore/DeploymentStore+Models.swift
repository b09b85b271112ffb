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

    /// Makes a model known that runs elsewhere; it may be activated from then on.
    ///
    /// - Throws: ``GleanerError`` with code `model.differs` when its name and version are another model's, or there are
    ///   too many already.
    public func introduce(_ manifest: ModelManifest) throws {
        if try read({ db in try Self.isKnown(manifest, db) }) { return }
        try write { db in
            guard try !Self.isKnown(manifest, db) else { return }
            var course = ModelCourse()
            _ = course.handle(.proved)
            _ = try Self.insert(manifest, course, db)
            try Self.record("model.introduced", "model \(manifest.id) predicts elsewhere", db)
        }
    }

    private static func isKnown(_ manifest: ModelManifest, _ db: Database) throws -> Bool {
        let others = try slots(db, "WHERE name = ? AND version = ?", [manifest.name, manifest.version])
        if let slot = others.first?.slot {
            let known = slot.manifest
            guard known.task == manifest.task, known.labels == manifest.labels, known.sha256 == manifest.sha256 else {
                throw GleanerError(
                    .modelDiffers, "another model is known as \(manifest.id): its task, classes or digest differ",
                    remedy: "give each model that was trained anew a version of its own")
            }
            // One of ours, which was brought in as well: it is activated like any of them.
            let isOurs = !known.isElsewhere
            guard !isOurs || slot.folderName != nil && ![.staged, .rejected].contains(slot.course.stage) else {
                throw GleanerError(
                    .modelDiffers, "model \(manifest.id) was brought in here and cannot be used",
                    remedy: "gleaner model show \(manifest.name) says why; give what runs elsewhere another name")
            }
            return true
        }
        guard try Int.fetchOne(db, sql: "SELECT count(*) FROM model_slot") ?? 0 < slotCountMax else {
            throw GleanerError(
                .modelDiffers, "there are \(slotCountMax) models here already",
                remedy: "raise the version only when the model was trained anew")
        }
        return false
    }
    /// Of one device in its life.
    private static let slotCountMax = 1000

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
            let isElsewhere = found.slot.manifest.isElsewhere
            guard found.slot.state == .rejected || found.slot.folderName != nil || isElsewhere else {
                throw Self.withoutFiles(id)
            }
            let active = try Self.slots(db, "WHERE state = 'active'").first
            let isPrevious = found.slot.state == .previous
            // There is nothing to prove, nor to watch, where it does not run.
            if isElsewhere {
                let event = ModelCourse.Event.activated(inShadow: false, isAlone: true)
                try Self.advance(found, event, ModelCourse.Limits(), db)
                return
            }
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

    // MARK: What a course asks for

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
}
