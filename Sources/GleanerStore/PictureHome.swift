import Foundation
import GRDB
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The two homes of a picture's bytes: small ones lie in the database, large ones in files beside it.
struct PictureHome: Sendable {
    enum Kind: String { case inline, file }

    let folder: DeploymentFolder
    let inlineByteCountMax: Int
    /// So many sequence numbers share a folder.
    static let shardSize: UInt64 = 1000
    private static let blockByteCount = 4096

    func kind(for byteCount: Int) -> Kind { byteCount <= inlineByteCountMax ? .inline : .file }

    /// What a picture takes of the disk, in either home: whole blocks of a file, whole pages of the database.
    static func diskByteCount(_ byteCount: Int) -> Int {
        (byteCount + blockByteCount - 1) / blockByteCount * blockByteCount
    }

    /// The path of a picture's file, below the deployment's folder.
    static func path(run: RunID, sequence: UInt64, encoding: PictureEncoding) -> String {
        "frames/\(run)/\(sequence / shardSize)/\(sequence).\(encoding.fileExtension)"
    }

    func absolute(_ path: String) -> String { folder.path + "/" + path }

    /// Writes a group of files so that all are whole and durable, or none is there.
    ///
    /// Each is flushed under a temporary name and renamed; then each folder is flushed once.
    func place(_ files: [(path: String, bytes: [UInt8])]) throws {
        do {
            var folders: Set<String> = []
            for file in files {
                let path = absolute(file.path)
                let shard = PathName.parent(of: path)
                if folders.insert(shard).inserted { try DurableFile.makeFolder(shard) }
                let partial = path + DurableFile.partialSuffix
                try file.bytes.withUnsafeBytes { try DurableFile.writeFlushed($0, to: partial) }
                guard rename(partial, path) == 0 else {
                    throw GleanerError.system("cannot rename to", path, errno: errno)
                }
            }
            for shard in folders { try DurableFile.flushFolder(shard) }
        } catch {
            remove(files.map(\.path))
            throw error
        }
    }

    /// Removes files whose rows do not exist, or no longer do.
    func remove(_ paths: [String]) {
        for path in paths {
            unlink(absolute(path))
            unlink(absolute(path) + DurableFile.partialSuffix)
        }
    }

    /// The bytes of a small picture as they lie in the database; `nil` when they are gone.
    func inlineBytes(_ row: SampleRow, _ db: Database) throws -> Data? {
        try db.first("SELECT bytes FROM picture WHERE sample_key = ?", [row.key])?["bytes"]
    }

    /// Where a part of a picture is found.
    enum Part: Hashable {
        case inline([UInt8])
        case file(path: String)
        case evicted
    }

    /// One narrow query: batches ask for thousands. `nil` when there is no such sample.
    func part(of id: SampleID, _ range: Range<Int>, _ db: Database) throws -> Part? {
        let row = try db.first(
            """
            SELECT s.pixels, s.home, s.encoding, substr(p.bytes, ?, ?) AS part
            FROM device d CROSS JOIN run r USING (device_key) CROSS JOIN sample s USING (run_key)
            LEFT JOIN picture p USING (sample_key)
            WHERE d.id = ? AND r.counter = ? AND r.nonce = ? AND s.sequence = ?
            """, [range.lowerBound + 1, range.count] + SampleRow.arguments(of: id))
        guard let row else { return nil }
        guard row["pixels"] as String == PixelsState.present.rawValue else { return .evicted }
        guard row["home"] as String == Kind.file.rawValue else {
            return .inline((row["part"] as Data?).map { Array($0) } ?? [])
        }
        guard let encoding = PictureEncoding(rawValue: row["encoding"]) else {
            throw GleanerError(.storeCorrupt, "the row of sample \(id) is damaged")
        }
        return .file(path: Self.path(run: id.run, sequence: id.sequence, encoding: encoding))
    }

    /// A part of a large picture.
    func fileBytes(_ path: String, in range: Range<Int>) throws -> [UInt8] {
        let file = try DescriptorFile(absolute(path), flags: O_RDONLY | O_NOFOLLOW)
        return try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: range.lowerBound)
        }
    }

    /// The bytes of a large picture as they lie in its file; `nil` when they cannot be read.
    func fileBytes(_ row: SampleRow) -> Data? {
        // A file that grew is damaged too: its digest tells.
        try? FileReading.bytes(of: absolute(row.picturePath), byteCountMax: 2 * row.byteCount + 1)
    }
}
