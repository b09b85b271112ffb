import COnnxRuntime
import GleanerCore

/// A model that ONNX Runtime has loaded, and what it says of itself.
struct OnnxModel {
    let runtime: OnnxRuntime
    let session: OrtHandle
    let inspection: ModelInspection
    /// Providers that did not start, where the processor may do their work.
    private(set) var setbacks: [GleanerError] = []

    /// - Parameters:
    ///   - name: What the model is called in messages.
    ///   - cacheFolder: for what a provider compiles; made when one asks for it.
    init(
        _ bytes: UnsafeRawBufferPointer, named name: String, runtime: OnnxRuntime, options: SessionOptions,
        cacheFolder: String? = nil
    ) throws {
        try OnnxFile.check(bytes, named: name)
        let settings = try Self.settings(options, runtime)
        let providers = Providers(options, cacheFolder: cacheFolder)
        setbacks = try providers.start(for: settings.pointer, of: runtime)
        do {
            session = try Self.open(bytes, named: name, settings, runtime)
        } catch let error as GleanerError where setbacks.count < providers.others.count && providers.mayDoWithout {
            // They started, and cannot take this model.
            session = try Self.open(bytes, named: name, try Self.settings(options, runtime), runtime)
            setbacks.append(Providers.setback(providers.others, "do not take \(name)", cause: error.cause ?? error))
        }
        self.runtime = runtime
        inspection = try Self.inspect(session, runtime)
    }

    private static func open(
        _ bytes: UnsafeRawBufferPointer, named name: String, _ settings: OrtHandle, _ runtime: OnnxRuntime
    ) throws -> OrtHandle {
        let api = runtime.api
        var opened: OpaquePointer?
        let status = api.pointee.CreateSessionFromArray(
            runtime.environment, bytes.baseAddress, bytes.count, settings.pointer, &opened)
        if let failure = api.failure(of: status) { throw refusal(failure, name, runtime) }
        guard let opened else { throw GleanerError(.runtimeFailed, "ONNX Runtime cannot load \(name)") }
        return OrtHandle(opened, release: api.pointee.ReleaseSession, keeping: runtime)
    }

    private static func settings(_ options: SessionOptions, _ runtime: OnnxRuntime) throws -> OrtHandle {
        let api = runtime.api
        let settings = try api.make("make session options", release: api.pointee.ReleaseSessionOptions) {
            api.pointee.CreateSessionOptions(&$0)
        }
        let pointer = settings.pointer
        let threads = Int32(clamping: max(options.threadCount, 1))
        try api.check(api.pointee.SetIntraOpNumThreads(pointer, threads), "use \(threads) threads")
        try api.check(api.pointee.SetInterOpNumThreads(pointer, 1), "run operators one by one")
        let level = options.optimization
        try api.check(api.pointee.SetSessionGraphOptimizationLevel(pointer, level.level), "optimise '\(level)'")
        if !options.usesArena { try api.check(api.pointee.DisableCpuMemArena(pointer), "do without its arena") }
        let entries = [
            "session.intra_op.allow_spinning": options.spins ? "1" : "0",
            // Never the runtime's own file form, which OnnxFile does not look into.
            "session.load_model_format": "ONNX",
        ]
        for (key, value) in entries {
            try api.check(api.pointee.AddSessionConfigEntry(pointer, key, value), "set \(key)")
        }
        return settings
    }

    private static func refusal(_ failure: OrtFailure, _ name: String, _ runtime: OnnxRuntime) -> GleanerError {
        switch failure.code {
        case .invalidProtobuf, .invalidGraph, .invalidArgument, .noModel:
            return OnnxFile.corrupt(name, cause: failure)
        case .notImplemented, .fail:
            return GleanerError(
                .modelUnsupported, "ONNX Runtime \(runtime.version) cannot run \(name)",
                remedy: "export it with an older opset and without custom operators, or install a newer ONNX Runtime",
                cause: failure)
        default: return GleanerError(.runtimeFailed, "ONNX Runtime cannot load \(name)", cause: failure)
        }
    }
}

