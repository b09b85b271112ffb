import GRDB
public import GleanerCore

extension GleanerError.Code {
    /// The folder holds no deployment.
    public static let deploymentMissing = Self("deployment.missing")
    /// The deployment lies where nothing can be written.
    public static let deploymentReadOnly = Self("deployment.read_only")
    /// The database was made by a newer version of Gleaner.
    public static let storeNewer = Self("store.newer")
    /// The database is damaged.
    public static let storeCorrupt = Self("store.corrupt")
    /// The volume has no room left for the database.
    public static let storeFull = Self("store.full")
    /// Another process kept the database locked.
    public static let storeBusy = Self("store.busy")
    /// The database could not be read or written for another reason.
    public static let storeFailed = Self("store.failed")
    /// Another collector runs on this deployment.
    public static let collectorRunning = Self("collector.running")
    /// Another export runs on this deployment.
    public static let exportRunning = Self("export.running")
    /// Another import of a model runs on this deployment.
    public static let syncRunning = Self("sync.running")
    public static let importRunning = Self("import.running")
    /// A sample has no pixels any more.
    public static let sampleEvicted = Self("sample.evicted")
    /// A sample belongs to a batch that awaits its acknowledgement.
    public static let sampleHeld = Self("sample.held")
    /// A batch is not in the state that the step needs.
    public static let batchState = Self("batch.state")
    /// An acknowledgement carries another digest than its batch.
    public static let batchReceipt = Self("batch.receipt")
    /// A model slot is not in the state that the step needs.
    public static let modelState = Self("model.state")
}

extension GleanerError {
    /// A failure of SQLite in the words of this library; any other error as it is.
    static func store(_ error: any Error, _ path: String) -> any Error {
        guard let failure = error as? DatabaseError else { return error }
        let (code, what, remedy): (Code, String, String) =
            switch failure.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB:
                (.storeCorrupt, "is damaged", "start again: what cannot be read is put aside, and collecting goes on")
            case .SQLITE_FULL: (.storeFull, "cannot grow", "make room on the volume")
            case .SQLITE_BUSY, .SQLITE_LOCKED: (.storeBusy, "is in use", "try again when the other command is done")
            case .SQLITE_READONLY, .SQLITE_PERM:
                (.deploymentReadOnly, "cannot be written", "mount the disk writable, or give this user the right to")
            case .SQLITE_IOERR, .SQLITE_CANTOPEN:
                (.storeFailed, "cannot be read or written", "check the disk: what was written last was not stored")
            default: (.storeFailed, "refused a step", "")
            }
        let reason = failure.message ?? failure.resultCode.description
        return GleanerError(code, "the queue \(path) \(what): \(reason)", remedy: remedy)
    }
}
