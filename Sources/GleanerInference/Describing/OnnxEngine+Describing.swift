public import GleanerCore

/// A model as it can be imported: what was said of it, what was found in it, and what was assumed.
public struct DescribedModel: Hashable, Sendable {
    public var task: ModelTask
    public var labels: [String]
    public var input: InputSpec
    public var decoder: DecoderSpec
    public var assumptions: [ModelAssumption]
}

extension OnnxEngine {
    /// What a model without a manifest is: as a person says, else as its notes say, else as its shapes and a trial run
    /// suggest.
    ///
    /// - Throws: ``GleanerError`` with code `model.undescribed` when it does not tell enough, or as
    ///   ``loadSession(for:model:)``.
    public func describe(
        _ model: UnsafeRawBufferPointer, _ description: ModelDescription
    ) throws -> DescribedModel {
        let inspection = try inspect(model)
        let notes = UltralyticsNotes(inspection.metadata)
        try requireKnownTask(notes?.task)
        let guess = try InputGuess(inspection, description, notes)
        let form = try guess.form()
        let labels = description.labels ?? notes?.labels
        var assumptions: [ModelAssumption] = []
        var (decoder, task, classCount) = (DecoderSpec(name: description.decoder ?? ""), ModelTask.detection, Int?.none)
        if description.decoder == nil {
            let outputs = try tryOut(model, form)
            let graph = try OnnxGraph(model, named: "the model")
            let found = try DecoderGuess(
                outputs: outputs, input: form, labelCount: labels?.count, endsInSigmoid: graph.ends(in: "Sigmoid")
            ).find()
            (decoder, task, classCount) = (found.decoder, found.task, found.classCount)
            assumptions.append(.init(what: "decoder", value: decoder.name, reason: found.reason, option: "--decoder"))
        } else if description.decoder == "classification" {
            task = .classification
        }
        decoder.options.merge(description.decoderOptions) { $1 }
        let (input, usual) = guess.complete(form, for: decoder)
        guard let labels else { throw Self.withoutLabels(classCount) }
        return DescribedModel(
            task: task, labels: labels, input: input, decoder: decoder, assumptions: assumptions + usual)
    }

    private func requireKnownTask(_ task: String?) throws {
        guard let task, !["detect", "classify"].contains(task) else { return }
        throw GleanerError(
            .modelUnsupported, "the model says that its task is '\(task)', and Gleaner reads 'detect' and 'classify'",
            remedy: "export a model of the same data for detection or classification")
    }

    /// Runs the model once on noise.
    private func tryOut(_ model: UnsafeRawBufferPointer, _ input: InputSpec) throws -> [TensorBuffer] {
        let trial = ModelManifest(
            name: "trial", version: 1, task: .detection, bytes: model.count, sha256: Digest(of: []), labels: [],
            input: input, decoder: DecoderSpec(name: "trial"))
        let session = try loadSession(for: trial, model: model)
        session.input.fillWithNoise()
        return try session.run().tensors
    }

    private static func withoutLabels(_ classCount: Int?) -> GleanerError {
        let count = classCount.map { "its \($0) classes" } ?? "its classes"
        return GleanerError(
            .modelUndescribed, "the model does not name \(count)",
            remedy: "give them in its order: --labels FILE, one name a line, or --labels cat,dog")
    }
}

extension TensorBuffer {
    /// Writes the same noise each time, in the range of pixels: 0…255, or 0…1 for floats.
    fileprivate func fillWithNoise() {
        var state: UInt32 = 1
        for index in 0..<elementCount {
            state = state &* 1_664_525 &+ 1_013_904_223
            let level = UInt8(truncatingIfNeeded: state >> 24)
            switch elementType {
            case .float32: floats[index] = Float(level) / 255
            case .float16: bytes.storeBytes(of: Float16(Float(level) / 255), toByteOffset: index * 2, as: Float16.self)
            default: bytes[index] = level
            }
        }
    }
}
