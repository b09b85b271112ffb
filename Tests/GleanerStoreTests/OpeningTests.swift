import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct OpeningTests {
    private func overwrite(_ path: String, at offset: UInt64, with bytes: [UInt8]) throws {
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }

    private func open(_ path: String) throws -> DeploymentStore {
        try DeploymentStore.open(path, settings: StoreFixture.settings)
    }

    @Test func aMissingFolderIsAnErrorThatNamesTheRemedy() throws {
        let error = try #require(throws: GleanerError.self) { try open("/nowhere/at/all") }
        #expect(error.code == .deploymentMissing)
        #expect(error.remedy.contains("gleaner init"))
    }

    @Test(.enabled(if: access("/proc", W_OK) != 0 || geteuid() == 0))
    func aFolderWhereNothingCanBeMadeIsAClearError() throws {
        #expect(throws: GleanerError.self) { try open("/proc/self") }
    }

    @Test func openingAgainFindsEverything() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        let again = try open(fixture.path)
        #expect(again.openingNotes.isEmpty)
        #expect(try again.device() == fixture.device)
        #expect(try again.sample(id.short).record.id == id)
        #expect(try again.beginRun().counter == 2)
    }

    @Test func everyRunHasItsOwnCounterAndNonce() throws {
        let fixture = try StoreFixture()
        let runs = try [fixture.run, fixture.store.beginRun(), fixture.store.beginRun()]
        #expect(runs.map(\.counter) == [1, 2, 3])
        #expect(Set(runs.map(\.nonce)).count == 3)
    }

    @Test func aClonedCardBecomesAnotherDeviceAndKeepsItsSamples() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        let machine = fixture.path + "/machine-id"
        var settings = StoreFixture.settings
        settings.machineIDFile = machine
        // The fixture's store saw this machine's id, if it has one; from here on there are two others.
        try Data("first".utf8).write(to: URL(filePath: machine))
        let first = try DeploymentStore.open(fixture.path, settings: settings).device()
        #expect(try DeploymentStore.open(fixture.path, settings: settings).device() == first)
        try Data("second".utf8).write(to: URL(filePath: machine))
        let clone = try DeploymentStore.open(fixture.path, settings: settings)
        #expect(try clone.device() != first)
        #expect(try clone.sample(id.description).record.id == id)
        try FileManager.default.removeItem(atPath: machine)
        #expect(try DeploymentStore.open(fixture.path, settings: settings).device() == clone.device())
    }

    @Test(arguments: ["garbage", "header", "page"])
    func aDamagedDatabaseIsPutAsideWholeAndAFreshOneBegins(_ kind: String) throws {
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var run: RunID?
        do {
            let fixture = try StoreFixture(inline: 100, path: path)
            for version in 1...2 { try ModelFixture(version).place(in: fixture.store) }
            try fixture.store.activate(ModelFixture(1).id)
            for _ in 0..<20 { try fixture.keep(5000) }
            run = fixture.run
            try fixture.store.pool.close()
            try FileManager.default.copyItem(atPath: path, toPath: path + "-copy")
        }
        try FileManager.default.moveItem(atPath: path + "-copy", toPath: path)
        let database = path + "/queue.sqlite"
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: database + suffix) }
        switch kind {
        case "garbage":
            try Data("no database at all, and long enough to be read as if it were one …".utf8).write(
                to: URL(filePath: database))
        case "header": try overwrite(database, at: 0, with: [UInt8](repeating: 0, count: 64))
        default: try overwrite(database, at: 100, with: [UInt8](repeating: 0xff, count: 3000))
        }
        let store = try open(path)
        #expect(store.openingNotes.first?.contains("quarantine/1") == true)
        let aside = path + "/quarantine/1"
        let frames = try #require(run).description
        #expect(FileManager.default.fileExists(atPath: aside + "/queue.sqlite"))
        #expect(FileManager.default.fileExists(atPath: aside + "/frames/\(frames)/0/1.jpg"))
        #expect(try String(contentsOfFile: aside + "/reason.txt", encoding: .utf8).contains("\n"))
        #expect(try store.status().offered == 0)
        #expect(try store.diskUse().frames == 0)
        // Nobody knows any more which model was active: the newest one goes on.
        #expect(try store.activeModel()?.manifest.version == 2)
        #expect(try store.models().map(\.state) == [.active, .previous])
        // It may be one that had failed: it is watched, and the other stands ready.
        #expect(try store.models().map(\.course.stage) == [.probation, .confirmed])
        _ = try store.beginRun()
        #expect(try open(path).openingNotes.isEmpty)
    }

    @Test func modelsOfADamagedDatabaseGoOnWhenTheyCanBeRead() throws {
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try {
            let fixture = try StoreFixture(path: path)
            let model = ModelFixture(1)
            try model.place(in: fixture.store)
            try fixture.store.activate(model.id)
            // A counter that cannot be: found when the small tables are read.
            try fixture.store.pool.close()
            try FileManager.default.copyItem(atPath: path, toPath: path + "-copy")
        }()
        try FileManager.default.moveItem(atPath: path + "-copy", toPath: path)
        try StoreFixture.damageIndex(in: path)
        let store = try open(path)
        #expect(store.openingNotes.count == 2)
        #expect(try store.activeModel()?.manifest.id == ModelFixture(1).id)
        #expect(try store.beginRun().counter == 2)
        #expect(!FileManager.default.fileExists(atPath: path + "/queue.suspect"))
    }

    @Test func aSuspicionThatIsUnfoundedIsForgotten() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        try Data("a step failed".utf8).write(to: URL(filePath: fixture.path + "/queue.suspect"))
        let store = try open(fixture.path)
        #expect(store.openingNotes.isEmpty)
        #expect(try store.sample(id.short).record.id == id)
        #expect(!FileManager.default.fileExists(atPath: fixture.path + "/queue.suspect"))
    }

    @Test func anotherProgramsDatabaseIsPutAside() throws {
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let queue = try DatabaseQueue(path: path + "/queue.sqlite")
        try queue.write { try $0.execute(sql: "CREATE TABLE photos (id INTEGER PRIMARY KEY)") }
        try queue.close()
        #expect(try open(path).openingNotes.count > 0)
        #expect(FileManager.default.fileExists(atPath: path + "/quarantine/1/queue.sqlite"))
    }

    @Test func aNewerDatabaseIsAnErrorAndIsNotTouched() throws {
        let fixture = try StoreFixture()
        try fixture.store.write { try $0.execute(sql: "PRAGMA user_version = \(Schema.version + 1)") }
        _ = try fixture.store.pool.writeWithoutTransaction {
            try Row.fetchAll($0, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
        let before = try Digest(ofFile: fixture.path + "/queue.sqlite")
        let error = try #require(throws: GleanerError.self) { try open(fixture.path) }
        #expect(error.code == .storeNewer)
        #expect(try Digest(ofFile: fixture.path + "/queue.sqlite") == before)
    }

    @Test func aDatabaseWhoseMakingWasCutShortIsMadeAgain() throws {
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data().write(to: URL(filePath: path + "/queue.sqlite"))
        #expect(try open(path).openingNotes.isEmpty)
    }

    @Test func aDatabaseThatWasCutShortBeforeItsFirstTableIsMadeAgain() throws {
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let queue = try DatabaseQueue(path: path + "/queue.sqlite")
        try DatabaseMigrator().migrate(queue)
        try queue.write { try $0.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)") }
        try queue.close()
        let store = try open(path)
        #expect(store.openingNotes.isEmpty)
        #expect(try store.beginRun().counter == 1)
    }

    @Test func theHeaderAloneTellsTheSchema() throws {
        let fixture = try StoreFixture()
        let header = try #require(FileHandle(forReadingAtPath: fixture.path + "/queue.sqlite")).read(upToCount: 100)
        let bytes = Array(try #require(header))
        #expect(Array(bytes[60..<64]) == [0, 0, 0, UInt8(Schema.version)])
        #expect(Array(bytes[68..<72]) == Array("GLNR".utf8))
    }

    @Test func aSecondCollectorIsToldWhoTheFirstIs() throws {
        let fixture = try StoreFixture()
        let folder = fixture.store.folder
        #expect(DeploymentLock.holder(of: .collector, in: folder) == nil)
        var first: DeploymentLock? = try DeploymentLock(.collector, in: folder)
        let error = try #require(throws: GleanerError.self) { try DeploymentLock(.collector, in: folder) }
        #expect(error.code == .collectorRunning)
        #expect(error.message.contains("process \(getpid()), since 20"))
        #expect(try fixture.store.status().collector?.contains("process \(getpid())") == true)
        // An export beside it is normal.
        _ = try DeploymentLock(.export, in: folder)
        withExtendedLifetime(first) {}
        first = nil
        _ = try DeploymentLock(.collector, in: folder)
    }

    @Test func whatACrashLeftBetweenFileAndRowIsSwept() throws {
        let fixture = try StoreFixture(inline: 100)
        let id = try fixture.keep(5000)
        let shard = "\(fixture.path)/frames/\(fixture.run)/0"
        for name in ["2.jpg", "3.jpg.partial", "nonsense"] {
            try Data("left behind".utf8).write(to: URL(filePath: "\(shard)/\(name)"))
        }
        _ = try fixture.store.beginRun()
        #expect(try FileManager.default.contentsOfDirectory(atPath: shard) == ["1.jpg"])
        #expect(try fixture.store.picture(of: id).count == 5000)
    }

    @Test func filesWhoseRowsAreGoneAreSwept() throws {
        let fixture = try StoreFixture(inline: 100)
        try fixture.keep(5000)
        let row = try fixture.store.write { db in
            let row = try SampleRow.find(named: "1-1", db)
            try row.removePixels(becoming: .evicted, because: "quota", hour: 0, db)
            return row
        }
        #expect(try fixture.store.diskUse().frames == 8192)
        _ = try fixture.store.beginRun()
        #expect(!FileManager.default.fileExists(atPath: "\(fixture.path)/\(row.picturePath)"))
        #expect(try fixture.store.diskUse().frames == 0)
        #expect(try fixture.store.read { try DeploymentStore.unwantedFiles($0) }.isEmpty)
    }

    @Test func otherProcessesCommitsChangeTheDataVersion() throws {
        let fixture = try StoreFixture()
        let before = try fixture.store.dataVersion()
        #expect(try fixture.store.dataVersion() == before)
        try open(fixture.path).record("test", "something happened")
        #expect(try fixture.store.dataVersion() != before)
    }

    @Test func damageThatIsMetWhileWorkingIsRememberedForTheNextStart() throws {
        let fixture = try StoreFixture()
        #expect(throws: GleanerError.self) {
            try fixture.store.read { _ in throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "malformed") }
        }
        #expect(FileManager.default.fileExists(atPath: fixture.path + "/queue.suspect"))
    }
}
