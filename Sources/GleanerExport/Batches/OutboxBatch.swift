public import Foundation
public import GleanerCore
import Synchronization

/// A sealed batch that waits in the outbox: its views lie there, its pictures where the store has them.
public final class OutboxBatch: SealedBatch {
    public let id: BatchID
    public let manifest: BatchManifest
    public let manifestData: Data
    public let sealedAt: Timestamp
    private let folder: String
    private let picture: @Sendable (SampleID, Range<Int>) throws -> [UInt8]
    private let pictures: [String: SampleID]
    private let packed: [String: PackedFile.Index]

    /// - Parameter picture: gives a part of a sample's picture as it lies there; called from several threads.
    /// - Throws: ``GleanerError`` with code `batch.damaged` when a picture is not listed in the manifest.
    public init(
        _ folder: String, sealedAt: Timestamp, picture: @escaping @Sendable (SampleID, Range<Int>) throws -> [UInt8]
    ) throws {
        self.folder = folder
        self.sealedAt = sealedAt
        self.picture = picture
        (manifest, id, manifestData) = try BatchVerifier.manifest(in: folder)
        let listed = Set(manifest.files.map(\.path))
        var pictures: [String: SampleID] = [:]
        var packed: [String: PackedFile.Index] = [:]
        for path in listed where PackedFile.exists(path, in: folder) {
            packed[path] = try PackedFile.Index(path, in: folder)
        }
        try JSONLines.forEach(Placed.self, in: "\(folder)/\(BatchManifest.samplesFileName)") { sample in
            if packed[sample.file] != nil { return }
            guard listed.contains(sample.file) else {
                throw BatchVerifier.damaged("the manifest of \(folder) does not list the picture '\(sample.file)'")
            }
            pictures[sample.file] = sample.id
        }
        self.pictures = pictures
        self.packed = packed
    }

    /// What has to be known of a sample to find its picture.
    private struct Placed: Decodable {
        var id: SampleID
        var file: String
    }

    public func read(_ file: BatchManifest.File, at offset: Int, byteCount: Int) throws -> [UInt8] {
        if let id = pictures[file.path] {
            let bytes = try picture(id, offset..<offset + byteCount)
            guard bytes.count == byteCount else { throw GleanerError.unsealed(file) }
            return bytes
        }
        if let index = packed[file.path] {
            return try index.read(at: offset, byteCount: byteCount, picture: picture)
        }
        let opened = try DescriptorFile("\(folder)/\(file.path)", flags: O_RDONLY | O_NOFOLLOW)
        let bytes = try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            count = try opened.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
        guard bytes.count == byteCount else { throw GleanerError.unsealed(file) }
        return bytes
    }
}
