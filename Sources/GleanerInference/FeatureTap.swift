import Foundation
import GleanerCore

/// Makes a model give one more output: a tensor inside it that tells what a frame shows.
///
/// Two protobuf messages that are written one after the other are one message whose lists are joined. So
/// `graph { output { name } }` behind a model's bytes is a model with that output, and nobody has to export it again.
enum FeatureTap {
    /// The model's bytes with the tensor as its last output.
    static func tapping(_ tensor: String, in model: UnsafeRawBufferPointer) -> Data {
        // ModelProto.graph = 7, GraphProto.output = 12, ValueInfoProto.name = 1.
        let output = field(1, Array(tensor.utf8))
        var bytes = Data(model)
        bytes.append(contentsOf: field(7, field(12, output)))
        return bytes
    }

    private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
        var bytes = [number << 3 | 2]
        var count = content.count
        while count >= 0x80 {
            bytes.append(UInt8(count & 0x7f) | 0x80)
            count >>= 7
        }
        return bytes + [UInt8(count)] + content
    }
}

/// Finds the tensor of a graph that embeddings are best made of.
///
/// The input of the last fully connected layer is what a classifier decides by. A detector has none: of its feature
/// maps the deepest (the one that was shrunk most) sees the frame as a whole; the last of these has seen most.
struct FeatureSearch {
    /// A tensor that fits, and why.
    struct Found: Equatable {
        var tensor: String
        var reason: String
    }

    /// Activations that follow a convolution directly: what leaves them is the feature.
    private static let activations: Set<String> = [
        "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Clip", "HardSwish", "Sigmoid", "Tanh", "Softplus", "Gelu",
    ]
    private static let shrinking: Set<String> = [
        "Conv", "MaxPool", "AveragePool", "LpPool", "QLinearConv", "QLinearAveragePool",
    ]
    private static let widening: Set<String> = ["Resize", "Upsample", "ConvTranspose"]
    /// Operators that only give a tensor another form, through which a feature is looked for.
    private static let reshaping: Set<String> = [
        "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout", "Identity", "Transpose",
    ]

    let graph: OnnxGraph

    /// The best one; `nil` when the graph has neither a fully connected layer nor a feature map.
    var best: Found? { fullyConnectedInput ?? deepestMap }

    /// Every tensor that fits, best first, each once: for people to choose from.
    func all(limit: Int) -> [Found] {
        var seen: Set<String> = []
        let maps = strides().sorted { ($0.stride, $0.index) > ($1.stride, $1.index) }
        let found = [fullyConnectedInput].compactMap { $0 } + maps.map(Self.found)
        return Array(found.filter { seen.insert($0.tensor).inserted }.prefix(limit))
    }

    private var fullyConnectedInput: Found? {
        let computed = Set(graph.nodes.flatMap(\.outputs))
        for node in graph.nodes.reversed() where ["Gemm", "MatMul"].contains(node.operation) {
            guard node.inputs.count >= 2, graph.weights[node.inputs[1]]?.count == 2, computed.contains(node.inputs[0])
            else { continue }
            return Found(tensor: node.inputs[0], reason: "input of the last fully connected layer")
        }
        return nil
    }

    private var deepestMap: Found? {
        strides().max { ($0.stride, $0.index) < ($1.stride, $1.index) }.map(Self.found)
    }

    private struct Map {
        var tensor: String
        /// How much smaller it is than the input.
        var stride: Double
        var index: Int
    }

    private static func found(_ map: Map) -> Found {
        Found(tensor: map.tensor, reason: "feature map, 1/\(Int(map.stride.rounded())) of the input's size")
    }

    /// Every feature map with its stride: outputs of convolutions, after the activation that follows if one does.
    private func strides() -> [Map] {
        var stride: [String: Double] = [:]
        var uses: [String: [Int]] = [:]
        for (index, node) in graph.nodes.enumerated() {
            for input in node.inputs { uses[input, default: []].append(index) }
        }
        var maps: [Map] = []
        for (index, node) in graph.nodes.enumerated() {
            let own = node.strides.first.map { Double(max($0, 1)) } ?? 1
            var value = node.inputs.compactMap { stride[$0] }.max() ?? 1
            if Self.shrinking.contains(node.operation) { value *= own }
            if Self.widening.contains(node.operation) { value /= node.operation == "ConvTranspose" ? own : 2 }
            for output in node.outputs { stride[output] = value }
            guard node.operation == "Conv", let output = node.outputs.first else { continue }
            let followers = uses[output] ?? []
            let activation = followers.count == 1 ? graph.nodes[followers[0]] : nil
            let isActivated = activation.map { Self.activations.contains($0.operation) } ?? false
            // What nobody uses, or only reshapes, is an output of the network and not a feature.
            guard isActivated || followers.contains(where: { !Self.reshaping.contains(graph.nodes[$0].operation) })
            else { continue }
            let tensor = isActivated ? activation?.outputs.first ?? output : output
            maps.append(Map(tensor: tensor, stride: value, index: index))
        }
        return maps
    }
}
