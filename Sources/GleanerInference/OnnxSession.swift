import COnnxRuntime
import GleanerCore

/// A loaded model with its input and outputs, made once and bound, so that a run copies and allocates nothing.
///
/// Some models give outputs of another shape for every picture (those that end in their own suppression of
/// overlapping boxes). Nothing in the file tells them apart for sure, so every session starts bound; when a run
/// fails, it is tried again with outputs that the runtime allocates and, if that succeeds, the session stays so:
/// each run then costs one copy of the outputs.
///
/// `@unchecked Sendable`: by the protocol's promise one thread at a time uses it, and ONNX Runtime's sessions may
/// move between threads.
final class OnnxSession: InferenceSession, @unchecked Sendable {
    let manifest: ModelManifest
    let input: TensorBuffer

    private let model: OnnxModel
    /// The output that embeddings are made of.
    private let featuresName: String?
    let featuresDigest: Digest?
    /// The tensors that it was run on, with what the runtime knows them by. There are as many as frames on their way.
    private var inputs: [(tensor: TensorBuffer, value: OrtHandle)] = []
    private var boundInput: TensorBuffer?
    private let inputNames: CStrings
    private let outputNames: CStrings
    private let binding: OrtHandle
    private var tensors: [TensorBuffer] = []
    private var outputs = TensorOutputs([])
    private var outputValues: [OrtHandle] = []
    private var isBound = false

    var setbacks: [GleanerError] { model.setbacks }

    private var api: UnsafePointer<OrtApi> { model.runtime.api }

    init(
        _ model: OnnxModel, manifest: ModelManifest, features: String? = nil, featuresDigest: Digest? = nil
    ) throws {
        let runtime = model.runtime
        let api = runtime.api
        self.model = model
        self.manifest = manifest
        featuresName = features
        self.featuresDigest = featuresDigest
        input = try InputFit(manifest: manifest, inspection: model.inspection).makeInput()
        inputNames = CStrings([input.name])
        outputNames = CStrings(model.inspection.outputs.map(\.name))
        binding = try api.make("bind tensors", release: api.pointee.ReleaseIoBinding, keeping: model.session) {
            api.pointee.CreateIoBinding(model.session.pointer, &$0)
        }
        try requireReadableOutputs()
        _ = try runUnbound(on: try value(of: input))
        try bind(tensors)
    }

    func run(on tensor: TensorBuffer) throws -> TensorOutputs {
        let value = try value(of: tensor)
        guard isBound else { return try runUnbound(on: value) }
        if boundInput !== tensor {
            // A Swift string would be copied for C.
            try api.check(
                api.pointee.BindInput(binding.pointer, inputNames.pointers[0], value.pointer), "bind '\(input.name)'")
            boundInput = tensor
        }
        let status = api.pointee.RunWithBinding(model.session.pointer, nil, binding.pointer)
        guard let failure = api.failure(of: status) else { return outputs }
        guard let unbound = try? runUnbound(on: value) else { throw failed(failure) }
        isBound = false
        return unbound
    }

    private func value(of tensor: TensorBuffer) throws -> OrtHandle {
        if let known = inputs.first(where: { $0.tensor === tensor }) { return known.value }
        precondition(
            tensor.shape == input.shape && tensor.elementType == input.elementType,
            "a tensor that is no input of the model")
        let value = try model.runtime.value(over: tensor)
        if inputs.count >= Self.inputCountMax { inputs.removeFirst() }
        inputs.append((tensor, value))
        return value
    }

    private static let inputCountMax = 16

    private func requireReadableOutputs() throws {
        for output in model.inspection.outputs where output.elementType == nil {
            throw GleanerError(
                .modelUnsupported,
                "output '\(output.name)' of model \(manifest.id) is \(output.type ?? "not a tensor"), "
                    + "which Gleaner cannot read",
                remedy: "export the model with outputs of type float32, float16, uint8, int8, int32 or int64")
        }
    }

    private func bind(_ tensors: [TensorBuffer]) throws {
        outputValues = try tensors.map { tensor in
            let value = try model.runtime.value(over: tensor)
            try api.check(
                api.pointee.BindOutput(binding.pointer, tensor.name, value.pointer), "bind '\(tensor.name)'")
            return value
        }
        isBound = true
    }

