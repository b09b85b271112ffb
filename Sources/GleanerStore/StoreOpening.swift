import Foundation
import GRDB
import GleanerCore

/// Opens a deployment's database, or puts it aside and begins a fresh one when it cannot be read.
struct StoreOpening {
    struct Opened {
        var pool: DatabasePool
        var notes: [String] = []
    }

    /// How long a step waits for another process.
    static let busySeconds = 5.0
    /// The log is copied back after so many pages, so that it stays small.
    private static let checkpointPageCount = 200
    private static let logByteCountMax = 4 << 20

    let folder: DeploymentFolder
    let settings: StoreSettings

    func run() throws -> Opened {
        do {
            try refuseNewer()
            try refuseWhatIsNoDatabase()
            let pool = try connect()
            try checkWhatIsSuspected(pool)
            return Opened(pool: pool)
        } catch let error where Self.isUnreadable(error) {
            let aside = try Quarantine(folder).takeDatabase(because: "\(error)")
            let pool = try connect()
            var notes = ["the queue could not be read and was put aside in \(aside); a new one begins (\(error))"]
            notes += try Salvage(from: aside, into: pool, folder: folder).run()
            return Opened(pool: pool, notes: notes)
        }
    }

    private static func isUnreadable(_ error: any Error) -> Bool {
        if let failure = error as? DatabaseError {
            return failure.resultCode == .SQLITE_CORRUPT || failure.resultCode == .SQLITE_NOTADB
        }
        return (error as? GleanerError)?.code == .storeCorrupt
    }

    /// Looks at the first 100 bytes only: what a newer version wrote is not even opened.
    ///
    /// - Throws: ``GleanerError`` with code `store.newer`.
    func refuseNewer() throws {
        if let version = header?.version { try refuse(version: version) }
    }

    private func refuseWhatIsNoDatabase() throws {
        if let header, !header.isDatabase {
            throw GleanerError(.storeCorrupt, "\(folder.database) is not a database")
        }
    }

    /// What the database's first bytes say; `nil` where there are none.
    private var header: Header? {
        guard let file = FileHandle(forReadingAtPath: folder.database) else { return nil }
        defer { try? file.close() }
        let bytes = try? file.read(upToCount: 100)
        return bytes.flatMap { $0.isEmpty ? nil : Header(bytes: Array($0)) }
    }

    /// The head of a database's file (sqlite.org/fileformat2.html, section 1.3).
    private struct Header {
        let bytes: [UInt8]

        var isDatabase: Bool { bytes.count == 100 && bytes.starts(with: Array("SQLite format 3\0".utf8)) }
        /// The schema; `nil` for a database that is none of ours.
        var version: Int? { isDatabase && number(at: 68) == Schema.applicationID ? number(at: 60) : nil }

        private func number(at offset: Int) -> Int { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
    }

    private func refuse(version: Int) throws {
        guard version <= Schema.version else {
            throw GleanerError(
                .storeNewer,
                "\(folder.database) was made by a newer Gleaner (schema \(version); this one knows \(Schema.version))",
                remedy: "run the newer Gleaner on this deployment")
        }
    }

    private func connect() throws -> DatabasePool {
        let pool = try DatabasePool(path: folder.database, configuration: configuration)
        try pool.writeWithoutTransaction { db in
            // The pool sets NORMAL on its writer after `prepareDatabase`, and NORMAL loses acknowledged samples to
            // a power cut.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2 else {
                throw GleanerError(.storeFailed, "SQLite does not flush \(folder.database) at every commit")
            }
            try refuseForeign(db)
        }
        try Schema.migrator.migrate(pool)
        try pool.writeWithoutTransaction { db in
            // What SQLite keeps to undo a statement by would go to files beside the quota, several times what is stored.
            // Not before: migrations sort whole tables.
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
            try settle(db)
        }
        return pool
    }

    private var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(Self.busySeconds)
        configuration.maximumReaderCount = 3
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
            // Readers are prepared here too, and cannot do what follows.
            guard !db.configuration.readonly else { return }
            try db.execute(
                sql: """
                    PRAGMA auto_vacuum = INCREMENTAL;
                    PRAGMA wal_autocheckpoint = \(Self.checkpointPageCount);
                    PRAGMA journal_size_limit = \(Self.logByteCountMax);
                    """)
        }
        return configuration
    }

    /// A database without tables is one whose making was cut short.
    private func refuseForeign(_ db: Database) throws {
        let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if application == Schema.applicationID {
            return try refuse(version: Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0)
        }
        // GRDB makes tables of its own before the first migration.
        let tableCount =
            try Int.fetchOne(
                db, sql: "SELECT count(*) FROM sqlite_master WHERE name NOT GLOB 'grdb_*' AND name NOT GLOB 'sqlite_*'")
            ?? 0
        guard application == 0, tableCount == 0 else {
            throw GleanerError(.storeCorrupt, "\(folder.database) is the database of another program")
        }
    }

    /// Touches every small table, so that damage there shows now, and knows which device this is.
    private func settle(_ db: Database) throws {
        // What is known by the header alone must be in the file, not in the log.
        if header?.version != Schema.version {
            _ = try Row.fetchAll(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
        for table in ["total", "sample_count", "model_slot", "collector_state"] {
            _ = try Row.fetchAll(db, sql: "SELECT * FROM \(table)")
        }
        try db.inTransaction(.immediate) {
            try DeviceIdentity(machineIDFile: settings.machineIDFile).settle(db)
            return .commit
        }
    }

    /// Checks all pages once, after another process met damage while it worked.
    private func checkWhatIsSuspected(_ pool: DatabasePool) throws {
        guard let reason = FileManager.default.contents(atPath: folder.suspicion) else { return }
        let verdict = try pool.read { db in try String.fetchOne(db, sql: "PRAGMA quick_check(1)") }
        guard verdict == "ok" else {
            throw GleanerError(
                .storeCorrupt, "the queue is damaged: \(verdict ?? String(decoding: reason, as: UTF8.self))")
        }
        try? FileManager.default.removeItem(atPath: folder.suspicion)
    }
}
