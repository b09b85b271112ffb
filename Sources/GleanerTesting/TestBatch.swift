public import Foundation
public import GleanerCore
import Synchronization

/// A sealed batch of files in memory, which counts what is read of it and fails where it is told to.
public final class TestBatch: SealedBatch {
    public let id: BatchID
    public let manifest: BatchManifest
    public let manifestData: Data
    public let sealedAt = Timestamp(milliseconds: 1_700_000_000_000)

    private struct State {
        var files: [String: [UInt8]]
        var readsUntilFailure: Int?
        var byteCountRead = 0
    }
    private let state: Mutex<State>

    /// What a batch that was told to fail throws.
    public struct CutOff: Error {}

    /// - Parameters:
    ///   - files: contents by path.
    ///   - number: makes another batch of the same files.
    public init(_ files: [String: [UInt8]], number: Int = 1) throws {
        let header = BatchHeader(
            purpose: .labeling, device: DeviceID(rawValue: 0x0011_2233_4455_6677), number: number,
            task: .classification, classes: ["zero", "one"], sampleCount: files.count)
        manifest = BatchManifest(
            header: header, formats: [], models: [],
            files: files.map { .init(path: $0, bytes: $1.count, sha256: Digest(of: $1)) }.sorted { $0.path < $1.path })
        manifestData = try CanonicalJSON.encodePretty(manifest)
        id = BatchID(Digest(of: manifestData))
        state = Mutex(State(files: files))
    }

    /// Pictures of so many bytes, beside a view.
    public static func make(pictureCount: Int = 5, pictureByteCount: Int = 3000, number: Int = 1) throws -> TestBatch {
        var files: [String: [UInt8]] = ["samples.jsonl": Array("{}\n".utf8), "views/coco.json": Array("[]".utf8)]
        for index in 0..<pictureCount {
            files["frames/picture-\(index).png"] = (0..<pictureByteCount).map {
                UInt8(truncatingIfNeeded: $0 &* 31 &+ index &* 7 &+ number)
            }
        }
        return try TestBatch(files, number: number)
    }

    /// Whether a consumer who found these files, the manifest among them, found all that was sealed, and nothing else.
    public func isWhole(_ found: [String: [UInt8]]) -> Bool {
        let files = Dictionary(uniqueKeysWithValues: manifest.files.map { ($0.path, $0.sha256) })
        return found[BatchManifest.fileName] == Array(manifestData)
            && found.filter { $0.key != BatchManifest.fileName }.mapValues { Digest(of: $0) } == files
    }

    /// After so many reads every further one throws; `nil` to go on.
    public func fail(afterReads count: Int?) { state.withLock { $0.readsUntilFailure = count } }

    /// Puts other bytes in the place of those that were sealed.
    public func damage(_ path: String) {
        state.withLock { $0.files[path] = $0.files[path]?.map { ~$0 } }
    }

    /// Bytes that were read since the last call.
    public func takeByteCountRead() -> Int {
        state.withLock { state in
            defer { state.byteCountRead = 0 }
            return state.byteCountRead
        }
    }

    public func read(_ file: BatchManifest.File, at offset: Int, byteCount: Int) throws -> [UInt8] {
        try state.withLock { state in
            if let left = state.readsUntilFailure {
                guard left > 0 else { throw CutOff() }
                state.readsUntilFailure = left - 1
            }
            guard let bytes = state.files[file.path] else {
                preconditionFailure("'\(file.path)' is not in the manifest")
            }
            state.byteCountRead += byteCount
            return Array(bytes[offset..<offset + byteCount])
        }
    }
}

/// Notes of a delivery that are gone with the test.
public final class TestNotes: DeliveryNotes {
    private let notes = Mutex<[String: String]>([:])
    public init() {}
    public subscript(key: String) -> String? { notes.withLock { $0[key] } }
    public func set(_ key: String, to value: String?) { notes.withLock { $0[key] = value } }
}
