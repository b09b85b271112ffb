import CLinux
import Foundation
public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A folder: a stick, a network share, a disk, the spool of another program.
///
/// Files go to a folder with a hidden name first, are flushed and read back, and the whole gets its name at last: a
/// folder of that name is always a whole, verified batch. A delivery that was cut off leaves the hidden folder, and the
/// next one keeps what is whole in it.
public struct FolderDestination: Destination {
    /// How batches lie in the folder.
    public enum Layout: String, Sendable, CaseIterable {
        /// `batch-<id>/`: one device, one person.
        case flat
        /// `device=<id>/date=<day>/batch-<id>/`: for many devices, and for engines that read such folders as columns.
        case partitioned
    }

    let root: String
    private let layout: Layout
    private let isMounted: Bool

    /// - Parameters:
    ///   - path: absolute. It must be there: a stick that is not plugged in is no reason to fill the device's own disk.
    ///   - isMounted: whether another disk must be mounted there.
    public init(_ path: String, layout: Layout = .partitioned, isMounted: Bool = false) {
        root = path
        self.layout = layout
        self.isMounted = isMounted
    }

    public var place: String { "folder:\(root)" }

    /// Somebody who plugs a stick in stands beside it and waits.
    public var absenceSecondsMax: Double { 3 }

    public func check() async throws {
        try await blocking { _ in try requireReachable() }
    }

    public func deliver(_ batch: any SealedBatch, _ delivery: Delivery) async throws -> Receipt {
        try await blocking { cancellation in
            try requireReachable()
            let parent = folder(for: batch)
            try DurableFile.makeFolder(parent)
            let final = "\(parent)/\(Self.folderName(batch.id))"
            if try !isDelivered(batch, at: final) {
                try write(batch, to: final, delivery, cancellation)
            }
            // It may have been cut off before its name was durable.
            try DurableFile.flushFolder(parent)
            return Receipt(batch: batch.id.digest, place: final)
        }
    }

    /// The name of a batch's folder.
    public static func folderName(_ id: BatchID) -> String { "batch-\(id.short)" }

    private func folder(for batch: any SealedBatch) -> String {
        switch layout {
        case .flat: root
        case .partitioned: "\(root)/\(BatchPath.partition(of: batch))"
        }
    }

    // MARK: Steps

    private func requireReachable() throws {
        var status = stat()
        guard stat(root, &status) == 0 else {
            if errno == EACCES || errno == EPERM { throw GleanerError.system("cannot open", root, errno: errno) }
            throw GleanerError(
                .destinationOffline, "\(root) is not there: \(String(cString: strerror(errno)))",
                remedy: "plug the stick in or mount the share; what waits leaves by itself then")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw GleanerError(
                .destinationRefused, "\(root) is not a folder", remedy: "name a folder, or make one there")
        }
        if isMounted {
            var parent = stat()
            guard stat("\(root)/..", &parent) == 0, parent.st_dev != status.st_dev else {
                throw GleanerError(
                    .destinationOffline, "nothing is mounted at \(root)",
                    remedy: "plug the stick in or mount the share; what waits leaves by itself then")
            }
        }
        guard access(root, W_OK | X_OK) == 0 else {
            throw GleanerError(
                .destinationRefused, "\(root) cannot be written: \(String(cString: strerror(errno)))",
                remedy: "mount it writable, or give this user the right to write there")
        }
    }

    private func isDelivered(_ batch: any SealedBatch, at final: String) throws -> Bool {
        var status = stat()
        guard lstat(final, &status) == 0 else {
            if errno == ENOENT { return false }
            throw GleanerError.system("cannot read", final, errno: errno)
        }
        let remedy = "move it away; the batch is delivered again then"
        guard status.st_mode & S_IFMT == S_IFDIR, let found = try? BatchVerifier.manifest(in: final),
            found.id == batch.id
        else {
            throw GleanerError(.batchConflict, "\(final) is there already and is another thing", remedy: remedy)
        }
        do {
            try BatchVerifier.verify(final)
        } catch let error as GleanerError where error.code == .batchDamaged {
            throw GleanerError(
                .batchConflict, "\(final) was delivered before, and is damaged now", remedy: remedy, cause: error)
        }
        return true
    }

