import COnnxRuntime
import Foundation
import GleanerCore

/// What a model runs on, by name.
enum ExecutionProvider {
    /// The processor: always there, as the last one asked.
    static let processor = "cpu"

    /// `CUDAExecutionProvider` is `cuda`, and so on: ONNX Runtime's own name, short and in lower case.
    static func shortName(_ name: String) -> String {
        let suffix = "ExecutionProvider"
        return (name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name).lowercased()
    }

    /// Those that some build of ONNX Runtime has on Linux. A library has few of them.
    private static let known = [
        "acl", "armnn", "cann", "cuda", "dnnl", "migraphx", "nv_tensorrt_rtx", "openvino", "qnn", "rknpu", "rocm",
        "tensorrt", "vitisai", "webgpu", "xnnpack",
    ]

    /// Names that the library wants spelled otherwise than in capitals.
    private static let spellings = ["openvino": "OpenVINO", "vitisai": "VitisAI", "webgpu": "WebGPU"]

    /// Lets a session use the provider; those added first are asked first.
    ///
    /// - Throws: ``GleanerError`` with code `runtime.no_provider` naming those that there are.
    static func append(
        _ name: String, to options: OpaquePointer, of runtime: OnnxRuntime, threadCount: Int, cacheFolder: String?
    ) throws {
        guard runtime.availableProviders.contains(name) else { throw absent(name, of: runtime) }
        do {
            try start(name, options: options, api: runtime.api, threadCount, cacheFolder)
        } catch let error as GleanerError {
            throw GleanerError(
                .runtimeNoProvider, "the provider '\(name)' does not start",
                remedy: "install the libraries that it needs, or use 'cpu'", cause: error.cause ?? error)
        }
    }

    /// Whether it is one at all, in some build.
    static func isKnown(_ name: String, of runtime: OnnxRuntime) -> Bool {
        known.contains(name) || runtime.availableProviders.contains(name)
    }

    private static func start(
        _ name: String, options: OpaquePointer, api: UnsafePointer<OrtApi>, _ threadCount: Int, _ cacheFolder: String?
    ) throws {
        switch name {
        case "cuda":
            let cuda = try api.make("prepare CUDA", release: api.pointee.ReleaseCUDAProviderOptions) {
                api.pointee.CreateCUDAProviderOptions(&$0)
            }
            try api.check(api.pointee.AppendCUDA(options, cuda.pointer), "start CUDA")
        case "tensorrt":
            let tensorRT = try api.make("prepare TensorRT", release: api.pointee.ReleaseTensorRTProviderOptions) {
                api.pointee.CreateTensorRTProviderOptions(&$0)
            }
            if let cacheFolder = try made(cacheFolder) {
                // An engine takes minutes to build.
                try with(["trt_engine_cache_enable": "1", "trt_engine_cache_path": cacheFolder]) {
                    try api.check(
                        api.pointee.UpdateTensorRTProviderOptions(tensorRT.pointer, $0, $1, $2), "set up TensorRT")
                }
            }
            try api.check(api.pointee.AppendTensorRT(options, tensorRT.pointer), "start TensorRT")
        default:
            var settings: [String: String] = [:]
            if name == "xnnpack" { settings["intra_op_num_threads"] = "\(threadCount)" }
            // No cache: on the processor it writes that anew at every load, and is no quicker for it.
            if name == "openvino" { settings["num_of_threads"] = "\(threadCount)" }
            let spelling = spellings[name] ?? name.uppercased()
            try with(settings) {
                try api.check(api.pointee.AppendProvider(options, spelling, $0, $1, $2), "start \(spelling)")
            }
        }
    }

    private static func made(_ folder: String?) throws -> String? {
        guard let folder else { return nil }
        try DurableFile.makeFolder(folder)
        return folder
    }

    /// Calls `body` with keys, values and how many there are, as ONNX Runtime takes them.
    private static func with(
        _ settings: [String: String],
        _ body: (UnsafePointer<UnsafePointer<CChar>>, UnsafePointer<UnsafePointer<CChar>>, Int) throws -> Void
    ) throws {
        let (keys, values) = (CStrings(Array(settings.keys)), CStrings(Array(settings.values)))
        try withExtendedLifetime((keys, values)) { try body(keys.pointers, values.pointers, settings.count) }
    }

    private static func absent(_ name: String, of runtime: OnnxRuntime) -> GleanerError {
        let there = runtime.availableProviders
        let nearest = NearestName.of(name, among: there).map { "did you mean '\($0)'? " } ?? ""
        return GleanerError(
            .runtimeNoProvider,
            "ONNX Runtime \(runtime.version) at \(runtime.path) has no provider '\(name)', only \(there.joined(separator: ", "))",
            remedy: "\(nearest)use one of those, or install an ONNX Runtime that was built with it")
    }
}

/// The providers of a session: whoever of them starts takes what it can of the model.
struct Providers {
    /// All but the processor.
    let others: [String]
    /// The processor may do all of the work.
    let mayDoWithout: Bool
    private let threadCount: Int
    private let cacheFolder: String?

    init(_ options: SessionOptions, cacheFolder: String?) {
        others = options.providers.filter { $0 != ExecutionProvider.processor }
        mayDoWithout = others.count < options.providers.count
        threadCount = max(options.threadCount, 1)
        self.cacheFolder = cacheFolder
    }

    /// Starts them; returns what hindered those that do not start, where the processor may do their work.
    ///
    /// - Throws: ``GleanerError`` with code `runtime.no_provider` where it may not, and for a name that means nothing.
    func start(for options: OpaquePointer, of runtime: OnnxRuntime) throws -> [GleanerError] {
        var setbacks: [GleanerError] = []
        for name in others {
            do {
                try ExecutionProvider.append(
                    name, to: options, of: runtime, threadCount: threadCount, cacheFolder: cacheFolder)
            } catch let error as GleanerError where mayDoWithout && ExecutionProvider.isKnown(name, of: runtime) {
                setbacks.append(error)
            }
        }
        return setbacks
    }

    static func setback(_ names: [String], _ what: String, cause: any Error) -> GleanerError {
        GleanerError(
            .runtimeNoProvider, "\(names.joined(separator: " and ")) \(what)",
            remedy: "convert the model so that they can, or take them out of inference.providers", cause: cause)
    }
}
