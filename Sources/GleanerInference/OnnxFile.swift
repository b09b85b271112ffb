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
            var walk = Walk(bytes: bytes)
            try walk.message(.model, end: bytes.count, depth: 0)
            guard walk.hasGraph else { throw Walk.Fault.malformed }
        } catch Walk.Fault.external {
            throw GleanerError(
                .modelExternalData, "\(name) keeps weights in other files, which Gleaner never reads",
                remedy: "save it whole: onnx.save_model(onnx.load(IN), OUT, save_as_external_data=False)")
        } catch Walk.Fault.malformed {
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
    enum Fault: Error { case malformed, external }

    /// As deep as protobuf's own readers go.
    static let depthMax = 100

    let bytes: UnsafeRawBufferPointer
    var offset = 0
    var hasGraph = false

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func message(_ kind: Message, end: Int, depth: Int) throws {
        guard depth <= Self.depthMax else { throw Fault.malformed }
        while offset < end {
            let key = try varint(end: end)
            guard let tag = UInt32(exactly: key), tag >> 3 > 0 else { throw Fault.malformed }
            try field(tag >> 3, wireType: tag & 7, of: kind, end: end, depth: depth)
        }
    }

    private mutating func field(_ number: UInt32, wireType: UInt32, of kind: Message, end: Int, depth: Int) throws {
        switch wireType {
        case 0:
            let value = try varint(end: end)
            // TensorProto.data_location; 0 is "in this file".
            if kind == .tensor, number == 14, value != 0 { throw Fault.external }
        case 1: try skip(8, end: end)
        case 2:
            guard let count = Int(exactly: try varint(end: end)), count <= end - offset else { throw Fault.malformed }
            // TensorProto.external_data
            if kind == .tensor, number == 13 { throw Fault.external }
            guard let child = kind.child(in: number) else { return try skip(count, end: end) }
            if child == .graph { hasGraph = true }
            try message(child, end: offset + count, depth: depth + 1)
        case 5: try skip(4, end: end)
        // Groups, which ONNX never had, and types that do not exist.
        default: throw Fault.malformed
        }
    }

    private mutating func skip(_ count: Int, end: Int) throws {
        guard count <= end - offset else { throw Fault.malformed }
        offset += count
    }

    /// Seven bits a byte, the lowest first, at most ten bytes.
    private mutating func varint(end: Int) throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard offset < end else { throw Fault.malformed }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw Fault.malformed
    }
}