    private func write(
        _ batch: any SealedBatch, to final: String, _ delivery: Delivery, _ cancellation: Cancellation
    ) throws {
        let partial = "\(PathName.parent(of: final))/.partial-\(batch.id.short)"
        try makePartial(partial)
        let barrier = try WriteBarrier(partial)
        try requireFit(batch, partial)
        do {
            try fill(partial, from: batch, delivery, cancellation)
            try readBack(batch, from: partial, beside: barrier)
        } catch let error as GleanerError where error.code == .batchDamaged || error.code == .sampleDamaged {
            // Nothing of it may be taken for whole the next time.
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
        guard rename(partial, final) == 0 else { throw GleanerError.system("cannot rename to", final, errno: errno) }
    }

    /// Finds every byte as it was sealed, while the barrier flushes. What is read from this device is not looked at before: a
    /// copy that is right shows that its source was.
    ///
    /// Large files are read first: the disk was given them while others were copied.
    private func readBack(_ batch: any SealedBatch, from partial: String, beside barrier: WriteBarrier) throws {
        let files = batch.manifest.files
        do {
            try barrier.flush {
                try BatchVerifier.verify(files.filter { $0.bytes >= Self.writeOutByteCountMin }, in: partial)
            }
            try BatchVerifier.verify(
                partial, as: batch, reading: files.filter { $0.bytes < Self.writeOutByteCountMin })
        } catch let error as GleanerError where error.code == .batchDamaged {
            for file in batch.manifest.files where !BatchVerifier.holds(file, in: partial) {
                try batch.forEachPiece(of: file) { _ in }
            }
            throw error
        }
    }

    /// What an earlier delivery left is kept if it is a folder; a link of that name is removed itself, never followed.
    private func makePartial(_ partial: String) throws {
        var status = stat()
        if lstat(partial, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR, (try? BatchTree(partial)) != nil { return }
            do {
                try FileManager.default.removeItem(atPath: partial)
            } catch {
                throw GleanerError(
                    .fileSystem, "cannot remove what an earlier delivery left at \(partial)", remedy: "remove it",
                    cause: error)
            }
        }
        guard mkdir(partial, 0o755) == 0 else {
            throw GleanerError.system("cannot make the folder", partial, errno: errno)
        }
    }

    /// Finds out before the first byte whether there is room, and whether the file system can have the names.
    private func requireFit(_ batch: any SealedBatch, _ partial: String) throws {
        let opened = try DescriptorFile(partial, flags: O_RDONLY | O_DIRECTORY)
        let kind = gleaner_filesystem_kind(opened.descriptor)
        if [0x4D44, 0x2011_BAB0].contains(kind), let problem = FATNames.problem(in: batch.manifest.files.map(\.path)) {
            throw GleanerError(
                .destinationRejected, "the FAT file system of \(root) cannot have \(problem)",
                remedy: "export in another format, rename the class, or format the stick with ext4")
        }
        var space = statvfs()
        guard fstatvfs(opened.descriptor, &space) == 0 else { return }
        let free = Int(space.f_bavail) * Int(space.f_frsize)
        let there = try BatchTree(partial).files.reduce(0) { sum, file in
            var status = stat()
            return lstat("\(partial)/\(file)", &status) == 0 ? sum + Int(status.st_size) : sum
        }
        // Each file ends in a block of its own.
        let needed = batch.byteCount + batch.manifest.files.count * Int(space.f_frsize)
        guard needed - there <= free else {
            throw GleanerError(
                .fileSystem,
                "\(root) has \(ByteCount.format(free)) free, and the batch needs \(ByteCount.format(needed - there))",
                remedy: "free space there, use a larger stick, or send fewer samples at once")
        }
    }

    private static let groupCount = 64
    /// The disk begins with a file of so many bytes while others are copied; for smaller ones that costs more than it
    /// gains.
    private static let writeOutByteCountMin = 64 << 10

    private func fill(
        _ folder: String, from batch: any SealedBatch, _ delivery: Delivery, _ cancellation: Cancellation
    ) throws {
        let files = batch.manifest.files
        for name in Set(files.flatMap { BatchPath.folders(of: $0.path) }).sorted() {
            guard mkdir("\(folder)/\(name)", 0o755) == 0 || errno == EEXIST else {
                throw GleanerError.system("cannot make the folder", "\(folder)/\(name)", errno: errno)
            }
        }
        let listed = Set(files.map(\.path))
        var there: Set<String> = []
        for path in try BatchTree(folder).files {
            if listed.contains(path) { there.insert(path) } else { unlink("\(folder)/\(path)") }
        }
        for start in stride(from: 0, to: files.count, by: Self.groupCount) {
            try cancellation.check()
            let group = Array(files[start..<min(start + Self.groupCount, files.count)])
            try Workers.forEach(group) { [there] file in
                if there.contains(file.path) {
                    if BatchVerifier.holds(file, in: folder) { return }
                    unlink("\(folder)/\(file.path)")
                }
                try write(file, of: batch, to: folder, cancellation)
            }
            delivery.progress(group.reduce(0) { $0 + $1.bytes })
        }
        // The manifest comes last: it is what makes a folder a batch.
        let manifest = "\(folder)/\(BatchManifest.fileName)"
        unlink(manifest)
        try DescriptorFile(manifest, flags: O_WRONLY | O_CREAT | O_EXCL).write(batch.manifestData)
        delivery.progress(batch.manifestData.count)
    }

    private func write(
        _ file: BatchManifest.File, of batch: any SealedBatch, to folder: String, _ cancellation: Cancellation
    ) throws {
        let copy = try DescriptorFile(
            "\(folder)/\(file.path)", flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        try batch.forEachUncheckedPiece(of: file, in: 0..<file.bytes) { piece in
            try cancellation.check()
            try copy.write(piece)
        }
        if file.bytes >= Self.writeOutByteCountMin { gleaner_begin_writing_out(copy.descriptor) }
    }
}
