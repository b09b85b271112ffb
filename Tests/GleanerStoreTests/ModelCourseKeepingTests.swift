import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

/// Courses outlive a new schema and a damaged database.
@Suite struct ModelCourseKeepingTests {
    /// A model of each state, as schema 4 had it.
    private static let old: [(version: Int, state: String, folder: String?, order: Int?, reason: String?)] = [
        (1, "retired", nil, 1, "rolled back"), (2, "rejected", nil, 2, "not a number"),
        (3, "previous", "three", 3, nil),
        (4, "active", "four", 4, nil), (5, "staged", "five", nil, nil), (6, "rejected", nil, nil, nil),
    ]

    /// Makes a deployment as a Gleaner of schema 4 left it.
    private func makeOld(in path: String) throws {
        for (version, _, folder, _, _) in Self.old {
            if let folder { try DurableFile.makeFolder("\(path)/models/\(folder)-\(version)") }
        }
        let queue = try DatabaseQueue(path: "\(path)/queue.sqlite")
        try Schema.migrator.migrate(queue, upTo: "4")
        try queue.write { db in
            for (version, state, folder, order, reason) in Self.old {
                let manifest = ModelFixture(version).manifest
                try db.execute(
                    sql: "INSERT INTO model VALUES (?, ?, ?, ?, 'classification')",
                    arguments: [version, manifest.name, version, manifest.sha256.data])
                try db.execute(
                    sql: "INSERT INTO model_slot VALUES (?, ?, ?, ?, ?, ?)",
                    arguments: [
                        version, try DeploymentStore.text(of: manifest), folder.map { "\($0)-\(version)" }, state,
                        order,
                        reason,
                    ])
            }
        }
        try queue.close()
    }

    private func expectOld(_ slots: [ModelSlot], _ versions: ClosedRange<Int> = 1...6) {
        #expect(slots.map(\.manifest) == versions.reversed().map { ModelFixture($0).manifest })
        for slot in slots {
            let old = Self.old[slot.manifest.version - 1]
            #expect(slot.state.rawValue == old.state && slot.reason == old.reason && slot.activatedOrder == old.order)
            #expect(slot.folderName == old.folder.map { "\($0)-\(old.version)" })
            #expect(slot.verdict == nil && slot.signer == nil)
            let stage = ModelCourse.Stage(rawValue: old.state) ?? .confirmed
            #expect(slot.course.stage == stage, "version \(old.version)")
            #expect(slot.course.failedInService == (stage == .rejected))
            #expect(slot.course.servedCount == 0 && slot.course.openBoot == nil)
        }
    }

    @Test func modelsOfTheSchemaBeforeHaveCourses() throws {
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try makeOld(in: path)
        let store = try DeploymentStore.open(path, settings: StoreFixture.settings)
        #expect(store.openingNotes.isEmpty)
        expectOld(try store.models())
        let rejected = try store.model(named: "digits@2").course
        #expect(rejected.reason == "not a number")
        // They go on as they were: the active one is not watched, and gives way to the previous one.
        #expect(try store.advance(ModelFixture(4).id, .failed(reason: "it hangs")) == .goBack(reason: "it hangs"))
        #expect(try store.slot(in: .active)?.manifest.version == 3)
        // The others can be there beside one in the shadow.
        try store.advance(ModelFixture(5).id, .proved)
        try store.activate(ModelFixture(5).id, inShadow: true)
        #expect(try store.slot(in: .shadow)?.manifest.version == 5)
    }

    @Test func anOldDatabaseThatIsDamagedStillTellsItsModels() throws {
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try makeOld(in: path)
        let queue = try DatabaseQueue(path: "\(path)/queue.sqlite")
        try queue.write { db in
            // What was migrated cannot be read, and so the rest is not brought up to date.
            try db.execute(sql: "PRAGMA writable_schema = ON")
            for (type, page) in [("table", "sample_by_class"), ("index", "event")] {
                try db.execute(
                    sql: """
                        UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = ?)
                        WHERE tbl_name = 'grdb_migrations' AND type = ?
                        """, arguments: [page, type])
            }
        }
        try queue.close()
        let store = try DeploymentStore.open(path, settings: StoreFixture.settings)
        #expect(store.openingNotes.count == 2)
        // Those whose files are there.
        expectOld(try store.models(), 3...5)
        #expect(try store.advance(ModelFixture(4).id, .failed(reason: "it hangs")) == .goBack(reason: "it hangs"))
        #expect(try store.slot(in: .active)?.manifest.version == 3)
    }

    @Test func courseVerdictAndSignerComeOutOfADamagedDatabase() throws {
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let before = try makeDamaged(in: path)
        let store = try DeploymentStore.open(path, settings: StoreFixture.settings)
        #expect(store.openingNotes.count == 2)
        #expect(try store.models() == before)
        let active = try #require(try store.slot(in: .active))
        #expect(active.course.stage == .probation && active.course.servedCount == 70)
        #expect(active.course.openBoot == "a" && active.verdict == "{\"v\":2}" && active.signer == "ed25519:two")
        #expect(try store.slot(in: .shadow)?.manifest.version == 3)
    }

    private func makeDamaged(in path: String) throws -> [ModelSlot] {
        let slots = try {
            let fixture = try StoreFixture(path: path)
            for version in 1...3 {
                let model = ModelFixture(version)
                try model.place(in: fixture.store)
                try fixture.store.stage(
                    model.manifest, folderName: DeploymentFolder.name(for: model.id), course: nil,
                    verdict: "{\"v\":\(version)}", signer: version == 2 ? "ed25519:two" : nil)
                try fixture.store.activate(model.id, inShadow: version == 3)
            }
            try fixture.store.advance(ModelFixture(2).id, .started(boot: "a"))
            try fixture.store.advance(ModelFixture(2).id, .served(frameCount: 70))
            let slots = try fixture.store.models()
            try fixture.store.pool.close()
            try FileManager.default.copyItem(atPath: path, toPath: path + "-copy")
            return slots
        }()
        // The fixture took its folder with it.
        try FileManager.default.moveItem(atPath: path + "-copy", toPath: path)
        try StoreFixture.damageIndex(in: path)
        return slots
    }
}
