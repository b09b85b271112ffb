import GleanerCore

/// The top graph of an ONNX file: what computes what. Weights are skipped over; only their shapes are read.
///
/// Names of fields: onnx.proto3.
struct OnnxGraph {
    struct Node {
        var operation = ""
        var inputs: [String] = []
        var outputs: [String] = []
        /// Attribute `strides`; empty when there is none.
        var strides: [Int] = []
    }

    /// A graph with more nodes than this has none that we look at.
    static let nodeCountMax = 100_000
    private static let nameByteCountMax = 1_000

    /// In the order they run.
    private(set) var nodes: [Node] = []
    /// Shapes of the weights, by name.
    private(set) var weights: [String: [Int]] = [:]
    private(set) var outputs: [String] = []
    private var graphCount = 0

    /// - Throws: ``GleanerError`` with code `model.corrupt`.
    init(_ bytes: UnsafeRawBufferPointer, named name: String) throws {
        do {
            try ProtobufReader.forEachMessage(in: bytes) { number, graph in
                if number == 7 { try readGraph(graph) }
            }
        } catch is ProtobufReader.Malformed {
            throw OnnxFile.corrupt(name)
        }
    }

    /// Whether the graph computes a tensor of this name.
    func computes(_ tensor: String) -> Bool { nodes.contains { $0.outputs.contains(tensor) } }

    /// Whether an output comes out of such an operation, but for what only changes its form.
    func ends(in operation: String) -> Bool {
        let reshaping: Set = ["Flatten", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Cast"]
        return outputs.contains { output in
            var tensor = output
            // As many steps as a chain of such operations could reasonably have.
            for _ in 0..<8 {
                guard let node = nodes.first(where: { $0.outputs.contains(tensor) }) else { return false }
                if node.operation == operation { return true }
                guard reshaping.contains(node.operation), let input = node.inputs.first else { return false }
                tensor = input
            }
            return false
        }
    }

    private mutating func readGraph(_ bytes: UnsafeRawBufferPointer) throws {
        try ProtobufReader.forEachMessage(in: bytes) { number, content in
            switch number {
            case 1 where nodes.count < Self.nodeCountMax: nodes.append(try Self.node(content))
            case 5:
                let (name, shape) = try Self.weight(content)
                weights[name] = shape
            case 12: outputs.append(try Self.firstText(content))
            default: break
            }
        }
    }

    private static func node(_ bytes: UnsafeRawBufferPointer) throws -> Node {
        var node = Node()
        try ProtobufReader.forEachMessage(in: bytes) { number, content in
            switch number {
            case 1: node.inputs.append(text(content))
            case 2: node.outputs.append(text(content))
            case 4: node.operation = text(content)
            case 5: if let strides = try strides(content) { node.strides = strides }
            default: break
            }
        }
        return node
    }

    /// The numbers of an attribute, if it is called `strides`.
    private static func strides(_ bytes: UnsafeRawBufferPointer) throws -> [Int]? {
        var name = ""
        var numbers: [Int] = []
        var reader = ProtobufReader(bytes)
        while let (number, value) = try reader.next() {
            switch (number, value) {
            case (1, .bytes(let content)): name = text(content)
            case (8, .number(let value)): numbers.append(Int(truncatingIfNeeded: value))
            case (8, .bytes(let content)): numbers += try packed(content)
            default: continue
            }
        }
        return name == "strides" ? numbers : nil
    }

    private static func weight(_ bytes: UnsafeRawBufferPointer) throws -> (name: String, shape: [Int]) {
        var name = ""
        var shape: [Int] = []
        var reader = ProtobufReader(bytes)
        while let (number, value) = try reader.next() {
            switch (number, value) {
            case (1, .number(let value)): shape.append(Int(truncatingIfNeeded: value))
            case (1, .bytes(let content)): shape += try packed(content)
            case (8, .bytes(let content)): name = text(content)
            default: continue
            }
        }
        return (name, shape)
    }

    /// The first text of a ValueInfoProto is its name.
    private static func firstText(_ bytes: UnsafeRawBufferPointer) throws -> String {
        var reader = ProtobufReader(bytes)
        while let (number, value) = try reader.next() {
            if number == 1, case .bytes(let content) = value { return text(content) }
        }
        return ""
    }

    private static func packed(_ bytes: UnsafeRawBufferPointer) throws -> [Int] {
        var reader = ProtobufReader(bytes)
        var numbers: [Int] = []
        while numbers.count < 16, let value = try reader.nextPacked() { numbers.append(Int(truncatingIfNeeded: value)) }
        return numbers
    }

    /// Names that nobody could write in a manifest are left empty.
    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        bytes.count <= nameByteCountMax ? String(decoding: bytes, as: UTF8.self) : ""
    }
}
