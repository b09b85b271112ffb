import GleanerCore

/// A look at the bytes of an ONNX file before ONNX Runtime sees them.
///
/// An ONNX file is a protobuf message (onnx.proto3). A tensor in it may say that its values lie in another file:
/// ONNX Runtime would then open whatever path it names, and some releases even take an address in memory from it.
/// A model must be the very bytes that were digested, so such a file is refused. Everything else is skipped over:
/// the cost is a few instructions for each field, whatever the size of the weights.
enum OnnxFile {
    /// - Throws: ``GleanerError`` with code `model.corrupt` or `model.external_data`.
    static func check(_ bytes: UnsafeRawBufferPointer, named name: String) throws {
        do {
            var walk = Walk()
            try walk.message(.model, bytes, depth: 0)
            guard walk.hasGraph else { throw ProtobufReader.Malformed() }
        } catch Walk.Fault.external {
            throw GleanerError(
                .modelExternalData, "\(name) keeps weights in other files, which Gleaner never reads",
                remedy: "save it whole: onnx.save_model(onnx.load(IN), OUT, save_as_external_data=False)")
        } catch is ProtobufReader.Malformed {
            throw corrupt(name)
        }
    }

    static func corrupt(_ name: String, cause: (any Error)? = nil) -> GleanerError {
        GleanerError(
            .modelCorrupt, "\(name) is not a whole ONNX model",
            remedy: "copy it again; if it was just made, check that its export finished", cause: cause)
    }
}

/// The messages of onnx.proto3 that can hold a tensor at any depth, and in which fields.
private enum Message {
    case model, graph, training, function, node, attribute, sparseTensor, tensor

    func child(in field: UInt32) -> Message? {
        switch (self, field) {
        case (.model, 7), (.training, 1), (.training, 2), (.attribute, 6), (.attribute, 11): .graph
        case (.model, 20): .training
        case (.model, 25): .function
        case (.graph, 1), (.function, 7): .node
        case (.node, 5), (.function, 11): .attribute
        case (.graph, 5), (.attribute, 5), (.attribute, 10), (.sparseTensor, 1), (.sparseTensor, 2): .tensor
        case (.graph, 15), (.attribute, 22), (.attribute, 23): .sparseTensor
        default: nil
        }
    }
}

/// Walks through a protobuf message and every message inside it that matters.
private struct Walk {
    enum Fault: Error { case external }

    /// As deep as protobuf's own readers go.
    static let depthMax = 100

    var hasGraph = false

    mutating func message(_ kind: Message, _ bytes: UnsafeRawBufferPointer, depth: Int) throws {
        guard depth <= Self.depthMax else { throw ProtobufReader.Malformed() }
        var reader = ProtobufReader(bytes)
        while let (number, value) = try reader.next() {
            switch value {
            // TensorProto.data_location; 0 is "in this file".
            case .number(let location) where kind == .tensor && number == 14 && location != 0: throw Fault.external
            // TensorProto.external_data
            case .bytes where kind == .tensor && number == 13: throw Fault.external
            case .bytes(let content):
                guard let child = kind.child(in: number) else { continue }
                if child == .graph { hasGraph = true }
                try message(child, content, depth: depth + 1)
            default: continue
            }
        }
    }
}