// What a loaded model says of itself.
extension OnnxModel {
    private static func inspect(_ session: OrtHandle, _ runtime: OnnxRuntime) throws -> ModelInspection {
        let api = runtime.api.pointee
        let inputs = try tensors(
            session, runtime, count: api.SessionGetInputCount, name: api.SessionGetInputName,
            type: api.SessionGetInputTypeInfo)
        let outputs = try tensors(
            session, runtime, count: api.SessionGetOutputCount, name: api.SessionGetOutputName,
            type: api.SessionGetOutputTypeInfo)
        return ModelInspection(inputs: inputs, outputs: outputs, metadata: try metadata(session, runtime))
    }

    private typealias Out = UnsafeMutablePointer<OpaquePointer?>
    private typealias TextOut = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    private static func tensors(
        _ session: OrtHandle, _ runtime: OnnxRuntime,
        count: @convention(c) (OpaquePointer, UnsafeMutablePointer<Int>) -> OpaquePointer?,
        name: @convention(c) (OpaquePointer, Int, OpaquePointer, TextOut) -> OpaquePointer?,
        type: @convention(c) (OpaquePointer, Int, Out) -> OpaquePointer?
    ) throws -> [ModelInspection.Tensor] {
        let api = runtime.api
        var total = 0
        try api.check(count(session.pointer, &total), "count the model's tensors")
        return try (0..<total).map { index in
            let name = try runtime.text("name a tensor") { name(session.pointer, index, runtime.allocator, $0) }
            let info = try api.make("describe a tensor", release: api.pointee.ReleaseTypeInfo) {
                type(session.pointer, index, &$0)
            }
            var tensor: OpaquePointer?
            try api.check(api.pointee.CastTypeInfoToTensorInfo(info.pointer, &tensor), "describe a tensor")
            guard let tensor else { return ModelInspection.Tensor(name: name, type: nil, shape: []) }
            let (type, shape) = try api.typeAndShape(tensor)
            return ModelInspection.Tensor(
                name: name, type: ElementType.onnxName(type), shape: shape.map { $0 < 0 ? nil : Int($0) })
        }
    }

    private static func metadata(_ session: OrtHandle, _ runtime: OnnxRuntime) throws -> [String: String] {
        let api = runtime.api
        let metadata = try api.make("read the model's notes", release: api.pointee.ReleaseModelMetadata) {
            api.pointee.SessionGetModelMetadata(session.pointer, &$0)
        }
        var keys: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        var count: Int64 = 0
        let status = api.pointee.ModelMetadataGetCustomMetadataMapKeys(
            metadata.pointer, runtime.allocator, &keys, &count)
        try api.check(status, "read the model's notes")
        guard let keys else { return [:] }
        defer { runtime.free(keys) }
        var notes: [String: String] = [:]
        for index in 0..<Int(count) {
            guard let key = keys[index] else { continue }
            defer { runtime.free(key) }
            notes[String(cString: key)] = try runtime.text("read a note of the model") {
                api.pointee.ModelMetadataLookupCustomMetadataMap(metadata.pointer, runtime.allocator, key, $0)
            }
        }
        return notes
    }
}

extension OnnxRuntime {
    /// Takes over a text that the runtime allocated.
    fileprivate func text(
        _ step: String, _ call: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> OpaquePointer?
    ) throws -> String {
        var text: UnsafeMutablePointer<CChar>?
        try api.check(call(&text), step)
        guard let text else { return "" }
        defer { free(text) }
        return String(cString: text)
    }

    fileprivate func free(_ memory: UnsafeMutableRawPointer) {
        _ = api.failure(of: api.pointee.AllocatorFree(allocator, memory))
    }
}

extension UnsafePointer<OrtApi> {
    /// A tensor's element type, as ONNX numbers it, and its dimensions; below zero where unknown.
    func typeAndShape(_ info: OpaquePointer) throws -> (type: Int32, shape: [Int64]) {
        var type: Int32 = 0
        var rank = 0
        try check(pointee.GetTensorElementType(info, &type), "tell a tensor's type")
        try check(pointee.GetDimensionsCount(info, &rank), "tell a tensor's rank")
        var shape = [Int64](repeating: 0, count: rank)
        try check(pointee.GetDimensions(info, &shape, rank), "tell a tensor's shape")
        return (type, shape)
    }
}
