import Foundation
import GleanerCore

/// What a tensor of a model is computed by: equal for two models that compute it alike, whatever they do behind it.
///
/// A retrained head on a frozen backbone is the usual case: what both make of a frame is then the same embedding, and
/// what was remembered under the one holds under the other. Names do not matter, since every exporter makes up its own;
/// operations, attributes and weights do.
struct BackboneDigest {
    private struct Node {
        var kind = Data()
        var inputs: [String] = []
        var outputs: [String] = []
        var hasGraph = false
    }

    private var nodes: [String: (node: Node, output: Int)] = [:]
    private var weights: [String: Digest] = [:]
    private var known: [String: Digest?] = [:]

    /// `nil` when it cannot be told, as for a tensor that comes out of a branch or a loop.
    static func of(_ tensor: String, in model: UnsafeRawBufferPointer) -> Digest? {
        guard var digests = try? BackboneDigest(model) else { return nil }
        return digests.digest(of: tensor)
    }

    private init(_ model: UnsafeRawBufferPointer) throws {
        try ProtobufReader.forEachMessage(in: model) { number, graph in
            guard number == 7 else { return }
            try ProtobufReader.forEachMessage(in: graph) { number, content in
                if number == 1 { try add(Self.node(content)) }
                if number == 5 { try addWeight(content) }
            }
        }
    }

    private mutating func add(_ node: Node) {
        for (index, output) in node.outputs.enumerated() { nodes[output] = (node, index) }
    }

    /// A weight without its name and remarks.
    private mutating func addWeight(_ bytes: UnsafeRawBufferPointer) throws {
        var name = ""
        var hash = DigestHasher()
        var reader = ProtobufReader(bytes)
        while let (number, value) = try reader.next() {
            switch (number, value) {
            case (8, .bytes(let content)): name = String(decoding: content, as: UTF8.self)
            case (12, _): continue
            case (_, .bytes(let content)):
                hash.update(Data("\(number):\(content.count):".utf8))
                hash.update(content)
            case (_, .number(let value)): hash.update(Data("\(number)=\(value);".utf8))
            }
        }
        weights[name] = hash.finish()
    }

    private static func node(_ bytes: UnsafeRawBufferPointer) throws -> Node {
        var node = Node()
        try ProtobufReader.forEachMessage(in: bytes) { number, content in
            switch number {
            case 1: node.inputs.append(String(decoding: content, as: UTF8.self))
            case 2: node.outputs.append(String(decoding: content, as: UTF8.self))
            // Operation, attribute, domain.
            case 4, 5, 7:
                node.kind.append(contentsOf: "\(number):\(content.count):".utf8)
                node.kind.append(contentsOf: content)
                if number == 5 { node.hasGraph = try node.hasGraph || holdsGraph(content) }
            default: break
            }
        }
        return node
    }

    /// A graph inside an attribute reads tensors that its node does not name.
    private static func holdsGraph(_ attribute: UnsafeRawBufferPointer) throws -> Bool {
        var reader = ProtobufReader(attribute)
        while let (number, _) = try reader.next() {
            if number == 6 || number == 11 { return true }
        }
        return false
    }

    /// Nodes lie in the order they run, so that this ends; a file whose nodes go round in a circle has no digest.
    private mutating func digest(of tensor: String) -> Digest? {
        var waiting = [tensor]
        var begun: Set<String> = []
        while let next = waiting.last {
            if known[next] != nil {
                waiting.removeLast()
                continue
            }
            let inputs = nodes[next]?.node.inputs ?? []
            let missing = inputs.filter { known[$0] == nil }
            if missing.isEmpty {
                known[next] = .some(combined(next))
                waiting.removeLast()
            } else {
                guard begun.insert(next).inserted else { return nil }
                waiting += missing
            }
        }
        return known[tensor] ?? nil
    }

    private func combined(_ tensor: String) -> Digest? {
        if let weight = weights[tensor] { return weight }
        // An input of the model, or one that an operation leaves out.
        guard let (node, output) = nodes[tensor] else {
            return Digest(of: Data(tensor.isEmpty ? "none".utf8 : "input".utf8))
        }
        guard !node.hasGraph else { return nil }
        var hash = DigestHasher()
        hash.update(node.kind)
        hash.update(Data("output \(output)".utf8))
        for input in node.inputs {
            guard let digest = known[input] ?? nil else { return nil }
            hash.update(Data(digest.bytes))
        }
        return hash.finish()
    }
}
