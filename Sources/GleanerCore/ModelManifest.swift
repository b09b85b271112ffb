public import Foundation

/// How a frame becomes a model's input: everything that must be as it was in training.
public struct InputSpec: Hashable, Sendable, Codable {
    /// Order of the tensor's dimensions.
    public enum Layout: String, Sendable, Codable, CaseIterable { case nchw = "NCHW", nhwc = "NHWC" }
    /// Order of the colour channels; `gray` gives one channel, the BT.601 luma.
    public enum Color: String, Sendable, Codable, CaseIterable { case rgb = "RGB", bgr = "BGR", gray = "GRAY" }
    /// What happens when the frame's shape is not the input's.
    public enum Fit: String, Sendable, Codable, CaseIterable {
        /// Each axis is scaled on its own.
        case stretch
        /// The frame is scaled to fit inside and centred; the rest is `pad_value`.
        case letterbox
        /// The frame is scaled to cover, and its centre is taken.
        case crop
    }
    /// How pixels between pixels are found.
    public enum Filter: String, Sendable, Codable, CaseIterable {
        /// The four neighbours, not widened when shrinking: what OpenCV's INTER_LINEAR and most training code do.
        case bilinear
        /// The triangle filter widened when shrinking, as Pillow's BILINEAR with antialiasing.
        case antialiased
        /// The closest pixel.
        case nearest
    }

    /// The input's name in the model; the model's only input when `nil`.
    public var name: String?
    public var width: Int
    public var height: Int
    public var layout: Layout = .nchw
    public var type: ElementType = .float32
    public var color: Color = .rgb
    /// Each channel value 0…255 becomes `(value × scale − mean) / std`, channel by channel in the tensor's order.
    public var scale: Float = 1
    public var mean: [Float] = [0]
    public var std: [Float] = [1]
    public var fit: Fit = .stretch
    public var filter: Filter = .bilinear
    /// Grey level, 0…255, of what a letterbox leaves free.
    public var padValue: Int = 114

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    public var channelCount: Int { color == .gray ? 1 : 3 }
    public var shape: [Int] {
        switch layout {
        case .nchw: [1, channelCount, height, width]
        case .nhwc: [1, height, width, channelCount]
        }
    }

    enum CodingKeys: String, CodingKey {
        case name, width, height, layout, type, color, scale, mean, std, fit, filter
        case padValue = "pad_value"
    }

    public init(from decoder: any Decoder) throws {
        let box = try decoder.container(keyedBy: CodingKeys.self)
        self.init(width: try box.decode(Int.self, forKey: .width), height: try box.decode(Int.self, forKey: .height))
        name = try box.decodeIfPresent(String.self, forKey: .name)
        layout = try box.decodeIfPresent(Layout.self, forKey: .layout) ?? layout
        type = try box.decodeIfPresent(ElementType.self, forKey: .type) ?? type
        color = try box.decodeIfPresent(Color.self, forKey: .color) ?? color
        scale = try box.decodeIfPresent(Float.self, forKey: .scale) ?? scale
        mean = try box.decodeIfPresent([Float].self, forKey: .mean) ?? mean
        std = try box.decodeIfPresent([Float].self, forKey: .std) ?? std
        fit = try box.decodeIfPresent(Fit.self, forKey: .fit) ?? fit
        filter = try box.decodeIfPresent(Filter.self, forKey: .filter) ?? filter
        padValue = try box.decodeIfPresent(Int.self, forKey: .padValue) ?? padValue
    }
}

/// Which decoder reads the outputs, and its options: `{"name": "fastestdet", "score_min": 0.65}`.
public struct DecoderSpec: Hashable, Sendable, Codable {
    public var name: String
    /// Every other key; the decoder's own `OptionReader` checks them.
    public var options: [String: JSONValue]

    public init(name: String, options: [String: JSONValue] = [:]) {
        self.name = name
        self.options = options
    }

    public init(from decoder: any Decoder) throws {
        var all = try decoder.singleValueContainer().decode([String: JSONValue].self)
        guard case .string(let name)? = all.removeValue(forKey: "name") else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a decoder needs a name"))
        }
        self.init(name: name, options: all)
    }

    public func encode(to encoder: any Encoder) throws {
        var all = options
        all["name"] = .string(name)
        var container = encoder.singleValueContainer()
        try container.encode(all)
    }
}

/// `model.json`: what a model bundle says of its model. Schema: `Schemas/model-bundle.schema.json`.
public struct ModelManifest: Hashable, Sendable, Codable {
    public static let currentSchema = "gleaner/model-bundle/1"
    public static let fileName = "model.json"
    /// A manifest larger than this is refused unread.
    public static let byteCountMax = 256 << 10

    public var schema: String
    public var name: String
    public var version: Int
    public var task: ModelTask
    /// The model's file beside the manifest, with its size and SHA-256.
    public var file: String
    public var bytes: Int
    public var sha256: Digest
    /// Class names in the order of the model's outputs.
    public var labels: [String]
    public var input: InputSpec
    public var decoder: DecoderSpec
    /// The tensor that embeddings are made of: an output of the model, or any tensor inside it. `nil`: the input of
    /// the last fully connected layer, else the deepest feature map, else none.
    public var embedding: String?
    /// How hard classes are to learn, by name: what the uncertainty of a box of that class weighs, in 0.01…100; 1 for those
    /// that are not named.
    public var difficulty: [String: Float]?
    /// Ids of the batches that it was trained on; `nil` when nobody knows.
    public var trainedOn: [String]?
    /// Whether samples of the split `test` (audit samples) were trained on too. They then say nothing of this model,
    /// unless it predicted them live.
    public var trainedOnTest: Bool?
    public var licence: String?
    public var origin: String?

    public init(
        name: String, version: Int, task: ModelTask, file: String = "model.onnx", bytes: Int, sha256: Digest,
        labels: [String], input: InputSpec, decoder: DecoderSpec
    ) {
        schema = Self.currentSchema
        self.name = name
        self.version = version
        self.task = task
        self.file = file
        self.bytes = bytes
        self.sha256 = sha256
        self.labels = labels
        self.input = input
        self.decoder = decoder
    }

    /// ``difficulty`` of each label, in their order, as a share of the largest; empty when all are alike.
    public var relativeDifficulty: [Float] {
        guard let difficulty, !difficulty.isEmpty else { return [] }
        let weights = labels.map { difficulty[$0] ?? 1 }
        let largest = weights.max() ?? 1
        return weights.map { $0 / largest }
    }

    public var id: ModelID { ModelID(name: name, version: version, digest: sha256) }

    enum CodingKeys: String, CodingKey {
        case schema, name, version, task, file, bytes, sha256, labels, input, decoder, embedding, difficulty, licence,
            origin
        case trainedOn = "trained_on"
        case trainedOnTest = "trained_on_test"
    }
}

/// A model bundle on this disk: its manifest and the folder that holds its file.
public struct ModelBundle: Sendable {
    public var manifest: ModelManifest
    public var folder: URL
    public init(manifest: ModelManifest, folder: URL) {
        self.manifest = manifest
        self.folder = folder
    }
    public var file: URL { folder.appending(path: manifest.file) }
}
