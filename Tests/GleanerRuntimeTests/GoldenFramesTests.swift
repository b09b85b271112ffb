import Foundation
import GleanerCore
import Testing

@testable import GleanerRuntime

@Suite struct GoldenFramesTests {
    // MARK: Reading

    /// What is read of a bundle with this text as its `golden.json`; `nil` for none.
    private func read(_ text: String?) throws -> GoldenFrames? {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gleaner-golden-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(
            at: folder.appending(path: "golden"), withIntermediateDirectories: true)
        if let text { try Data(text.utf8).write(to: folder.appending(path: "golden/golden.json")) }
        let manifest = ModelManifest(
            name: "tiny", version: 1, task: .classification, bytes: 1, sha256: Digest(of: [1]), labels: ["a"],
            input: InputSpec(width: 2, height: 2), decoder: DecoderSpec(name: "classification"))
        return try GoldenFrames.read(of: ModelBundle(manifest: manifest, folder: folder))
    }

    private func document(
        schema: String = "gleaner/golden/1", files: [String] = ["1.png"], _ more: String = ""
    ) -> String {
        let frames = files.map {
            #"{"file":"\#($0)","prediction":{"task":"classification","classes":[{"label":"a","score":0.75}]}}"#
        }
        return #"{"schema":"\#(schema)","frames":[\#(frames.joined(separator: ","))]\#(more)}"#
    }

    @Test func aBundleMayBringNone() throws {
        #expect(try read(nil)?.schema == nil)
        #expect(try read(document(files: []))?.frames.isEmpty == true)
    }