    /// Runs with outputs that the runtime allocates, and copies them.
    private func runUnbound(on input: OrtHandle) throws -> TensorOutputs {
        var values = [OpaquePointer?](repeating: nil, count: outputNames.pointers.count)
        let status = api.pointee.Run(
            model.session.pointer, nil, inputNames.pointers, [input.pointer], 1, outputNames.pointers,
            values.count, &values)
        defer { for value in values { if let value { api.pointee.ReleaseValue(value) } } }
        if let failure = api.failure(of: status) { throw failed(failure) }
        tensors = try values.indices.map { try copy(values[$0], at: $0) }
        outputs = divided(tensors)
        return outputs
    }

    /// Decoders do not see what is there for embeddings alone.
    private func divided(_ tensors: [TensorBuffer]) -> TensorOutputs {
        let features = featuresName.flatMap { name in tensors.first { $0.name == name } }
        let others = tensors.filter { $0 !== features }
        return TensorOutputs(others.isEmpty ? tensors : others, features: features)
    }

    /// Copies an output into the tensor of the run before if it has the same shape, else into a new one.
    private func copy(_ value: OpaquePointer?, at index: Int) throws -> TensorBuffer {
        let name = model.inspection.outputs[index].name
        guard let value else { throw GleanerError(.runtimeFailed, "model \(manifest.id) gave no output '\(name)'") }
        let info = try api.make("describe an output", release: api.pointee.ReleaseTensorTypeAndShapeInfo) {
            api.pointee.GetTensorTypeAndShape(value, &$0)
        }
        let (number, dimensions) = try api.typeAndShape(info.pointer)
        let shape = dimensions.map { Int($0) }
        guard let type = ElementType(rawValue: ElementType.onnxName(number)) else {
            throw GleanerError(.modelUnsupported, "output '\(name)' of model \(manifest.id) has turned unreadable")
        }
        let tensor = reusable(at: index, type, shape) ?? TensorBuffer(name: name, elementType: type, shape: shape)
        var bytes: UnsafeMutableRawPointer?
        try api.check(api.pointee.GetTensorMutableData(value, &bytes), "read an output")
        if let bytes {
            tensor.bytes.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: tensor.byteCount))
        }
        return tensor
    }

    private func reusable(at index: Int, _ type: ElementType, _ shape: [Int]) -> TensorBuffer? {
        guard tensors.indices.contains(index) else { return nil }
        let tensor = tensors[index]
        return tensor.elementType == type && tensor.shape == shape ? tensor : nil
    }

    private func failed(_ failure: OrtFailure) -> GleanerError {
        GleanerError(.runtimeFailed, "model \(manifest.id) does not run", cause: failure)
    }
}

extension TensorBuffer {
    /// Bytes of all elements; ``bytes`` may have more.
    fileprivate var byteCount: Int { elementCount * elementType.byteCount }
}

extension OnnxRuntime {
    /// A value that reads and writes the tensor's own memory; the tensor must outlive it.
    fileprivate func value(over tensor: TensorBuffer) throws -> OrtHandle {
        let shape = tensor.shape.map { Int64($0) }
        guard let start = tensor.bytes.baseAddress else {
            throw GleanerError(.runtimeFailed, "tensor '\(tensor.name)' has no memory")
        }
        return try api.make("use '\(tensor.name)'", release: api.pointee.ReleaseValue) {
            api.pointee.CreateTensorWithDataAsOrtValue(
                memory, start, tensor.byteCount, shape, shape.count, tensor.elementType.onnxNumber, &$0)
        }
    }
}

/// Texts that C may keep pointing to.
final class CStrings {
    let pointers: [UnsafePointer<CChar>]

    init(_ texts: [String]) {
        pointers = texts.map { text in
            let bytes = Array(text.utf8CString)
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            copy.initialize(from: bytes, count: bytes.count)
            return UnsafePointer(copy)
        }
    }

    deinit { for pointer in pointers { pointer.deallocate() } }
}
