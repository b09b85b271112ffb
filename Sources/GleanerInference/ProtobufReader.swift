/// Reads the fields of one protobuf message, one after the other, copying nothing.
struct ProtobufReader {
    /// The bytes are no message.
    struct Malformed: Error {}

    enum Value {
        /// A varint; also the bits of fixed numbers.
        case number(UInt64)
        /// A text, a nested message or packed numbers.
        case bytes(UnsafeRawBufferPointer)
    }

    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next field's number and value; `nil` at the end.
    mutating func next() throws -> (number: UInt32, value: Value)? {
        guard offset < bytes.count else { return nil }
        guard let tag = UInt32(exactly: try varint()), tag >> 3 > 0 else { throw Malformed() }
        switch tag & 7 {
        case 0: return (tag >> 3, .number(try varint()))
        case 1: return (tag >> 3, .number(Self.littleEndian(try take(8))))
        case 2:
            guard let count = Int(exactly: try varint()) else { throw Malformed() }
            return (tag >> 3, .bytes(try take(count)))
        case 5: return (tag >> 3, .number(Self.littleEndian(try take(4))))
        // Groups, which ONNX never had, and types that do not exist.
        default: throw Malformed()
        }
    }

    /// Hands out the fields that are texts, nested messages or packed numbers, in their order.
    static func forEachMessage(
        in bytes: UnsafeRawBufferPointer, _ body: (UInt32, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var reader = ProtobufReader(bytes)
        while let (number, value) = try reader.next() {
            if case .bytes(let content) = value { try body(number, content) }
        }
    }

    /// A varint outside of any field: packed numbers are nothing else.
    mutating func nextPacked() throws -> UInt64? { offset < bytes.count ? try varint() : nil }

    private mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count <= bytes.count - offset else { throw Malformed() }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    private static func littleEndian(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Seven bits a byte, the lowest first, at most ten bytes.
    private mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard offset < bytes.count else { throw Malformed() }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw Malformed()
    }
}
