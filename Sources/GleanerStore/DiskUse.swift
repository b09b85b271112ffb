import Foundation
import GRDB
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a deployment takes of its disk, and what is free. All in bytes.
public struct DiskUse: Sendable, Hashable {
    /// The database with its log.
    public var database = 0
    /// Pages of ``database`` that hold nothing and take the next rows.
    public var reusable = 0
    /// Files of pictures, those included whose removal is still to come.
    public var frames = 0
    public var models = 0
    public var outbox = 0
    /// What others may still write on this volume.
    public var volumeFree = 0

    /// What ``database`` counts and its files do not take yet.
    public var pending = 0

    /// What counts against the quota.
    public var used: Int { database + frames + models + outbox }

    /// The log is counted with at least this much, which it takes again and again.
    static let logByteCount = 1 << 20
}

extension DeploymentStore {
    /// Measures the disk: a few calls of the system, whatever the number of samples.
    public func diskUse() throws -> DiskUse {
        var use = DiskUse()
        let (pageCount, freeCount, pageSize, frames) = try read { db in
            (
                try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0,
                try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0,
                try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0, try frameBytes(db)
            )
        }
        let file = Self.byteCount(ofFile: folder.database)
        let log = Self.byteCount(ofFile: folder.database + "-wal")
        // Pages that are still in the log only will be in the file.
        use.pending = max(pageCount * pageSize - file, 0) + max(DiskUse.logByteCount - log, 0)
        use.database = file + log + use.pending + Self.byteCount(ofFile: folder.database + "-shm")
        use.reusable = freeCount * pageSize
        use.frames = frames
        use.models = Self.byteCount(ofFolder: folder.models)
        use.outbox = Self.byteCount(ofFolder: folder.outbox)
        var volume = statvfs()
        guard statvfs(folder.path, &volume) == 0 else {
            throw GleanerError.system("cannot measure the volume of", folder.path, errno: errno)
        }
        use.volumeFree = Int(
            clamping: UInt64(volume.f_bavail).multipliedReportingOverflow(by: UInt64(volume.f_frsize)).0)
        return use
    }

    private func frameBytes(_ db: Database) throws -> Int {
        let counted =
            try Int.fetchOne(
                db, sql: "SELECT sum(disk_bytes) FROM sample_count WHERE pixels = 'present' AND home = 'file'") ?? 0
        let unwanted = try Row.fetchAll(db, sql: "SELECT path, bytes FROM unwanted_file")
        return unwanted.reduce(counted) { sum, row in
            access(pictures.absolute(row["path"]), F_OK) == 0 ? sum + (row["bytes"] as Int) : sum
        }
    }

    static func byteCount(ofFile path: String) -> Int {
        var status = stat()
        return lstat(path, &status) == 0 ? PictureHome.diskByteCount(Int(status.st_size)) : 0
    }

    static func byteCount(ofFolder path: String) -> Int {
        guard let names = FileManager.default.enumerator(atPath: path) else { return 0 }
        return names.reduce(0) { sum, name in sum + byteCount(ofFile: "\(path)/\(name)") }
    }
}
