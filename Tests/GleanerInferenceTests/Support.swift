import Foundation
import GleanerCore
import GleanerInference

enum Fixtures {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// One of the tiny models that `Tests/Fixtures/make_onnx_fixtures.py` writes.
    static func model(_ name: String) throws -> Data {
        try Data(contentsOf: root.appending(path: "Tests/Fixtures/onnx/\(name).onnx"))
    }

    /// Real pictures and models, beside the package; they are not part of it.
    static let dataFolder = root.deletingLastPathComponent().appending(path: "shared/data")
    /// Without the data a test is skipped, except in CI, where it must fail.
    static var hasDataOrMust: Bool { FileManager.default.fileExists(atPath: dataFolder.path) || isCI }
    /// The data's pictures are JPEGs.
    static var readsJPEG: Bool {
        #if JPEG
            true
        #else
            false
        #endif
    }
    static let isCI = ProcessInfo.processInfo.environment["CI"] != nil
}

/// The ONNX Runtime of this machine, found as the product finds it.
enum TestRuntime {
    private static let loaded = Result { try OnnxRuntime.load(configuredPath: nil) }

    /// Without the library a test is skipped, except in CI, where it must fail.
    static var isHereOrMust: Bool { (try? loaded.get()) != nil || Fixtures.isCI }

    static func get() throws -> OnnxRuntime { try loaded.get() }

    static func engine(_ change: (inout SessionOptions) -> Void = { _ in }) throws -> OnnxEngine {
        var options = SessionOptions()
        options.threadCount = 1
        change(&options)
        return OnnxEngine(runtime: try get(), options: options)
    }

    static func session(
        _ fixture: String, _ change: (inout InputSpec) -> Void = { _ in }
    ) throws -> any InferenceSession {
        try session(Fixtures.model(fixture), change)
    }

    static func session(
        _ model: Data, _ change: (inout InputSpec) -> Void = { _ in }
    ) throws -> any InferenceSession {
        let manifest = ModelManifest.tiny(change)
        return try engine().loadSession(for: manifest, model: model)
    }
}

extension OnnxEngine {
    func loadSession(for manifest: ModelManifest, model: Data) throws -> any InferenceSession {
        try model.withUnsafeBytes { try loadSession(for: manifest, model: $0) }
    }
}

extension ModelManifest {
    /// For the tiny models: RGB of 2 × 2, unless changed.
    static func tiny(_ change: (inout InputSpec) -> Void = { _ in }) -> ModelManifest {
        var input = InputSpec(width: 2, height: 2)
        change(&input)
        return ModelManifest(
            name: "tiny", version: 1, task: .classification, bytes: 0, sha256: Digest(of: Data()), labels: [],
            input: input, decoder: DecoderSpec(name: "classification"))
    }
}

extension TensorBuffer {
    convenience init(_ name: String, _ shape: [Int], _ values: [Float]) {
        self.init(name: name, elementType: .float32, shape: shape)
        fill(values)
    }

    func fill(_ values: [Float]) {
        precondition(values.count == elementCount, "values do not fill the tensor")
        for (index, value) in values.enumerated() { floats[index] = value }
    }

    var values: [Float] { (0..<elementCount).map(float(at:)) }
}

extension Letterbox {
    /// The whole frame is the whole input.
    static func same(width: Int, height: Int) -> Letterbox {
        Letterbox(
            frameWidth: width, frameHeight: height, inputWidth: width, inputHeight: height, scaleX: 1, scaleY: 1,
            offsetX: 0, offsetY: 0)
    }
}

/// The code of the error that `body` throws; `nil` when it throws none, or another kind.
func code(of body: () throws -> Void) -> GleanerError.Code? { failure(of: body)?.code }

func failure(of body: () throws -> Void) -> GleanerError? {
    do {
        try body()
        return nil
    } catch { return error as? GleanerError }
}

extension Registry<any OutputDecoder> {
    static let tested = Registry(
        "decoder",
        [
            ClassificationDecoder.entry, YOLOAnchorsDecoder.entry, YOLOBoxesDecoder.yolov5, YOLOBoxesDecoder.yolov8,
            YOLOXDecoder.entry, YOLOEndToEndDecoder.entry, SSDPriorsDecoder.entry, BoxesDecoder.entry,
            DETRDecoder.entry, FastestDetDecoder.entry,
        ])
}

extension DecoderSpec {
    /// - Throws: ``GleanerError`` for the first option that is wrong.
    func make() throws -> any OutputDecoder {
        let problems = ProblemList()
        let reader = OptionReader(.object(options), path: "decoder", problems: problems)
        let decoder = try Registry<any OutputDecoder>.tested.make(name, options: reader)
        try problems.throwFirst()
        return decoder
    }
}
