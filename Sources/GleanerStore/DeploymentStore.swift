import Foundation
import GRDB
import GleanerCore
import Synchronization

/// Everything that one deployment keeps: samples with their pixels, labels, batches, the ledger and model slots.
///
/// The disk is the truth. What a method reported as done is durable; what it threw on is not there at all. Every
/// method blocks and may be called from any thread; several processes may use one deployment at once. Only one of
/// them collects (``DeploymentLock``).
public final class DeploymentStore: Sendable {
    public let folder: DeploymentFolder
    public let settings: StoreSettings
    /// What opening had to repair, for the log; usually empty.
    public let openingNotes: [String]

    let pool: DatabasePool
    /// Kept open for ``dataVersion()``, which compares what one connection saw.
    private let watcher: DatabaseQueue
    let pictures: PictureHome
    /// Held through a whole commit: two groups must not count on the same room.
    let commitTurn = Mutex(())

    /// Opens the deployment in `folder`, making or migrating its database.
    ///
    /// A database that cannot be read is put aside in `quarantine/` with what belonged to it, and a fresh one
    /// begins: see ``openingNotes``.
    ///
    /// - Throws: ``GleanerError`` with code `deployment.missing`, `deployment.read_only` or `store.newer`. Nothing
    ///   was touched then.
    public static func open(_ folder: String, settings: StoreSettings) throws -> DeploymentStore {
        let folder = DeploymentFolder(folder)
        // Before anything is made there.
        try StoreOpening(folder: folder, settings: settings).refuseNewer()
        try folder.makeFolders()
        let turn = try DeploymentLock(.opening, in: folder)
        defer { withExtendedLifetime(turn) {} }
        do {
            let opened = try StoreOpening(folder: folder, settings: settings).run()
            return try DeploymentStore(folder: folder, settings: settings, opened: opened)
        } catch {
            throw GleanerError.store(error, folder.database)
        }
    }

    private init(folder: DeploymentFolder, settings: StoreSettings, opened: StoreOpening.Opened) throws {
        self.folder = folder
        self.settings = settings
        openingNotes = opened.notes
        pool = opened.pool
        pictures = PictureHome(folder: folder, inlineByteCountMax: settings.inlineByteCountMax)
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(StoreOpening.busySeconds)
        watcher = try DatabaseQueue(path: folder.database, configuration: configuration)
    }

    /// A number that differs from an earlier one when anything was committed in between, by any process.
    ///
    /// It costs microseconds: a running collector looks now and then, and reads models, locks or labels again only
    /// when it changed. It means nothing in another process or after opening again.
    public func dataVersion() throws -> Int {
        try mappingErrors {
            try watcher.unsafeRead { db in try Int.fetchOne(db, sql: "PRAGMA data_version") ?? 0 }
        }
    }

    /// One short transaction that writes: `BEGIN IMMEDIATE`, all or nothing.
    func write<T>(_ body: (Database) throws -> T) throws -> T {
        try mappingErrors { try pool.write(body) }
    }

    /// One consistent view. Never kept open while a caller works: an open reader keeps the log from being reset.
    func read<T>(_ body: (Database) throws -> T) throws -> T {
        try mappingErrors { try pool.read(body) }
    }

    private func mappingErrors<T>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch {
            let mapped = GleanerError.store(error, folder.database)
            if (mapped as? GleanerError)?.code == .storeCorrupt { raiseSuspicion("\(error)") }
            throw mapped
        }
    }

    /// Leaves word for the next opening, which has the time to check the whole database.
    private func raiseSuspicion(_ reason: String) {
        try? DurableFile.write(Data(reason.utf8), to: folder.suspicion)
    }
}

extension Database {
    /// Runs a statement that is compiled once per connection.
    func run(_ sql: String, _ arguments: StatementArguments = []) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// The first row of a statement that is compiled once per connection.
    func first(_ sql: String, _ arguments: StatementArguments = []) throws -> Row? {
        try Row.fetchOne(cachedStatement(sql: sql), arguments: arguments)
    }
}
