import Foundation
import GleanerCore

/// A real model beside the package, in the form of the data's own `model.json`, as the manifest of a bundle.
///
/// The data's form tells the preprocessing in words; the few that occur are known here.
struct ResearchModel {
    var manifest: ModelManifest
    var bytes: Data
    var expected: [Expectation]

    /// What Python's onnxruntime gave for a picture.
    struct Expectation: Decodable, Sendable {
        struct Object: Decodable, Sendable {
            var label: String
            var score: Float
            /// Left, top, right, bottom in the picture's pixels.
            var boxXyxy: [Float]
        }
        /// The raw outputs of a classifier, or their peak.
        enum Output: Decodable, Sendable {
            case all([Float])
            case peak(index: Int, value: Float)
            private enum CodingKeys: String, CodingKey { case argmax, max }
            init(from decoder: any Decoder) throws {
                if let values = try? decoder.singleValueContainer().decode([Float].self) {
                    self = .all(values)
                    return
                }
                let box = try decoder.container(keyedBy: CodingKeys.self)
                self = .peak(
                    index: try box.decode(Int.self, forKey: .argmax), value: try box.decode(Float.self, forKey: .max))
            }
        }
        /// Of a classifier: below the data's folder.
        var file: String?
        var output: Output?
        /// Of a detector: below the models' folder.
        var picture: String?
        var detections: [Object]?

        /// Below the data's folder.
        var path: String { file ?? "models/" + (picture ?? "") }
    }

    private struct Document: Decodable {
        struct Tensor: Decodable { var name: String }
        struct Preprocess: Decodable {
            var layout: InputSpec.Layout
            var dtype: ElementType
            var color: InputSpec.Color
            var scale: String
        }
        struct Decoding: Decodable { var type: String }
        var name: String
        var task: ModelTask
        var inputs: [Input]
        var preprocess: Preprocess
        var decoding: Decoding
        var labels: [String]
        var expected: [Expectation]
    }
    private struct Input: Decodable {
        var name: String
        /// `nil` for a dimension that has a name instead of a number.
        var shape: [Int?]
        private enum CodingKeys: String, CodingKey { case name, shape }
        init(from decoder: any Decoder) throws {
            let box = try decoder.container(keyedBy: CodingKeys.self)
            name = try box.decode(String.self, forKey: .name)
            shape = try box.decode([JSONValue].self, forKey: .shape).map {
                if case .integer(let count) = $0 { count } else { nil }
            }
        }
    }

    /// - Parameters:
    ///   - name: Its folder in `models`.
    ///   - data: The folder of the real pictures and models.
    init(_ name: String, in data: URL) throws {
        let folder = data.appending(path: "models/\(name)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let document = try decoder.decode(
            Document.self, from: Data(contentsOf: folder.appending(path: "model.json")))
        bytes = try Data(contentsOf: folder.appending(path: "model.onnx"))
        expected = document.expected
        manifest = ModelManifest(
            name: document.name, version: 1, task: document.task, bytes: bytes.count, sha256: Digest(of: bytes),
            labels: document.labels, input: try Self.input(document), decoder: try Self.decoder(document.decoding.type))
    }

    private static func input(_ document: Document) throws -> InputSpec {
        let words = document.preprocess
        guard let input = document.inputs.first, document.inputs.count == 1 else {
            throw GleanerError(.malformed, "\(document.name) has not one input")
        }
        let sides = words.layout == .nchw ? input.shape.suffix(2) : input.shape.dropFirst().prefix(2)
        guard let height = sides.first ?? nil, let width = sides.last ?? nil else {
            throw GleanerError(.malformed, "\(document.name) has an input of any size")
        }
        var spec = InputSpec(width: width, height: height)
        spec.name = input.name
        spec.layout = words.layout
        spec.type = words.dtype
        spec.color = words.color
        switch words.scale {
        case "x/255": spec.scale = 1 / 255
        case "(x-127)/128": (spec.mean, spec.std) = ([127], [128])
        case let plain where plain.hasPrefix("none"): break
        case let unknown: throw GleanerError(.malformed, "\(document.name) scales by '\(unknown)'")
        }
        return spec
    }

    private static func decoder(_ type: String) throws -> DecoderSpec {
        switch type {
        case "softmax-probabilities": DecoderSpec(name: "classification")
        case "logits": DecoderSpec(name: "classification", options: ["activation": .string("logits")])
        case "quantised-probabilities":
            DecoderSpec(name: "classification", options: ["activation": .string("quantised")])
        case "fastestdet": DecoderSpec(name: "fastestdet")
        default: throw GleanerError(.malformed, "no decoder is known for '\(type)'")
        }
    }
}
