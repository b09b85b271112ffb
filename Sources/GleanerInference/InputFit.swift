import GleanerCore

/// Whether a model's input is what a manifest says, and what to say when it is not.
struct InputFit {
    /// Larger inputs are refused unallocated: 4096 × 4096 × 3 floats and room to spare.
    static let byteCountMax = 256 << 20

    let manifest: ModelManifest
    let inspection: ModelInspection

    /// Memory for the input, in the manifest's shape.
    ///
    /// - Throws: ``GleanerError`` with code `model.input_mismatch` or `model.unsupported`.
    func makeInput() throws -> TensorBuffer {
        let tensor = try find()
        let spec = manifest.input
        guard let type = tensor.elementType else {
            throw GleanerError(
                .modelUnsupported, "\(place(tensor)) is \(tensor.type ?? "not a tensor"), which Gleaner cannot fill",
                remedy: "export the model with a float32, float16, uint8 or int8 input")
        }
        guard type == spec.type else {
            throw mismatch("\(place(tensor)) is \(type.rawValue), and the manifest says \(spec.type.rawValue)", "type")
        }
        try checkShape(of: tensor)
        return TensorBuffer(name: tensor.name, elementType: type, shape: spec.shape)
    }

    private func find() throws -> ModelInspection.Tensor {
        let names = inspection.inputs.map { "'\($0.name)'" }.joined(separator: ", ")
        guard let first = inspection.inputs.first, inspection.inputs.count == 1 else {
            throw GleanerError(
                .modelUnsupported,
                "model \(manifest.id) has \(inspection.inputs.count) inputs (\(names)), and Gleaner fills exactly one",
                remedy: "make the others constants of the model when you export it")
        }
        if let name = manifest.input.name, name != first.name {
            throw mismatch("the input of model \(manifest.id) is \(names), and the manifest says '\(name)'", "name")
        }
        return first
    }

    private func checkShape(of tensor: ModelInspection.Tensor) throws {
        let spec = manifest.input
        var byteCount = spec.type.byteCount
        for dimension in spec.shape {
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: dimension)
            guard dimension > 0, !overflow, product <= Self.byteCountMax else {
                throw mismatch(
                    "the manifest's input of \(spec.width) × \(spec.height) is empty or larger than "
                        + ByteCount.format(Self.byteCountMax), "width and height")
            }
            byteCount = product
        }
        // Models may leave their input's rank open; the trial run then tells.
        guard !tensor.shape.isEmpty else { return }
        let fits =
            tensor.shape.count == spec.shape.count
            && zip(tensor.shape, spec.shape).allSatisfy { $0 == nil || $0 == $1 }
        guard fits else {
            throw mismatch(
                "\(place(tensor)) has the shape \(ShapeText.of(tensor.shape)), and the manifest says "
                    + ShapeText.of(spec.shape), "width, height, layout and color")
        }
    }

    private func place(_ tensor: ModelInspection.Tensor) -> String { "input '\(tensor.name)' of model \(manifest.id)" }

    private func mismatch(_ message: String, _ keys: String) -> GleanerError {
        GleanerError(.modelInputMismatch, message, remedy: "correct \(keys) under 'input' in \(ModelManifest.fileName)")
    }
}

/// Shapes as people read them: `[1, 3, ?, 352]`.
enum ShapeText {
    static func of(_ shape: [Int?]) -> String {
        "[" + shape.map { $0.map { "\($0)" } ?? "?" }.joined(separator: ", ") + "]"
    }
}
