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
        /// The best of them.
        var detections: [Object]?
        /// How many there are in all.
        var count: Int?

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
        struct Decoding: Decodable {
            struct Head: Decodable {
                var output: String
                var anchors: [[Double]]
                var scaleXY: Double
            }
            var type: String
            var heads: [Head]?
            var strides: [Int]?
            var minBoxes: [[Int]]?
            var variances: [Double]?
        }
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
            labels: document.labels, input: try Self.input(document), decoder: try Self.decoder(document.decoding))
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

    private static func decoder(_ decoding: Document.Decoding) throws -> DecoderSpec {
        switch decoding.type {
        case "softmax-probabilities": return DecoderSpec(name: "classification")
        case "logits": return DecoderSpec(name: "classification", options: ["activation": .string("logits")])
        case "quantised-probabilities":
            return DecoderSpec(name: "classification", options: ["activation": .string("quantised")])
        case "fastestdet": return DecoderSpec(name: "fastestdet")
        case "yolov3-anchors":
            let heads = (decoding.heads ?? []).map { head in
                JSONValue.object([
                    "output": .string(head.output), "scale_x_y": .number(head.scaleXY),
                    "anchors": .array(head.anchors.map { .array($0.map { .number($0) }) }),
                ])
            }
            return DecoderSpec(name: "yolo-anchors", options: ["heads": .array(heads), "score_min": .number(0.3)])
        case "ssd-priors":
            var options = ultraFace
            options["strides"] = .array((decoding.strides ?? []).map { .integer($0) })
            options["sizes"] = .array((decoding.minBoxes ?? []).map { .array($0.map { .integer($0) }) })
            options["variances"] = .array((decoding.variances ?? []).map { .number($0) })
            return DecoderSpec(name: "ssd-priors", options: options)
        case "ssd-decoded": return DecoderSpec(name: "boxes", options: ultraFace)
        default: throw GleanerError(.malformed, "no decoder is known for '\(decoding.type)'")
        }
    }

    private static let ultraFace: [String: JSONValue] = [
        "background": .string("first"), "score_min": .number(0.7), "nms_iou": .number(0.3),
    ]
}
