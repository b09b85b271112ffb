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
    /// - Parameter picture: gives the bytes of a sample's picture; they are checked against its digest.
    /// - Returns: the path of the batch's folder.
    /// - Throws: ``GleanerError``: `batch.conflict` when something else has the batch's name, `batch.damaged` when
    ///   bytes are not what was sealed, `file.system` when the disk fails or is full. Nothing is left behind.
    public static func deliver(
        outboxFolder: String, to directory: String, picture: (SampleID) throws -> [UInt8]
    ) throws -> String {
        let (manifest, id) = try BatchVerifier.manifest(in: outboxFolder)
        let final = "\(directory)/\(folderName(id))"
        if try isDelivered(id, at: final) { return final }
        let partial = "\(directory)/.partial-\(id.short)"
        try removeLeftover(partial)
        guard mkdir(partial, 0o755) == 0 else {
            throw GleanerError.system("cannot make the folder", partial, errno: errno)
        }
        do {
            try fill(partial, from: outboxFolder, manifest, picture: picture)
            try flush(partial)
            try BatchVerifier.verify(partial)
            guard rename(partial, final) == 0 else {
                throw GleanerError.system("cannot rename to", final, errno: errno)
            }
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw error
        }
        try DurableFile.flushFolder(directory)
        return final
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

    private static func fill(
        _ folder: String, from outbox: String, _ manifest: BatchManifest, picture: (SampleID) throws -> [UInt8]
    ) throws {
        for name in Set(manifest.files.flatMap { BatchPath.folders(of: $0.path) }).sorted() {
            guard mkdir("\(folder)/\(name)", 0o755) == 0 || errno == EEXIST else {
                throw GleanerError.system("cannot make the folder", "\(folder)/\(name)", errno: errno)
            }
        }
        var unwritten = Set(manifest.files.map(\.path))
        let packed = Set(manifest.files.map(\.path).filter { PackedFile.exists($0, in: outbox) })
        try SampleLines.forEach(in: "\(outbox)/\(BatchManifest.samplesFileName)") { sample in
            if packed.contains(sample.file) { return }
            guard unwritten.remove(sample.file) != nil else {
                throw BatchVerifier.damaged("the manifest of \(outbox) does not list the picture '\(sample.file)'")
            }
            try write(try picture(sample.id), of: sample, to: folder)
        }
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

    private static func write(_ bytes: [UInt8], of sample: SampleRecord, to folder: String) throws {
        guard bytes.count == sample.bytes, Digest(of: bytes) == sample.sha256 else {
            throw GleanerError(
                .batchDamaged, "the picture of sample \(sample.id) is not the one that was kept",
                remedy: "the disk of the device may be failing; drop the sample and seal the batch again")
        }
        let file = try BufferedFile("\(folder)/\(sample.file)")
        try file.write(bytes)
        try file.finish()
    }

    /// Everything is written before the first flush, so that the system can write it out in one go.
    private static func flush(_ folder: String) throws {
        let tree = try BatchTree(folder)
        for file in tree.files { try tree.flush(file) }
        try tree.flushFolders()
    }
}
