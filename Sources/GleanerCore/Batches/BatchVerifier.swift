import CLinux
public import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Checks that a delivered batch is exactly what was sealed.
public enum BatchVerifier {
    /// A manifest of more bytes is refused: about a million files.
    static let manifestByteCountMax = 256 << 20

    /// Reads every file back and compares it with the manifest: all are there, none is more, none is a link, and each
    /// has its size and SHA-256. Bytes are read from the disk, as far as the system lets go of what it remembers.
    ///
    /// - Throws: ``GleanerError`` with code `batch.damaged` naming the first file that differs.
    @discardableResult
    public static func verify(_ folder: String) throws -> BatchManifest {
        let manifest = try self.manifest(in: folder).manifest
        try requireListed(manifest, in: folder)
        try verify(manifest.files, in: folder)
        return manifest
    }

    /// The same for a batch whose manifest is known, `manifest.json` itself included.
    ///
    /// - Parameter files: Those that are read; the others were read before.
    /// - Throws: ``GleanerError`` with code `batch.damaged` naming the first file that differs.
    public static func verify(
        _ folder: String, as batch: any SealedBatch, reading files: [BatchManifest.File]
    ) throws {
        let path = "\(folder)/\(BatchManifest.fileName)"
        guard try FileReading.bytes(of: path, byteCountMax: manifestByteCountMax) == batch.manifestData else {
            throw damaged("\(path) is not the manifest of batch \(batch.id.short)")
        }
        try requireListed(batch.manifest, in: folder)
        try verify(files, in: folder)
    }

    /// Reads some files of a batch back and compares each with the manifest's size and SHA-256.
    ///
    /// - Throws: ``GleanerError`` with code `batch.damaged` naming the first file that differs.
    public static func verify(_ files: [BatchManifest.File], in folder: String) throws {
        for file in files.prefix(aheadCount) { readAhead(file, in: folder) }
        try Workers.forEach(Array(files.indices)) { index in
            if index + aheadCount < files.count { readAhead(files[index + aheadCount], in: folder) }
            try verify(files[index], in: folder)
        }
    }

    /// The disk gets so many files ready while others are read: small ones cost it a way each.
    private static let aheadCount = 32
    private static let readAheadByteCountMax = 256 << 10

    /// The manifest of a batch's folder and the id that its bytes give; nothing else is looked at.
    public static func manifest(
        in folder: String
    ) throws -> (manifest: BatchManifest, id: BatchID, data: Data) {
        let path = "\(folder)/\(BatchManifest.fileName)"
        let data = try FileReading.bytes(of: path, byteCountMax: manifestByteCountMax)
        let manifest: BatchManifest = try CanonicalJSON.decode(from: data, named: path)
        guard manifest.schema == BatchManifest.currentSchema else {
            throw GleanerError(
                .batchDamaged, "\(path) has the schema '\(manifest.schema.prefix(60))', which is not known here",
                remedy: "update Gleaner")
        }
        guard let unsafe = manifest.files.first(where: { !BatchPath.isSafe($0.path) || $0.bytes < 0 }) else {
            return (manifest, BatchID(Digest(of: data)), data)
        }
        throw damaged("\(path) lists '\(PathName.printable(unsafe.path))', which cannot be in a batch")
    }

    private static func requireListed(_ manifest: BatchManifest, in folder: String) throws {
        let listed = Set(manifest.files.map(\.path))
        guard listed.count == manifest.files.count else {
            throw damaged("the manifest of \(folder) lists a file twice")
        }
        let there = Set(try BatchTree(folder).files).subtracting([BatchManifest.fileName])
        if let missing = listed.subtracting(there).min() { throw damaged("\(folder) lacks '\(missing)'") }
        if let extra = there.subtracting(listed).min() {
            throw damaged("\(folder) holds '\(PathName.printable(extra))', which its manifest does not list")
        }
    }

    /// Whether a file of a batch lies there, with its size and SHA-256.
    public static func holds(_ file: BatchManifest.File, in folder: String) -> Bool {
        readAhead(file, in: folder)
        return (try? verify(file, in: folder)) != nil
    }

    /// Has the system let go of what it remembers of a file, so that it is read from the disk, and begin with that. The
    /// system may decline.
    private static func readAhead(_ file: BatchManifest.File, in folder: String) {
        guard let opened = try? DescriptorFile("\(folder)/\(file.path)", flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        else { return }
        // It cannot let go of what is still to be written.
        gleaner_write_out(opened.descriptor)
        posix_fadvise(opened.descriptor, 0, 0, POSIX_FADV_DONTNEED)
        posix_fadvise(opened.descriptor, 0, off_t(min(file.bytes, readAheadByteCountMax)), POSIX_FADV_WILLNEED)
    }

    private static func verify(_ file: BatchManifest.File, in folder: String) throws {
        let path = "\(folder)/\(file.path)"
        let opened = try DescriptorFile(path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        var status = stat()
        guard fstat(opened.descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size == file.bytes
        else {
            throw damaged("\(path) has \(status.st_size) bytes, and the manifest says \(file.bytes)")
        }
        var hasher = DigestHasher()
        try FileReading.forEachPiece(of: opened, byteCount: file.bytes) { hasher.update($0) }
        let digest = hasher.finish()
        guard digest == file.sha256 else {
            throw damaged("\(path) has the SHA-256 \(digest), and the manifest says \(file.sha256)")
        }
    }

    public static func damaged(_ what: String) -> GleanerError {
        GleanerError(.batchDamaged, what, remedy: "deliver the batch again; the disk may be failing")
    }
}
