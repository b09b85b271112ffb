import Foundation
import GleanerCore
import Testing

@testable import GleanerConsole

@Suite struct IngestMessageTests {
    private static let size = FrameSize(width: 100, height: 50)
    private static let detection =
        #""id": "1", "model": {"name": "wasps", "version": 2}, "task": "detection", "labels": ["wasp", "hornet"]"#
    private static let classification =
        #""id": "1", "model": {"name": "wasps", "version": 2}, "task": "classification", "labels": ["a", "b", "c"]"#
    private static let box = #"{"label": "wasp", "score": 0.5, "x": 1, "y": 2, "width": 30, "height": 40}"#

    private func given(_ fields: String, labels: [String]? = nil) throws -> GivenPrediction {
        try IngestMessage.read(Data("{\(fields)}".utf8)).given(in: Self.size, labels: labels)
    }

    private func failure(_ json: String) -> GleanerError? {
        do {
            let message = try IngestMessage.read(Data(json.utf8))
            _ = try message.origin()
            _ = try message.given(in: Self.size, labels: nil)
            return nil
        } catch {
            return error as? GleanerError
        }
    }

    @Test func boxesComeTheBestFirstAndKeepTheirPixels() throws {
        let better = #"{"label": "hornet", "score": 0.9, "x": 50.5, "y": 0, "width": 20.25, "height": 50}"#
        let found = try given("\(Self.detection), \"boxes\": [\(Self.box), \(better)], \"score_min\": 0.4")
        #expect(
            found.prediction
                == .detection([
                    Detection(box: Box(x: 50.5, y: 0, width: 20.25, height: 50), classIndex: 1, score: 0.9),
                    Detection(box: Box(x: 1, y: 2, width: 30, height: 40), classIndex: 0, score: 0.5),
                ]))
        #expect(found.scoreMin == 0.4 && found.embedding == nil)
        #expect(found.model.id.description == "wasps@2" && found.model.labels == ["wasp", "hornet"])
    }

    @Test func aBoxThatReachesOverTheEdgeIsCut() throws {
        let over = #"{"label": "wasp", "score": 1, "x": -5, "y": 40, "width": 200, "height": 20}"#
        #expect(
            try given("\(Self.detection), \"boxes\": [\(over)]").prediction
                == .detection([Detection(box: Box(x: 0, y: 40, width: 100, height: 10), classIndex: 0, score: 1)]))
    }

    @Test func aFrameInWhichNothingIsSeenHasNoBoxes() throws {
        #expect(try given("\(Self.detection), \"boxes\": []").prediction == .detection([]))
    }

    @Test func probabilitiesAreAListOrGoByName() throws {
        #expect(
            try given("\(Self.classification), \"probabilities\": [0.5, 0.25, 0.25]").prediction
                == .classification(probabilities: [0.5, 0.25, 0.25]))
        #expect(
            try given("\(Self.classification), \"probabilities\": {\"b\": 0.5}").prediction
                == .classification(probabilities: [0.25, 0.5, 0.25]))
        #expect(
            try given("\(Self.classification), \"probabilities\": {\"b\": 0.5}, \"score_min\": 0.5").prediction
                == .classification(probabilities: [0, 0.5, 0]))
    }

    @Test func labelsMayStandInTheConfiguration() throws {
        let fields = #""id": "1", "model": {"name": "m", "version": 1}, "task": "detection", "boxes": []"#
        #expect(try given(fields, labels: ["x"]).model.labels == ["x"])
    }

    @Test func modelsAreToldApartByAllThatIsKnownOfThem() throws {
        let one = try given("\(Self.detection), \"boxes\": []").model
        #expect(try given("\(Self.detection), \"boxes\": [\(Self.box)]").model == one)
        let others = [
            Self.detection.replacing("\"wasp\", \"hornet\"", with: "\"wasp\""),
            Self.detection.replacing("\"version\": 2", with: "\"version\": 3"),
            Self.detection.replacing("\"wasps\"", with: "\"bees\""),
        ]
        for other in others { #expect(try given("\(other), \"boxes\": []").model.sha256 != one.sha256) }
        let digest = String(repeating: "ab", count: 32)
        let named = Self.detection.replacing("\"version\": 2", with: "\"version\": 2, \"sha256\": \"\(digest)\"")
        #expect(try given("\(named), \"boxes\": []").model.sha256.description == digest)
    }

    @Test func clientsKeepTheirIdsApart() throws {
        let one = try IngestMessage.read(Data("{\(Self.detection), \"boxes\": []}".utf8)).origin()
        let other = try IngestMessage.read(Data("{\(Self.detection), \"boxes\": [], \"client\": \"porch\"}".utf8))
        #expect(one == FrameOrigin(source: "ingest", name: "1", awaitsAnswer: true))
        #expect(try other.origin() == FrameOrigin(source: "ingest:porch", name: "1", awaitsAnswer: true))
    }

    /// What is wrong, what must be named in the message, and the code.
    static let wrong: [(String, String, GleanerError.Code)] = [
        ("", "not valid JSON", .malformed),
        ("[]", "", .malformed),
        ("{", "not valid JSON", .malformed),
        ("{\(detection)}", "boxes", .ingestInvalid),
        ("{\(classification)}", "probabilities", .ingestInvalid),
        ("{\(detection), \"boxs\": []}", "did you mean 'boxes'", .malformed),
        ("{\(detection), \"boxes\": [{}]}", "boxes", .malformed),
        ("{\(detection), \"boxes\": [\(box)], \"probabilities\": [1, 0]}", "no probabilities", .ingestInvalid),
        ("{\(detection), \"boxes\": [\(box.replacing("0.5", with: "1.5"))]}", "boxes[0].score", .ingestInvalid),
        ("{\(detection), \"boxes\": [\(box.replacing("0.5", with: "1e400"))]}", "", .malformed),
        ("{\(detection), \"boxes\": [\(box.replacing("0.5", with: "\"0.5\""))]}", "score", .malformed),
        ("{\(detection), \"boxes\": [\(box.replacing("wasp", with: "bee"))]}", "'bee'", .ingestInvalid),
        ("{\(detection), \"boxes\": [\(box.replacing("30", with: "0"))]}", "no area", .ingestInvalid),
        ("{\(detection), \"boxes\": [\(box.replacing("30", with: "-30"))]}", "no area", .ingestInvalid),
        ("{\(detection), \"boxes\": [\(box.replacing("\"x\": 1", with: "\"x\": 100"))]}", "100 × 50", .ingestInvalid),
        (
            "{\(detection), \"boxes\": [{\"label\": \"wasp\", \"score\": 1, \"x\": 0.1, \"y\": 0.1, \"width\": 0.5, \"height\": 0.5}]}",
            "first pixel", .ingestInvalid
        ),
        (
            "{\(detection), \"boxes\": [\(Array(repeating: box, count: 1001).joined(separator: ","))]}", "1001",
            .ingestInvalid
        ),
        ("{\(detection), \"boxes\": [], \"score_min\": 2}", "score_min", .ingestInvalid),
        ("{\(detection), \"boxes\": [], \"captured_at\": \"yesterday\"}", "captured_at", .malformed),
        ("{\(detection), \"boxes\": [], \"client\": \"../x\"}", "client", .ingestInvalid),
        (
            "{\(detection), \"boxes\": [], \"embedding\": [\(Array(repeating: "1", count: 65_537).joined(separator: ","))]}",
            "embedding", .ingestInvalid
        ),
        ("{\(detection.replacing("\"1\"", with: "\"\"")), \"boxes\": []}", "id", .ingestInvalid),
        ("{\(detection.replacing("\"1\"", with: "\"a\\nb\"")), \"boxes\": []}", "id", .ingestInvalid),
        ("{\(detection.replacing("\"1\"", with: "1")), \"boxes\": []}", "id", .malformed),
        ("{\(detection.replacing("\"id\": \"1\",", with: "")), \"boxes\": []}", "'id'", .malformed),
        ("{\(detection.replacing("wasps", with: "Wasps/3")), \"boxes\": []}", "model.name", .ingestInvalid),
        ("{\(detection.replacing("2}", with: "0}")), \"boxes\": []}", "model.version", .ingestInvalid),
        ("{\(detection.replacing("2}", with: "2, \"sha\": 1}")), \"boxes\": []}", "'sha'", .malformed),
        ("{\(detection.replacing("\"hornet\"", with: "\"wasp\"")), \"boxes\": []}", "labels", .ingestInvalid),
        ("{\(detection.replacing("hornet", with: "unusable")), \"boxes\": []}", "unusable", .ingestInvalid),
        (
            "{\(detection.replacing(", \"labels\": [\"wasp\", \"hornet\"]", with: "")), \"boxes\": []}", "labels",
            .ingestInvalid
        ),
        ("{\(detection.replacing("detection", with: "segmentation")), \"boxes\": []}", "task", .malformed),
        ("{\(classification), \"probabilities\": [0.5, 0.5]}", "2 probabilities and 3 labels", .ingestInvalid),
        ("{\(classification), \"probabilities\": [0.5, 0.6, 0.1]}", "sum to 1", .ingestInvalid),
        ("{\(classification), \"probabilities\": [0.1, 0.1, 0.1]}", "sum to 1", .ingestInvalid),
        ("{\(classification), \"probabilities\": [1.5, -0.5, 0]}", "0 to 1", .ingestInvalid),
        ("{\(classification), \"probabilities\": {\"d\": 1}}", "'d'", .ingestInvalid),
        ("{\(classification), \"probabilities\": {\"a\": 0.9, \"b\": 0.9}}", "sum to 1", .ingestInvalid),
        ("{\(classification), \"probabilities\": \"all\"}", "probabilities", .malformed),
        (String(repeating: "[", count: 100_000), "", .malformed),
        ("{\"id\": " + String(repeating: "{\"a\":", count: 100_000), "", .malformed),
    ]

    @Test(arguments: wrong)
    func aWrongMessageIsRefusedInWords(_ json: String, _ words: String, _ code: GleanerError.Code) {
        let error = failure(json)
        #expect(error?.code == code, "\(error?.description ?? "it was taken")")
        #expect(error?.message.contains(words) == true || words.isEmpty, "\(error?.message ?? "")")
    }
}
