/// Runs one loaded model. One thread at a time; another thread may load the next session meanwhile.
public protocol InferenceSession: AnyObject, Sendable {
    var manifest: ModelManifest { get }
    /// Fill it, then ``run()``.
    var input: TensorBuffer { get }
    /// Runs the model on a tensor of the shape and type of ``input``: that one, or one that another thread fills while
    /// this one is at work. What it returns is read in place and stays valid until the next run.
    ///
    /// Tensors are remembered; give the same few.
    ///
    /// - Throws: ``GleanerError`` when the runtime fails.
    func run(on tensor: TensorBuffer) throws -> TensorOutputs
    /// What the features are computed by: equal for models of one backbone. `nil` when it is not known.
    var featuresDigest: Digest? { get }
    /// What it was to run on first and could not, and why, where something else was allowed.
    var setbacks: [GleanerError] { get }
}

extension InferenceSession {
    public var featuresDigest: Digest? { nil }
    public var setbacks: [GleanerError] { [] }

    /// Runs the model on ``input``.
    public func run() throws -> TensorOutputs { try run(on: input) }
}

/// The outputs of one run, by position or name.
public struct TensorOutputs: Sendable {
    public let tensors: [TensorBuffer]
    /// What the frame's embedding is made of, if the model has anything that fits. It is not among ``tensors``,
    /// unless the model has no other output.
    public let features: TensorBuffer?
    public init(_ tensors: [TensorBuffer], features: TensorBuffer? = nil) {
        self.tensors = tensors
        self.features = features
    }
    public subscript(name: String) -> TensorBuffer? { tensors.first { $0.name == name } }
}

/// Loads models.
public protocol InferenceEngine: Sendable {
    /// Loads a model beside whatever is loaded already, from these very bytes, and checks that its inputs are what
    /// the manifest says.
    ///
    /// - Parameter cacheFolder: what was compiled for this machine may be kept there for the next time; it need not be
    ///   there yet. `nil` to keep nothing.
    /// - Throws: ``GleanerError`` naming the tensor that does not fit and what the model has instead.
    func loadSession(
        for manifest: ModelManifest, model: UnsafeRawBufferPointer, cacheFolder: String?
    ) throws -> any InferenceSession
}

extension InferenceEngine {
    /// Loads a model and keeps nothing.
    public func loadSession(
        for manifest: ModelManifest, model: UnsafeRawBufferPointer
    ) throws -> any InferenceSession {
        try loadSession(for: manifest, model: model, cacheFolder: nil)
    }
}

/// Turns raw outputs into a prediction in the pixels of the frame. A plain value: one serves all frames.
public protocol OutputDecoder: Sendable {
    var task: ModelTask { get }
    /// From this score on a detection counts as claimed, or a class that excludes no other; `nil` for classifiers whose
    /// classes exclude each other.
    var scoreMin: Float? { get }
    /// Checks at load time that the outputs of a model fit, so that a wrong model is refused before any frame.
    ///
    /// - Throws: ``GleanerError`` naming the output, what was expected and what is there.
    func check(_ outputs: TensorOutputs, labelCount: Int) throws
    /// - Parameter prediction: Of an earlier frame, or empty: its memory is used again, unless others hold it too.
    /// - Throws: ``GleanerError`` when an output is not finite.
    func decode(_ outputs: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction) throws
}

extension OutputDecoder {
    public func decode(_ outputs: TensorOutputs, undoing letterbox: Letterbox) throws -> Prediction {
        var prediction = Prediction.detection([])
        try decode(outputs, undoing: letterbox, into: &prediction)
        return prediction
    }
}
