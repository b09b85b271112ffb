import Foundation
import GRDB
import GleanerCore
import Synchronization

extension DeploymentStore {
    /// Makes room for the files of a model that are about to be written below the deployment.
    ///
    /// - Throws: ``GleanerError`` with code `store.full` when nothing more may be evicted for them.
    public func makeRoom(forModelOf byteCount: Int) throws {
        guard try makeRoom(byteCount, for: .deployment) else {
            throw full(
                "a model of \(ByteCount.format(byteCount))",
                remedy: "export batches, release kept samples, or raise storage.quota")
        }
    }

    /// Makes room for the files of an open batch, which are written to the outbox beside the pictures that it refers to.
    ///
    /// - Parameter filesPerSample: files or entries of an archive that its views have for each sample.
    /// - Throws: ``GleanerError`` with code `store.full`. A smaller batch may find room: a part of the quota is
    ///   reserved for batches.
    public func makeRoom(forBatch number: Int, filesPerSample: Int = 0) throws {
        let byteCount = try read { db in
            try Self.estimatedByteCount(ofBatch: number, filesPerSample: filesPerSample, db)
        }
        guard try makeRoom(byteCount, for: .outbox) else {
            throw full(
                "the files of a batch, about \(ByteCount.format(byteCount)),",
                remedy: "export fewer samples at once (--limit), or raise storage.quota")
        }
    }

    private func full(_ what: String, remedy: String) -> GleanerError {
        GleanerError(.storeFull, "there is no room for \(what) in \(folder.path)", remedy: remedy)
    }

    /// Lines of samples are as long as their records; a view of a sample is at most about twice as long. Each file ends in
    /// a page of its own, and an archive's headers and padding take no more.
    private static func estimatedByteCount(
        ofBatch number: Int, filesPerSample: Int, _ db: Database
    ) throws -> Int {
        let records =
            try Int.fetchOne(
                db,
                sql: "SELECT sum(length(json)) FROM batch_sample JOIN record USING (sample_key) WHERE number = ?",
                arguments: [number]) ?? 0
        let open = try batch(number, db)
        let formatCount = open.formats.count
        let fileCount = 4 + 2 * formatCount + filesPerSample * open.header.sampleCount
        return records * (1 + 2 * formatCount) + (4 << 10) * fileCount
    }

    private func makeRoom(_ byteCount: Int, for purpose: Room.Purpose) throws -> Bool {
        func room() throws -> Room { Room(try diskUse(), settings, for: purpose) }
        return try commitTurn.withLock { _ in
            if try room().left >= byteCount { return true }
            try removeRetiredModels()
            let room = try room()
            if room.left < byteCount {
                let files = try write { db in
                    try releaseDelivered(db)
                    var eviction = try Eviction(db, room: room, settings: settings)
                    _ = try eviction.free(byteCount)
                    return try Self.unwantedFiles(db)
                }
                pictures.remove(files)
                try shrinkDatabase()
            }
            return try Room(diskUse(), settings, for: purpose).left >= byteCount
        }
    }

    /// Makes room for a group; samples that find none become drops. Returns how many lost their pixels for it, and
    /// which of them will never be labeled.
    ///
    /// It is a transaction of its own, and the files are gone before the first new byte is written: the quota holds
    /// at every moment.
    func makeRoom(for group: inout CommitGroup) throws -> (evictedCount: Int, expired: Set<LocalSampleID>) {
        let overhead = Room.overhead(of: group)
        let use = try diskUse()
        if Room(use, settings).left >= overhead, try refusals(group, overhead, use).isEmpty { return (0, []) }
        try removeRetiredModels()
        let room = Room(try diskUse(), settings)
        let (evicted, refused, files) = try write { db in
            try releaseDelivered(db)
            var eviction = try Eviction(db, room: room, settings: settings)
            // First to where the quota is, should it be a smaller one by now: whatever the newcomers are worth.
            _ = try eviction.free(0)
            eviction.room.left -= overhead
            var refused: Set<Int> = []
            // The most valuable first, so that the least valuable find the room that is left.
            let order = group.kept.indices.sorted { group.kept[$0].evictionKey < group.kept[$1].evictionKey }
            for position in order where try !eviction.admit(group.kept[position]) { refused.insert(position) }
            return ((eviction.evictedCount, eviction.expired), refused, try Self.unwantedFiles(db))
        }
        pictures.remove(files)
        group.refuse(refused)
        if try !refusals(group, overhead, diskUse()).isEmpty {
            try shrinkDatabase()
            group.refuse(try refusals(group, overhead, diskUse()))
        }
        return evicted
    }

    /// The samples for which there is no room as things are.
    private func refusals(_ group: CommitGroup, _ overhead: Int, _ use: DiskUse) throws -> Set<Int> {
        var room = Room(use, settings)
        room.left -= overhead
        var audit = try read { db in
            try Int.fetchOne(
                db, sql: "SELECT sum(disk_bytes) FROM sample_count WHERE pixels = 'present' AND audit = 1") ?? 0
        }
        var refused: Set<Int> = []
        for (position, kept) in group.kept.enumerated() {
            let isWithinShare = !kept.isAudit || audit + kept.diskByteCount <= settings.auditByteCountMax
            guard isWithinShare, room.fits(kept.diskByteCount, kept.home) else {
                refused.insert(position)
                continue
            }
            room.take(kept.diskByteCount, kept.home)
            if kept.isAudit { audit += kept.diskByteCount }
        }
        return refused
    }

    /// Gives free pages and the log back to the volume. A reader in the way only makes it less.
    private func shrinkDatabase() throws {
        do {
            try pool.writeWithoutTransaction { db in
                // Nobody collects while this waits for a reader.
                try db.execute(sql: "PRAGMA busy_timeout = 100")
                defer { try? db.execute(sql: "PRAGMA busy_timeout = \(Int(StoreOpening.busySeconds * 1000))") }
                // Both do their work row by row: they must be read to the end.
                _ = try Row.fetchAll(db, sql: "PRAGMA incremental_vacuum")
                _ = try Row.fetchAll(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            return
        }
    }

    static func unwantedFiles(_ db: Database) throws -> [String] {
        try String.fetchAll(db, sql: "SELECT path FROM unwanted_file")
    }

    /// Forgets the names of files that are gone.
    func forgetRemovedFiles(_ db: Database) throws {
        for path in try Self.unwantedFiles(db) where !FileManager.default.fileExists(atPath: pictures.absolute(path)) {
            try db.run("DELETE FROM unwanted_file WHERE path = ?", [path])
        }
    }

    /// The hour of collecting at the last commit.
    static func currentHour(_ db: Database) throws -> Int {
        let seconds = try Double.fetchOne(db, sql: "SELECT instant FROM collector_state") ?? 0
        return hour(of: Instant(seconds: seconds))
    }
}
