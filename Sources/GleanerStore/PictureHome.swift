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
    /// Each is flushed under a temporary name and renamed, several at a time: a disk that is asked for one flush after
    /// the other waits most of the time. Then each folder is flushed once.
    func place(_ files: [(path: String, bytes: [UInt8])]) throws {
        do {
            let folders = Set(files.map { PathName.parent(of: absolute($0.path)) })
            for shard in folders { try DurableFile.makeFolder(shard) }
            try Workers.forEach(files) { file in
                let path = absolute(file.path)
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
