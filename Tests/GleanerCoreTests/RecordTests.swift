import Foundation
import GleanerCore
import Testing

@Suite("Predictions, labels, samples")
struct RecordTests {
    @Test func theTopClassIsTheMostProbable() {
        let prediction = Prediction.classification(probabilities: [0.2, 0.5, 0.3])
        #expect(prediction.topClassIndex == 1)
        #expect(prediction.topScore == 0.5)
        #expect(prediction.task == .classification)
        #expect(prediction.confident(scoreMin: 0).isEmpty)
        #expect(Prediction.classification(probabilities: []).topClassIndex == nil)
    }

    @Test func aDetectorClaimsWhatReachesItsScore() {
        let box = Box(x: 1, y: 2, width: 3, height: 4)
        let prediction = Prediction.detection([
            Detection(box: box, classIndex: 1, score: 0.9), Detection(box: box, classIndex: 0, score: 0.65),
            Detection(box: box, classIndex: 0, score: 0.3),
        ])
        #expect(prediction.confident(scoreMin: 0.65).count == 2)
        #expect(prediction.topClassIndex == 1)
        #expect(prediction.topScore == 0.9)
        #expect(Prediction.detection([]).topScore == nil)
        let record = PredictionRecord(prediction, labels: ["apple", "leaf"], scoreMin: 0.65)
        #expect(record.boxes?.map(\.label) == ["leaf", "apple", "apple"])
        #expect(record.confidentBoxes.count == 2)
        #expect(record.top == .init(label: "leaf", score: 0.9))
        #expect(record.classes == nil)
    }

    @Test func aPredictionIsRecordedByNameBestFirstAndBounded() throws {
        let record = PredictionRecord(
            .classification(probabilities: [0.2, 0.5, 0.3]), labels: ["a", "b", "c"], scoreMin: nil)
        #expect(record.classes?.map(\.label) == ["b", "c", "a"])
        #expect(record.top?.label == "b")
        let many = PredictionRecord(
            .classification(probabilities: [Float](repeating: 0.001, count: 1000)),
            labels: (0..<1000).map { "\($0)" }, scoreMin: nil)
        #expect(many.classes?.count == 100)
        #expect(many.classes?.first?.label == "0")
        try expectRoundTrip(record)
    }

    @Test func aClassWithoutANameIsRecordedByItsNumber() {
        let box = Box(x: 0, y: 0, width: 1, height: 1)
        let detections = PredictionRecord(
            .detection([Detection(box: box, classIndex: 7, score: 1), Detection(box: box, classIndex: -1, score: 1)]),
            labels: ["a"], scoreMin: 0.5)
        #expect(detections.boxes?.map(\.label) == ["7", "-1"])
        let classes = PredictionRecord(.classification(probabilities: [0.1, 0.9]), labels: ["a"], scoreMin: nil)
        #expect(classes.classes?.map(\.label) == ["1", "a"])
    }

