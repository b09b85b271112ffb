public import GleanerCore

/// Loads models into ONNX Runtime.
public struct OnnxEngine: InferenceEngine {
    public let runtime: OnnxRuntime
    public let options: SessionOptions

    public init(runtime: OnnxRuntime, options: SessionOptions = SessionOptions()) {
        self.runtime = runtime
        self.options = options
    }

    /// Loads a model from these bytes and no other file, checks its input against the manifest and runs it once on
    /// a black picture, which tells the shapes of its outputs and that it runs at all.
    ///
    /// - Throws: ``GleanerError`` with code `model.corrupt`, `model.external_data`, `model.unsupported`,
    ///   `model.input_mismatch`, `runtime.no_provider` or `runtime.failed`.
    public func loadSession(
        for manifest: ModelManifest, model: UnsafeRawBufferPointer
    ) throws -> any InferenceSession {
        let loaded = try OnnxModel(model, named: "model \(manifest.id)", runtime: runtime, options: options)
        return try OnnxSession(loaded, manifest: manifest)
    }

    /// Reads what a model says of itself, without running it.
    ///
    /// - Throws: ``GleanerError`` with code `model.corrupt`, `model.external_data` or `model.unsupported`.
    public func inspect(_ model: UnsafeRawBufferPointer) throws -> ModelInspection {
        var plain = SessionOptions()
        plain.threadCount = 1
        plain.optimization = .none
        return try OnnxModel(model, named: "the model", runtime: runtime, options: plain).inspection
    }
}
