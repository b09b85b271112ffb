import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

/// Deployments of every released schema, and one of a schema that is not known yet.
@Suite struct UpgradeTests {
    private static let versions = 1...Schema.version

    /// Calls `body` with the folder of a deployment of an old version, which is removed afterwards.
    private func withDeployment(_ version: Int, _ body: (OldDeployment, String) throws -> Void) throws {
        let old = OldDeployment(version: version)
        if ProcessInfo.processInfo.environment["GLEANER_MAKE_DEPLOYMENTS"] != nil { try old.makeIfMissing() }
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try old.place(in: path)
        try body(old, path)
    }

    private func open(_ path: String) throws -> DeploymentStore {
        var settings = StoreFixture.settings
        // A device that has no name of its own stays what it was.
        settings.machineIDFile = "/nowhere"
        return try DeploymentStore.open(path, settings: settings)
    }

    /// Every row of a table, as text that sorts.
    private func rows(of table: String, _ columns: [String], _ db: Database) throws -> [String] {
        let values = columns.map { "quote(\"\($0)\")" }.joined(separator: " || ', ' || ")
        return try String.fetchAll(db, sql: "SELECT \(values) FROM \"\(table)\"").sorted()
    }

    @Test(arguments: versions) func everySchemaIsWhatItWasWhenItWasReleased(_ version: Int) throws {
        try withDeployment(version) { old, _ in
            let definitions = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
            let released = try old.load().read { try Row.fetchAll($0, sql: definitions) }
            let made = try old.emptyQueue().read { try Row.fetchAll($0, sql: definitions) }
            #expect(released == made)
        }
    }

    @Test(arguments: versions) func everyRowOfAnOldDeploymentIsThereAfterwards(_ version: Int) throws {
        try withDeployment(version) { old, path in
            let store = try open(path)
            #expect(store.openingNotes.isEmpty)
            let before = try old.load()
            let tables = try before.read { db in
                try String.fetchAll(
                    db,
                    sql: """
                        SELECT name FROM sqlite_master
                        WHERE type = 'table' AND name NOT GLOB 'grdb_*' AND name NOT GLOB 'sqlite_*'
                        """)
            }
            var rowCount = 0
            for table in tables {
                let (columns, wanted) = try before.read { db in
                    let columns = try db.columns(in: table).map(\.name)
                    return (columns, try rows(of: table, columns, db))
                }
                #expect(try store.read { try rows(of: table, columns, $0) } == wanted, "\(table)")
                rowCount += wanted.count
            }
            #expect(rowCount >= 50)
        }
    }

    @Test(arguments: versions) func anOldDeploymentIsWholeAndGoesOn(_ version: Int) throws {
        try withDeployment(version) { _, path in
            let fixture = try StoreFixture(path: path)
            let store = fixture.store
            #expect(store.openingNotes.isEmpty)
            try fixture.expectConservation()
            #expect(fixture.run.counter == 2 && fixture.device == OldDeployment.device)
            for sequence in 1...OldDeployment.sampleCount {
                let id = OldDeployment.id(sequence)
                #expect(try store.sample(id.short).record.id == id)
                if sequence == 4 {
                    let error = try #require(throws: GleanerError.self) { try store.picture(of: id) }
                    #expect(error.code == .sampleEvicted)
                } else {
                    #expect(try store.picture(of: id) == OldDeployment.picture)
                }
            }
            #expect(try store.sample("1-2").record.label?.value == .classified("3"))
            #expect(try store.models().map(\.state) == [.rejected, .active, .previous])
            #expect(try store.status().damagedCount == 0)

            // What was on its way arrives, a label comes back, and a frame is kept.
            #expect(try store.members(of: 2, from: 0, limit: 10).map(\.id) == [OldDeployment.id(1)])
            try store.acknowledge(2, receipt: OldDeployment.sealed)
            #expect(try fixture.label(OldDeployment.id(1), .classified("other")).applied == 1)
            let kept = try fixture.keep()
            #expect(try store.sample(kept.short).record.id == kept)
            #expect(try fixture.deliver(.labeling).contains(kept))
            try fixture.expectConservation()

            let (integrity, strangers) = try store.read { db in
                (
                    try String.fetchAll(db, sql: "PRAGMA integrity_check"),
                    try Row.fetchAll(db, sql: "PRAGMA foreign_key_check")
                )
            }
            #expect(integrity == ["ok"] && strangers.isEmpty)
            #expect(try open(path).sample(kept.short).record.id == kept)
        }
    }

    @Test(arguments: versions) func anUpgradeIsKnownByTheHeaderAlone(_ version: Int) throws {
        try withDeployment(version) { _, path in
            let store = try open(path)
            // The queue is open, so that nothing was written back at its closing: as after a power cut.
            let header = try #require(FileHandle(forReadingAtPath: path + "/queue.sqlite")).read(upToCount: 64)
            #expect(Array(try #require(header)[60..<64]) == [0, 0, 0, UInt8(Schema.version)])
            withExtendedLifetime(store) {}
        }
    }

    @Test func aDeploymentOfANewerSchemaIsRefusedInWordsAndNothingInItChanges() throws {
        try withDeployment(Schema.version) { _, path in
            let queue = try DatabaseQueue(path: path + "/queue.sqlite")
            try queue.writeWithoutTransaction {
                try $0.execute(
                    sql: """
                        CREATE TABLE tomorrow (key INTEGER PRIMARY KEY) STRICT;
                        INSERT INTO grdb_migrations VALUES ('\(Schema.version + 1)');
                        PRAGMA user_version = \(Schema.version + 1)
                        """)
            }
            try queue.close()
            let before = try content(of: path)
            let error = try #require(throws: GleanerError.self) { try open(path) }
            #expect(error.code == .storeNewer)
            #expect(error.message.contains("\(path)/queue.sqlite was made by a newer Gleaner"))
            #expect(error.message.contains("schema \(Schema.version + 1); this one knows \(Schema.version)"))
            #expect(error.remedy == "run the newer Gleaner on this deployment")
            #expect(try content(of: path) == before)
        }
    }

    /// Every file below a folder with its digest, and every folder.
    private func content(of path: String) throws -> [String: Digest?] {
        var content: [String: Digest?] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
            content[name] = .some(try? Digest(ofFile: "\(path)/\(name)"))
        }
        return content
    }
}
