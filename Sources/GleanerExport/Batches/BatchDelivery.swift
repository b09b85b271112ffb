import Foundation
public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Delivers a sealed batch to a folder: a stick, a network share, a disk.
public enum BatchDelivery {
    /// The name of a batch's folder below the destination.
    public static func folderName(_ id: BatchID) -> String { "batch-\(id.short)" }

    /// Copies a sealed batch to `directory` with its pictures, reads it back, and gives it its name at last.
    ///
    /// A folder of that name is always a whole, verified batch; a delivery that was cut off is begun anew. A batch that
    /// lies there already, with the same manifest and all its files, counts as delivered.
    ///
    /// - Parameters:
    ///   - picture: gives the bytes of a sample's picture, on several threads at a time. What is read back is checked
    ///     against its digest.
    ///   - progress: is told how many pictures are written.
    /// - Returns: the path of the batch's folder, and its manifest.
    /// - Throws: ``GleanerError``: `batch.conflict` when something else has the batch's name, `batch.damaged` when
    ///   bytes are not what was sealed, `file.system` when the disk fails or is full. Nothing is left behind.
    public static func deliver(
        outboxFolder: String, to directory: String, picture: @Sendable (SampleID) throws -> [UInt8],
        progress: (_ done: Int) -> Void = { _ in }
    ) throws -> (folder: String, manifest: BatchManifest) {
        let (manifest, id) = try BatchVerifier.manifest(in: outboxFolder)
        let final = "\(directory)/\(folderName(id))"
        if try isDelivered(id, at: final) {
            // It may have been cut off before its name was durable.
            try DurableFile.flushFolder(directory)
            return (final, manifest)
        }
        let partial = "\(directory)/.partial-\(id.short)"
        try removeLeftover(partial)
        guard mkdir(partial, 0o755) == 0 else {
            throw GleanerError.system("cannot make the folder", partial, errno: errno)
        }
        do {
            let barrier = try WriteBarrier(partial)
            try fill(partial, from: outboxFolder, manifest, picture: picture, progress: progress)
            try barrier.flush()
            try BatchVerifier.verify(partial)
            guard rename(partial, final) == 0 else {
                throw GleanerError.system("cannot rename to", final, errno: errno)
            }
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
        try DurableFile.flushFolder(directory)
        return (final, manifest)
    }

    private static func isDelivered(_ id: BatchID, at path: String) throws -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return false }
            throw GleanerError.system("cannot read", path, errno: errno)
        }
        let remedy = "move it away, then deliver again"
        guard status.st_mode & S_IFMT == S_IFDIR, let found = try? BatchVerifier.manifest(in: path), found.id == id
        else {
            throw GleanerError(.batchConflict, "\(path) is there already and is another thing", remedy: remedy)
        }
        do {
            try BatchVerifier.verify(path)
        } catch let error as GleanerError where error.code == .batchDamaged {
            throw GleanerError(
                .batchConflict, "\(path) was delivered before, and is damaged now", remedy: remedy, cause: error)
        }
        return true
    }

    /// What a delivery that was cut off left; a link of that name is removed itself, never followed.
    private static func removeLeftover(_ partial: String) throws {
        var status = stat()
        guard lstat(partial, &status) == 0 else { return }
        do {
            try FileManager.default.removeItem(atPath: partial)
        } catch {
            throw GleanerError(
                .fileSystem, "cannot remove what an earlier delivery left at \(partial)", remedy: "remove it",
                cause: error)
        }
    }

    /// What has to be known of a sample to write its picture.
    private struct Placed: Decodable {
        var id: SampleID
        var file: String
        var bytes: Int
    }

    private static let groupCount = 64

    private static func fill(
        _ folder: String, from outbox: String, _ manifest: BatchManifest,
        picture: @Sendable (SampleID) throws -> [UInt8], progress: (Int) -> Void
    ) throws {
        for name in Set(manifest.files.flatMap { BatchPath.folders(of: $0.path) }).sorted() {
            guard mkdir("\(folder)/\(name)", 0o755) == 0 || errno == EEXIST else {
                throw GleanerError.system("cannot make the folder", "\(folder)/\(name)", errno: errno)
            }
        }
        var unwritten = Set(manifest.files.map(\.path))
        let packed = Set(manifest.files.map(\.path).filter { PackedFile.exists($0, in: outbox) })
        var group: [Placed] = []
        var done = 0
        func writeGroup() throws {
            try Workers.forEach(group) { try write(try picture($0.id), of: $0, to: folder) }
            done += group.count
            progress(done)
            group.removeAll(keepingCapacity: true)
        }
        try JSONLines.forEach(Placed.self, in: "\(outbox)/\(BatchManifest.samplesFileName)") { sample in
            if packed.contains(sample.file) { return }
            guard unwritten.remove(sample.file) != nil else {
                throw BatchVerifier.damaged("the manifest of \(outbox) does not list the picture '\(sample.file)'")
            }
            group.append(sample)
            if group.count == groupCount { try writeGroup() }
        }
        try writeGroup()
        // The manifest comes last: it is what makes a folder a batch.
        for path in unwritten.sorted() + [BatchManifest.fileName] {
            let copy = try BufferedFile("\(folder)/\(path)")
            if packed.contains(path) {
                try PackedFile.forEachPiece(of: path, in: outbox, picture: picture) { try copy.write($0) }
            } else {
                try copy.write(contentsOf: "\(outbox)/\(path)")
            }
            try copy.finish()
        }
    }

    private static func write(_ bytes: [UInt8], of sample: Placed, to folder: String) throws {
        guard bytes.count == sample.bytes else {
            throw GleanerError(
                .batchDamaged, "the picture of sample \(sample.id) is not the one that was kept",
                remedy: "the disk of the device may be failing; drop the sample and seal the batch again")
        }
        let file = try BufferedFile("\(folder)/\(sample.file)")
        try file.write(bytes)
        try file.finish()
    }
}
