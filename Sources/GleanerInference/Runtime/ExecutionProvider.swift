import COnnxRuntime
import GleanerCore

/// What a model runs on, by name.
enum ExecutionProvider {
    /// `CUDAExecutionProvider` is `cuda`, and so on: ONNX Runtime's own name, short and in lower case.
    static func shortName(_ name: String) -> String {
        let suffix = "ExecutionProvider"
        return (name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name).lowercased()
    }

    /// Names that the library wants spelled otherwise than in capitals.
    private static let spellings = [
        "openvino": "OpenVINO", "coreml": "CoreML", "vitisai": "VitisAI", "webgpu": "WebGPU",
    ]

    /// Lets a session use the provider; those added first are asked first.
    ///
    /// - Throws: ``GleanerError`` with code `runtime.no_provider` naming those that there are.
    static func append(_ name: String, to options: OpaquePointer, of runtime: OnnxRuntime) throws {
        guard runtime.availableProviders.contains(name) else { throw absent(name, of: runtime) }
        // The processor is always there, as the last one asked.
        guard name != "cpu" else { return }
        do {
            try start(name, options: options, api: runtime.api)
        } catch let error as GleanerError {
            throw GleanerError(
                .runtimeNoProvider, "the provider '\(name)' does not start",
                remedy: "install the libraries that it needs, or use 'cpu'", cause: error.cause ?? error)
        }
    }

    private static func start(_ name: String, options: OpaquePointer, api: UnsafePointer<OrtApi>) throws {
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
            try api.check(api.pointee.AppendTensorRT(options, tensorRT.pointer), "start TensorRT")
        default:
            let spelling = spellings[name] ?? name.uppercased()
            try api.check(api.pointee.AppendProvider(options, spelling, nil, nil, 0), "start \(spelling)")
        }
    }

    private static func absent(_ name: String, of runtime: OnnxRuntime) -> GleanerError {
        let known = runtime.availableProviders
        let nearest = NearestName.of(name, among: known).map { "did you mean '\($0)'? " } ?? ""
        return GleanerError(
            .runtimeNoProvider,
            "ONNX Runtime \(runtime.version) at \(runtime.path) has no provider '\(name)', only \(known.joined(separator: ", "))",
            remedy: "\(nearest)use one of those, or install an ONNX Runtime that was built with it")
    }
}
