import GleanerCore

// What every decoder asks of its outputs.
extension TensorOutputs {
    /// The output of a name, or the only one.
    ///
    /// - Throws: ``GleanerError`` with code `output.mismatch` listing the outputs that there are.
    func output(named name: String?) throws -> TensorBuffer {
        var known: String { tensors.map { "'\($0.name)'" }.joined(separator: ", ") }
        if let name {
            guard let tensor = self[name] else {
                let nearest = NearestName.of(name, among: tensors.map(\.name)).map { "did you mean '\($0)'? " } ?? ""
                throw GleanerError(
                    .outputMismatch, "the model has no output '\(name)'",
                    remedy: "\(nearest)write one of \(known) as 'output' of the decoder")
            }
            return tensor
        }
        guard let only = tensors.first, tensors.count == 1 else {
            throw GleanerError(
                .outputMismatch, "the model has \(tensors.count) outputs, and the decoder reads one",
                remedy: "write one of \(known) as 'output' of the decoder")
        }
        return only
    }
}

extension TensorBuffer {
    /// Such as `output 'scores' of float32 [1, 4420, 2]`.
    var placeText: String { "output '\(name)' of \(elementType.rawValue) \(ShapeText.of(shape))" }

    /// - Throws: ``GleanerError`` with code `output.not_finite` if there is a NaN or an infinity.
    func requireFinite() throws {
        // A float is not finite when all its exponent bits are set: as integers without the sign, those are the
        // largest. Whole numbers compare several at a time.
        let isFinite =
            switch elementType {
            case .float32:
                floats.reduce(UInt32(0)) { max($0, $1.bitPattern & 0x7fff_ffff) } < Float.infinity.bitPattern
            case .float16:
                bytes.bindMemory(to: UInt16.self).prefix(elementCount).reduce(UInt16(0)) { max($0, $1 & 0x7fff) }
                    < 0x7c00
            case .uint8, .int8, .int32, .int64: true
            }
        guard isFinite else {
            throw GleanerError(
                .outputNotFinite, "\(placeText) holds NaN or infinity",
                remedy: "check the model's export and that its input is scaled as in training")
        }
    }
}

extension GleanerError {
    static func mismatch(_ tensor: TensorBuffer, expected: String, remedy: String) -> GleanerError {
        GleanerError(.outputMismatch, "\(tensor.placeText) does not fit: \(expected)", remedy: remedy)
    }
}
