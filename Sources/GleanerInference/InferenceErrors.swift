public import GleanerCore

extension GleanerError.Code {
    /// No ONNX Runtime library could be loaded from any place that was tried.
    public static let runtimeNotFound = Self("runtime.not_found")
    /// A library was loaded, but it is not ONNX Runtime.
    public static let runtimeNotOnnxRuntime = Self("runtime.not_onnxruntime")
    /// An ONNX Runtime was found that is too old.
    public static let runtimeTooOld = Self("runtime.too_old")
    /// The library has no such execution provider, or it could not be started.
    public static let runtimeNoProvider = Self("runtime.no_provider")
    /// A call of ONNX Runtime failed.
    public static let runtimeFailed = Self("runtime.failed")

    /// The bytes are not a whole ONNX model.
    public static let modelCorrupt = Self("model.corrupt")
    /// The model keeps weights in other files.
    public static let modelExternalData = Self("model.external_data")
    /// The model is whole, but has something that ONNX Runtime or Gleaner cannot run.
    public static let modelUnsupported = Self("model.unsupported")
    /// The model's input is not what the manifest says.
    public static let modelInputMismatch = Self("model.input_mismatch")

    /// The model has no tensor of the name that its manifest gives.
    public static let modelWithoutTensor = Self("model.no_tensor")

    /// The model's outputs are not what the decoder reads.
    public static let outputMismatch = Self("output.mismatch")
    /// An output holds NaN or infinity.
    public static let outputNotFinite = Self("output.not_finite")
    /// An output that should hold probabilities does not.
    public static let outputNotProbability = Self("output.not_probability")
}
