import Foundation
import GleanerCore

/// The part `prediction` of a request: what a model said of the frame beside it.
///
/// Schema: `Schemas/ingest-frame.schema.json`.
struct IngestMessage: Decodable {
    struct Model: Decodable {
        var name: String
        var version: Int
        var sha256: Digest?

        init(from decoder: any Decoder) throws {
            let box = try decoder.strictContainer(keyedBy: CodingKeys.self)
            name = try box.decode(String.self, forKey: .name)
            version = try box.decode(Int.self, forKey: .version)
            sha256 = try box.decodeIfPresent(Digest.self, forKey: .sha256)
        }
        enum CodingKeys: String, CodingKey, CaseIterable { case name, version, sha256 }
    }

    /// A box in pixels of the frame as it stands upright.
    struct ScoredBox: Decodable {
        var label: String
        var score: Float
        var box: Box

        init(from decoder: any Decoder) throws {
            let keys = try decoder.strictContainer(keyedBy: CodingKeys.self)
            label = try keys.decode(String.self, forKey: .label)
            score = try keys.decode(Float.self, forKey: .score)
            box = Box(
                x: try keys.decode(Float.self, forKey: .x), y: try keys.decode(Float.self, forKey: .y),
                width: try keys.decode(Float.self, forKey: .width), height: try keys.decode(Float.self, forKey: .height)
            )
        }
        enum CodingKeys: String, CodingKey, CaseIterable { case label, score, x, y, width, height }
    }

    /// One for each label, in their order; or of some labels by name.
    enum Probabilities: Decodable {
        case list([Float])
        case named([String: Float])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let list = try? container.decode([Float].self) {
                self = .list(list)
            } else {
                self = .named(try container.decode([String: Float].self))
            }
        }
    }

    var id: String
    var client: String?
    var capturedAt: Timestamp?
    var model: Model
    var task: ModelTask
    var labels: [String]?
    var scoreMin: Float?
    var probabilities: Probabilities?
    var boxes: [ScoredBox]?
    var embedding: [Float]?

    init(from decoder: any Decoder) throws {
        let box = try decoder.strictContainer(keyedBy: CodingKeys.self)
        id = try box.decode(String.self, forKey: .id)
        client = try box.decodeIfPresent(String.self, forKey: .client)
        capturedAt = try box.decodeIfPresent(Timestamp.self, forKey: .capturedAt)
        model = try box.decode(Model.self, forKey: .model)
        task = try box.decode(ModelTask.self, forKey: .task)
        labels = try box.decodeIfPresent([String].self, forKey: .labels)
        scoreMin = try box.decodeIfPresent(Float.self, forKey: .scoreMin)
        probabilities = try box.decodeIfPresent(Probabilities.self, forKey: .probabilities)
        boxes = try box.decodeIfPresent([ScoredBox].self, forKey: .boxes)
        embedding = try box.decodeIfPresent([Float].self, forKey: .embedding)
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, client, model, task, labels, probabilities, boxes, embedding
        case capturedAt = "captured_at"
        case scoreMin = "score_min"
    }

    /// - Throws: ``GleanerError`` with code `document.malformed` saying where.
    static func read(_ data: Data) throws -> IngestMessage {
        try CanonicalJSON.decode(from: data, named: "the part 'prediction'")
    }
}