    @Test func framesAndTolerancesAreRead() throws {
        let golden = try #require(
            try read(document(files: ["1.png", "a b.jpg"], #","score_tolerance":0.1,"overlap_min":1"#)))
        #expect(golden.frames.map(\.file) == ["1.png", "a b.jpg"])
        #expect(golden.frames[0].prediction.classes == [.init(label: "a", score: 0.75)])
        #expect(golden.scoreTolerance == 0.1 && golden.overlapMin == 1)
    }

    @Test(
        arguments: [
            "", ".", "..", "/", "a/b.png", "../1.png", "/etc/passwd", "./1.png", "1.png/", ".hidden",
        ])
    func aPictureLiesBesideIt(name: String) {
        let error = #expect(throws: GleanerError.self) { try read(document(files: ["1.png", name])) }
        #expect(error?.code == .malformed && error?.remedy == "see Schemas/golden.schema.json")
    }

    @Test(
        arguments: [
            #","score_tolerance":-0.01"#, #","score_tolerance":1.01"#, #","overlap_min":-1"#, #","overlap_min":1.5"#,
            #","score_tolerance":1e30"#,
        ])
    func tolerancesAreShares(more: String) {
        #expect(throws: GleanerError.self) { try read(document(more)) }
    }

    @Test func whatIsNotOfTheSchemaIsRefused() {
        for text in [
            document(schema: "gleaner/golden/2"), document(schema: ""), "", "[]", "{}",
            #"{"schema":"gleaner/golden/1"}"#,
            #"{"schema":"gleaner/golden/1","frames":[{"file":"1.png"}]}"#,
            #"{"schema":"gleaner/golden/1","frames":[{"file":1,"prediction":{"task":"classification"}}]}"#,
            #"{"schema":"gleaner/golden/1","frames":[{"file":"1.png","prediction":{"task":"guessing"}}]}"#,
            document(#","score_tolerance":"0.1""#),
        ] {
            let error = #expect(throws: GleanerError.self, "\(text)") { try read(text) }
            #expect(error?.code == .malformed)
        }
    }

    @Test func twoHundredFramesAreEnough() throws {
        #expect(try read(document(files: (1...200).map { "\($0).png" }))?.frames.count == 200)
        #expect(throws: GleanerError.self) { try read(document(files: (1...201).map { "\($0).png" })) }
    }

    // MARK: Classes

    private func golden(tolerance: Float? = nil, overlap: Float? = nil) -> GoldenFrames {
        GoldenFrames(
            schema: GoldenFrames.currentSchema, scoreTolerance: tolerance, overlapMin: overlap, frames: [])
    }

    private func classes(_ scores: (String, Float)...) -> PredictionRecord {
        var record = PredictionRecord(.classification(probabilities: []), labels: [], scoreMin: nil)
        record.classes = scores.map { .init(label: $0, score: $1) }
        return record
    }

    /// Of a model that says 0.75 of `a` and 0.25 of `b`, scores that are the same within 0.05 and within 0.2.
    @Test(
        arguments: [
            (0.75, 0.25, nil, nil), (0.79, 0.21, nil, nil), (0.71, 0.29, nil, nil),
            (0.81, 0.25, "a", nil), (0.69, 0.25, "a", nil), (0.75, 0.31, "b", nil), (0.75, 0.19, "b", nil),
            (0.25, 0.75, "a", "a"), (0.96, 0.25, "a", "a"), (0.75, 0, "b", "b"), (Float.nan, 0.25, "a", "a"),
        ] as [(Float, Float, String?, String?)])
    func scoresMayBeALittleOff(a: Float, b: Float, strictly: String?, loosely: String?) {
        let expected = classes(("a", 0.75), ("b", 0.25))
        for (frames, label) in [(golden(), strictly), (golden(tolerance: 0.2), loosely)] {
            let difference = frames.difference(classes(("b", b), ("a", a)), expected)
            #expect((difference == nil) == (label == nil))
            #expect(difference?.hasPrefix("'\(label ?? "")' has ") ?? true, "\(difference ?? "")")
        }
    }

    @Test func classesThatOnlyOneNamesHaveNoScoreInTheOther() {
        let expected = classes(("a", 0.96), ("b", 0.04))
        // What was too small to be written down, and a class that was not asked about.
        #expect(golden().difference(classes(("a", 0.96)), expected) == nil)
        #expect(golden().difference(classes(("a", 0.96), ("b", 0.04), ("c", 0.9)), expected) == nil)
        #expect(golden().difference(classes(("b", 0.04)), expected) == "'a' has 0.0, and 0.96 where it was trained")
        #expect(golden(tolerance: 0).difference(expected, expected) == nil)
    }

    // MARK: Boxes

    private func boxes(_ boxes: (String, Float, Float)..., scoreMin: Float? = 0.5) -> PredictionRecord {
        var record = PredictionRecord(.detection([]), labels: [], scoreMin: scoreMin)
        record.boxes = boxes.map { label, x, score in
            .init(label: label, score: score, box: Box(x: x, y: 0, width: 90, height: 90))
        }
        return record
    }

    @Test func anotherTaskIsADifference() {
        #expect(golden().difference(boxes(), classes()) == "it is a detection")
        #expect(golden().difference(classes(), boxes()) == "it is a classification")
    }

    /// Of a model that finds an `apple` of 0.9 at 0, boxes that it may find instead.
    @Test func sureBoxesMustBeThereAndNoOthers() {
        let (here, there) = ("is not there here", "is not there where it was trained")
        let cases: [(PredictionRecord, String?)] = [
            (boxes(("apple", 0, 0.9)), nil), (boxes(("apple", 0, 0.94)), nil), (boxes(("apple", 0, 0.86)), nil),
            // 80 of 100 are shared, and 79 of 101.
            (boxes(("apple", 10, 0.9)), nil), (boxes(("apple", 11, 0.9)), here),
            (boxes(("apple", 0, 0.84)), here), (boxes(("apple", 0, 0.96)), here), (boxes(("pear", 0, 0.9)), here),
            (boxes(), here), (boxes(("apple", 0, .nan)), here),
            (boxes(("apple", 0, 0.9), ("pear", 500, 0.7)), there),
            // Near the threshold of 0.5 a box may fall on either side.
            (boxes(("apple", 0, 0.9), ("pear", 500, 0.54)), nil),
            (boxes(("apple", 0, 0.9), ("pear", 500, 0.56)), there),
        ]
        for (answer, expected) in cases {
            let difference = golden().difference(answer, boxes(("apple", 0, 0.9)))
            #expect(difference?.split(separator: "is not").last == expected?.split(separator: "is not").last)
            #expect((difference == nil) == (expected == nil), "\(difference ?? "")")
        }
    }

    @Test func theBundleSaysHowMuchMustOverlap() {
        // 30 of 150 are shared.
        for (overlap, isTheSame) in [(0.19, true), (0.21, false)] as [(Float, Bool)] {
            let difference = golden(overlap: overlap).difference(boxes(("apple", 60, 0.9)), boxes(("apple", 0, 0.9)))
            #expect((difference == nil) == isTheSame)
        }
    }

    @Test func withoutAThresholdAllButTheFaintestCount() {
        let expected = boxes(("apple", 0, 0.1), scoreMin: nil)
        #expect(golden().difference(boxes(scoreMin: nil), expected) != nil)
        #expect(golden().difference(boxes(("apple", 0, 0.1), ("pear", 500, 0.04), scoreMin: nil), expected) == nil)
    }
}
