import Foundation
import GleanerCore
import GleanerImaging
import GleanerInference

@testable import GleanerRuntime

/// A bundle of one of the tiny models, in a folder that is removed with the value.
final class TinyModel: Sendable {
    let bundle: ModelBundle

    /// RGB of 2 × 2 in, probabilities of twelve classes out.
    static let softmax = "softmax"

    init(_ name: String = softmax, labelCount: Int = 12, version: Int = 1) throws {
        let bytes = try Data(contentsOf: Self.root.appending(path: "Tests/Fixtures/onnx/\(name).onnx"))
        var input = InputSpec(width: 2, height: 2)
        if name == Self.softmax { input.layout = .nhwc }
        let manifest = ModelManifest(
            name: "tiny", version: version, task: .classification, bytes: bytes.count, sha256: Digest(of: Array(bytes)),
            labels: (0..<labelCount).map { "class \($0)" }, input: input,
            decoder: DecoderSpec(name: "classification"))
        let folder = FileManager.default.temporaryDirectory.appending(path: "gleaner-tiny-\(UUID().uuidString)")
        bundle = ModelBundle(manifest: manifest, folder: folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try bytes.write(to: bundle.file)
        try CanonicalJSON.encode(manifest).write(to: folder.appending(path: ModelManifest.fileName))
    }

    deinit { try? FileManager.default.removeItem(at: bundle.folder) }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The `gleaner` command, which is built beside the tests.
    static var executable: String {
        get throws {
            URL(filePath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
                .deletingLastPathComponent().appending(path: "gleaner").path(percentEncoded: false)
        }
    }

    static func isolation(_ change: (inout ModelIsolation) -> Void = { _ in }) throws -> ModelIsolation {
        var options = SessionOptions()
        options.threadCount = 1
        var isolation = ModelIsolation(
            executable: try executable, library: nil, options: options, memoryByteCount: 1 << 30, loadSecondsMax: 60,
            frameSecondsMax: 60)
        change(&isolation)
        return isolation
    }

    /// A picture, another for each seed.
    static func picture(_ seed: Int = 0) throws -> (pixels: PixelBuffer, png: [UInt8]) {
        var pixels = PixelBuffer(width: 2, height: 2)
        pixels.withMutableBytes { bytes in
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 37 &+ seed &* 59) }
        }
        return (pixels, try PNGEncoder.encode(pixels))
    }
}

/// The ONNX Runtime of this machine, found as the product finds it.
enum TestRuntime {
    private static let loaded = Result { try OnnxRuntime.load(configuredPath: nil) }

    /// Without the library a test is skipped, except in CI, where it must fail.
    static var isHereOrMust: Bool {
        (try? loaded.get()) != nil || ProcessInfo.processInfo.environment["CI"] != nil
    }

    static func engine() throws -> OnnxEngine {
        var options = SessionOptions()
        options.threadCount = 1
        return OnnxEngine(runtime: try loaded.get(), options: options)
    }
}
