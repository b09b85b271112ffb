public import Foundation
public import GleanerCore

/// A sealed batch that waits in the outbox: its views lie there, its pictures where the store has them.
public final class OutboxBatch: SealedBatch {
    public let id: BatchID
    public let manifest: BatchManifest
    public let manifestData: Data
    public let sealedAt: Timestamp
    private let folder: String
    private let picture: @Sendable (SampleID, Range<Int>) throws -> [UInt8]
    private let own: Set<String>
    private let packed: [String: PackedFile.Index]

    /// - Parameter picture: gives a part of a sample's picture as it lies there; called from several threads.
    public init(
        _ folder: String, sealedAt: Timestamp, picture: @escaping @Sendable (SampleID, Range<Int>) throws -> [UInt8]
    ) throws {
        self.folder = folder
        self.sealedAt = sealedAt
        self.picture = picture
        (manifest, id, manifestData) = try BatchVerifier.manifest(in: folder)
        let tree = try BatchTree(folder)
        own = Set(tree.files)
        packed = try Dictionary(
            uniqueKeysWithValues: PackedFile.list(in: tree).map { ($0, try PackedFile.Index($0, in: folder)) })
    }

    /// - Throws: ``GleanerError`` with code `batch.damaged` when it has not so many bytes there, or is nowhere.
    public func read(_ file: BatchManifest.File, at offset: Int, byteCount: Int) throws -> [UInt8] {
        if let index = packed[file.path] {
            return try index.read(at: offset, byteCount: byteCount, picture: picture)
        }
        let bytes =
            own.contains(file.path)
            ? try ownBytes(file.path, at: offset, byteCount: byteCount)
            : try picture(try sample(named: file), offset..<offset + byteCount)
        guard bytes.count == byteCount else { throw GleanerError.unsealed(file) }
        return bytes
    }

    private func ownBytes(_ path: String, at offset: Int, byteCount: Int) throws -> [UInt8] {
        let opened = try DescriptorFile("\(folder)/\(path)", flags: O_RDONLY | O_NOFOLLOW)
        return try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            count = try opened.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
    }

    /// Wherever a format puts pictures, they have the names of their samples.
    private func sample(named file: BatchManifest.File) throws -> SampleID {
        let name = PathName.last(of: file.path)
        guard let id = SampleID(name.prefix { $0 != "." }) else {
            throw BatchVerifier.damaged("\(folder) lacks '\(file.path)', which its manifest lists")
        }
        return id
    }
}
