import Foundation
import GleanerCore

/// Frames that a bundle brings along with what its model says of them where it was trained: a model that says
/// something else here is read, fed or run differently, whatever its accuracy.
///
/// They lie in the bundle's folder `golden`, described by `golden.json` (schema `gleaner/golden/1`).
struct GoldenFrames: Codable {
    struct Frame: Codable {
        /// A picture beside `golden.json`.
        var file: String
        var prediction: PredictionRecord
    }

    static let folderName = "golden"
    static let fileName = "golden.json"
    static let currentSchema = "gleaner/golden/1"
    static let frameCountMax = 200
    private static let byteCountMax = 16 << 20
    static let pictureByteCountMax = 64 << 20

    var schema: String
    /// How far a score may be off; another runtime and another processor round otherwise.
    var scoreTolerance: Float?
    /// Intersection over union that a box must have at least.
    var overlapMin: Float?
    var frames: [Frame]

    enum CodingKeys: String, CodingKey {
        case schema, frames
        case scoreTolerance = "score_tolerance"
        case overlapMin = "overlap_min"
    }

    /// Those of a bundle; `nil` when it brings none.
    ///
    /// - Throws: ``GleanerError`` when they are not what the schema says.
    static func read(of bundle: ModelBundle) throws -> GoldenFrames? {
        let path = bundle.folder.appending(path: "\(folderName)/\(fileName)").path(percentEncoded: false)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let golden = try CanonicalJSON.decode(
            GoldenFrames.self, from: try FileReading.bytes(of: path, byteCountMax: byteCountMax), named: fileName)
        guard golden.schema == currentSchema, golden.frames.count <= frameCountMax,
            golden.frames.allSatisfy({ Self.isName($0.file) }),
            (0...1).contains(golden.tolerance), (0...1).contains(golden.overlap)
        else {
            throw GleanerError(
                .malformed,
                "\(fileName) must have the schema \(currentSchema), at most \(frameCountMax) frames that lie beside it, and tolerances in 0…1",
                remedy: "see Schemas/golden.schema.json")
        }
        return golden
    }

    /// Whether it names a file beside this one.
    private static func isName(_ file: String) -> Bool {
        !file.isEmpty && PathName.last(of: file) == file && !file.hasPrefix(".")
    }

    private var tolerance: Float { scoreTolerance ?? 0.05 }
    private var overlap: Float { overlapMin ?? 0.8 }

    /// How an answer differs from what is expected; `nil` when it does not.
    func difference(_ answer: PredictionRecord, _ expected: PredictionRecord) -> String? {
        guard answer.task == expected.task else { return "it is a \(answer.task.rawValue)" }
        return expected.task == .detection
            ? difference(boxes: answer, expected) : difference(classes: answer, expected)
    }

    private func difference(classes answer: PredictionRecord, _ expected: PredictionRecord) -> String? {
        let said = Dictionary((answer.classes ?? []).map { ($0.label, $0.score) }) { first, _ in first }
        // Turned round so that what is not a number differs from all.
        for each in expected.classes ?? [] where !(((said[each.label] ?? 0) - each.score).magnitude <= tolerance) {
            return "'\(each.label)' has \(said[each.label] ?? 0), and \(each.score) where it was trained"
        }
        return nil
    }

    /// Boxes near the threshold may fall on either side of it; those that are sure must be there, and no others.
    private func difference(boxes answer: PredictionRecord, _ expected: PredictionRecord) -> String? {
        let threshold = (expected.scoreMin ?? 0) + tolerance
        let sure = { (record: PredictionRecord) in (record.boxes ?? []).filter { $0.score >= threshold } }
        for (found, all, place) in [(sure(expected), answer, "here"), (sure(answer), expected, "where it was trained")]
        {
            for box in found {
                let match = (all.boxes ?? []).contains {
                    $0.label == box.label && $0.box.overlap(with: box.box) >= overlap
                        && ($0.score - box.score).magnitude <= tolerance
                }
                if !match { return "a '\(box.label)' of \(box.score) is not there \(place)" }
            }
        }
        return nil
    }
}