    @Test(
        "a label is written with its kind",
        arguments: [
            (LabelRecord(value: .classified("7")), #"{"class":"7","kind":"class"}"#),
            (
                LabelRecord(value: .unusable, revision: 3, author: "ann"),
                #"{"author":"ann","kind":"unusable","revision":3}"#
            ),
            (LabelRecord(value: .boxes([])), #"{"boxes":[],"kind":"boxes"}"#),
            (
                LabelRecord(value: .boxes([LabeledBox(label: "apple", box: Box(x: 1, y: 2, width: 3, height: 4.5))])),
                #"{"boxes":[{"box":{"height":4.5,"width":3,"x":1,"y":2},"label":"apple"}],"kind":"boxes"}"#
            ),
        ])
    func label(record: LabelRecord, json: String) throws {
        #expect(try expectRoundTrip(record) == json)
    }

    @Test(
        "a label without its part is none",
        arguments: [#"{"kind":"class"}"#, #"{"kind":"boxes"}"#, #"{"kind":"x"}"#, "{}"])
    func brokenLabel(json: String) {
        let error = gleanerError { try CanonicalJSON.decode(LabelRecord.self, from: Data(json.utf8), named: "it") }
        #expect(error?.code == .malformed)
    }

    @Test func aReasonIsWrittenAndReadBack() {
        for reason in [.audit, .strategy("margin")] as [SelectionReason] {
            #expect(SelectionReason(reason.description) == reason)
        }
        #expect(SelectionReason.audit.isAudit)
        #expect(!SelectionReason.strategy("margin").isAudit)
    }

    @Test func aSampleIsALineThatLosesNothing() throws {
        var sample = SampleRecord(
            id: SampleID(device: DeviceID(rawValue: 1), run: RunID(counter: 2, nonce: 3), sequence: 4),
            sha256: .empty, bytes: 10, encoding: .jpeg, width: 640, height: 480, source: "folder:/in",
            origin: "a b.jpg",
            capturedAt: Timestamp(milliseconds: 1_767_607_872_345),
            model: ModelID(name: "m", version: 1, digest: .empty),
            prediction: PredictionRecord(
                .classification(probabilities: [0.5, 0.5]), labels: ["a", "b"], scoreMin: nil),
            utility: 1 / 3, reason: .audit, inclusionProbability: 0.004, perceptualHash: PerceptualHash(bits: 0xff),
            split: .test)
        #expect(sample.perceptualHash == "00000000000000ff")
        #expect(sample.fileName == "\(sample.id).jpg")
        let line = try expectRoundTrip(sample)
        #expect(!line.contains("\n"))
        #expect(line.contains(#""inclusion_probability":0.004"#))
        #expect(!line.contains("label\":null"))
        sample.label = LabelRecord(value: .classified("a"))
        sample.capturedAt = nil
        try expectRoundTrip(sample)
    }

    @Test func utilitiesStayInTheirRange() throws {
        #expect(
            [-1, 0, 0.5, 1, 2, .infinity, -.infinity, .nan].map { Utility(clamping: $0).value } == [
                0, 0, 0.5, 1, 1, 1, 0, 0,
            ])
        #expect(Utility(0.1) < Utility(0.2))
        try expectRoundTrip([Utility(0), Utility(1 / 3), Utility(1)])
        for text in ["[1.5]", "[-0.1]", "[\"1\"]"] {
            let error = gleanerError { try CanonicalJSON.decode([Utility].self, from: Data(text.utf8), named: "it") }
            #expect(error?.code == .malformed)
        }
    }

    @Test func hashesDifferInBits() {
        #expect(PerceptualHash(bits: 0).distance(to: PerceptualHash(bits: .max)) == 64)
        #expect(PerceptualHash(bits: 0b1010).distance(to: PerceptualHash(bits: 0b0110)) == 2)
    }
}

@Suite("Manifests")
struct ManifestTests {
    private let digest = String(repeating: "ab", count: 32)

    private func json(_ input: String = #"{"width": 32, "height": 20}"#, decoder: String = #"{"name": "softmax"}"#)
        -> Data
    {
        Data(
            """
            {"schema": "gleaner/model-bundle/1", "name": "meter", "version": 2, "task": "classification",
             "file": "model.onnx", "bytes": 10, "sha256": "\(digest)", "labels": ["a", "b"],
             "input": \(input), "decoder": \(decoder), "somebody_elses_key": 1}
            """.utf8)
    }

    @Test func whatAManifestDoesNotSayHasItsDefault() throws {
        let manifest = try CanonicalJSON.decode(ModelManifest.self, from: json(), named: "model.json")
        #expect(manifest.input == InputSpec(width: 32, height: 20))
        #expect(manifest.input.shape == [1, 3, 20, 32])
        #expect(manifest.input.padValue == 114)
        #expect(manifest.decoder == DecoderSpec(name: "softmax"))
        #expect(manifest.id.description == "meter@2")
        #expect(manifest.trainedOn == nil)
        try expectRoundTrip(manifest)
    }

    @Test func whatItSaysIsTaken() throws {
        let input =
            #"{"width": 8, "height": 4, "layout": "NHWC", "color": "GRAY", "type": "uint8", "scale": 0.5, "mean": [1], "std": [2], "fit": "letterbox", "filter": "nearest", "pad_value": 0, "name": "x"}"#
        let decoder = #"{"name": "fastestdet", "score_min": 0.65, "nms": {"iou": 0.5}}"#
        let manifest = try CanonicalJSON.decode(
            ModelManifest.self, from: json(input, decoder: decoder), named: "model.json")
        #expect(manifest.input.shape == [1, 4, 8, 1])
        #expect(manifest.input.fit == .letterbox)
        #expect(manifest.input.padValue == 0)
        #expect(
            manifest.decoder.options == ["score_min": .number(0.65), "nms": .object(["iou": .number(0.5)])])
        try expectRoundTrip(manifest)
    }

    @Test(
        "a manifest that is wrong says where",
        arguments: [
            (#"{"width": 8}"#, #"{"name": "x"}"#, "lacks the key 'height' at input"),
            (#"{"width": 8, "height": 4, "layout": "NWHC"}"#, #"{"name": "x"}"#, "is malformed at input.layout"),
            (#"{"width": 8, "height": 4}"#, "{}", "is malformed at decoder: a decoder needs a name"),
        ])
    func wrong(input: String, decoder: String, expected: String) {
        let error = gleanerError {
            try CanonicalJSON.decode(ModelManifest.self, from: json(input, decoder: decoder), named: "model.json")
        }
        #expect(error?.message.hasPrefix("model.json \(expected)") == true, "\(error?.message ?? "")")
    }

    @Test func aBatchManifestLosesNothing() throws {
        let header = BatchHeader(
            purpose: .training, device: DeviceID(rawValue: 1), number: 3, task: .detection, classes: ["a"],
            sampleCount: 2)
        try expectRoundTrip(
            BatchManifest(
                header: header, formats: ["coco"], models: [.init(ModelID(name: "m", version: 1, digest: .empty))],
                files: [.init(path: "frames/a.jpg", bytes: 1, sha256: .empty)]))
    }
}

@Suite("Errors")
struct ErrorTests {
    @Test func anErrorHasALineForEachPart() {
        let cause = GleanerError(.notFound, "the stick is gone")
        let error = GleanerError(.fileSystem, "cannot copy the batch", remedy: "put it back", cause: cause)
        #expect(error.description == "cannot copy the batch\n  because: the stick is gone\n  try: put it back")
        #expect(GleanerError(.notFound, "no sample").description == "no sample")
        #expect(GleanerError.Code.fileSystem.description == "file.system")
    }
}
