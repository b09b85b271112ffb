import Foundation
import GleanerCore
import GleanerImaging
import GleanerInference
import Testing

/// Real models on real pictures, from the file's bytes to the prediction, against what Python's onnxruntime and
/// OpenCV gave.
@Suite(.enabled(if: TestRuntime.isHereOrMust && Fixtures.hasDataOrMust && Fixtures.readsJPEG)) struct RealModelTests {
    /// Predicts as the product does.
    private struct Predictor: ~Copyable {
        let model: ResearchModel
        let session: any InferenceSession
        let decoder: any OutputDecoder
        private var pictures = PictureDecoder()
        private var pixels = PixelBuffer()
        private var writer: InputWriter

        init(_ name: String) throws {
            let model = try ResearchModel(name, in: Fixtures.dataFolder)
            let session = try TestRuntime.engine().loadSession(for: model.manifest, model: model.bytes)
            let decoder = try model.manifest.decoder.make()
            try decoder.check(session.run(), labelCount: model.manifest.labels.count)
            writer = try InputWriter(spec: model.manifest.input, input: session.input)
            self.model = model
            self.session = session
            self.decoder = decoder
        }

        mutating func outputs(_ path: String) throws -> (TensorOutputs, Letterbox) {
            let file = try Data(contentsOf: Fixtures.dataFolder.appending(path: path))
            try file.withUnsafeBytes { _ = try pictures.decode($0, into: &pixels) }
            let letterbox = writer.fill(from: pixels)
            return (try session.run(), letterbox)
        }
    }

    /// The tolerances are in the outputs' own units, and leave room for other JPEG decoders and processors.
    @Test(
        arguments: [
            ("meter-digits-v1", 0.005), ("meter-digits-v2", 0.005), ("meter-10cls-uint8", 2),
            ("meter-dig-class100", 0.05),
        ] as [(String, Float)])
    func classifiersGiveWhatPythonGives(name: String, tolerance: Float) throws {
        var predictor = try Predictor(name)
        #expect(!predictor.model.expected.isEmpty)
        for expectation in predictor.model.expected {
            let (outputs, letterbox) = try predictor.outputs(expectation.path)
            let raw = try #require(outputs.tensors.first?.values)
            let prediction = try predictor.decoder.decode(outputs, undoing: letterbox)
            switch try #require(expectation.output) {
            case .all(let values):
                let distance = zip(raw, values).map { abs($0 - $1) }.max() ?? .infinity
                #expect(distance <= tolerance, "\(expectation.path)")
            case .peak(let index, let value):
                #expect(abs(raw[index] - value) <= tolerance, "\(expectation.path)")
                #expect(prediction.topClassIndex == index, "\(expectation.path)")
            }
        }
    }

    /// Shares that Python's onnxruntime and OpenCV gave on the same pictures.
    @Test(arguments: [
        ("meter-digits-v1", "test_known", 0.937), ("meter-digits-v1", "test_field", 0.384),
        ("meter-digits-v2", "test_known", 0.940), ("meter-digits-v2", "test_field", 0.593),
    ])
    func classifiersAreAsOftenRightAsInPython(name: String, split: String, share: Double) throws {
        let lines = try String(
            contentsOf: Fixtures.dataFolder.appending(path: "meter-digits/labels.csv"), encoding: .utf8
        )
        .split(whereSeparator: \.isNewline).dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        .filter { $0[1] == split }
        #expect(lines.count > 300)
        var predictor = try Predictor(name)
        var rightCount = 0
        for line in lines {
            let (outputs, letterbox) = try predictor.outputs("meter-digits/\(line[0])")
            let prediction = try predictor.decoder.decode(outputs, undoing: letterbox)
            let top = try #require(prediction.topClassIndex)
            if predictor.model.manifest.labels[top] == line[2] { rightCount += 1 }
        }
        #expect(abs(Double(rightCount) / Double(lines.count) - share) <= 0.002, "\(rightCount) of \(lines.count)")
    }

    @Test(arguments: [
        "fastestdet-coco-352", "yolo-fastest-1.1-coco-320", "ultraface-rfb-320", "ultraface-rfb-320-raw",
    ])
    func detectorsFindWhatPythonFinds(name: String) throws {
        var predictor = try Predictor(name)
        let scoreMin = try #require(predictor.decoder.scoreMin)
        #expect(!predictor.model.expected.isEmpty)
        for expectation in predictor.model.expected {
            let (outputs, letterbox) = try predictor.outputs(expectation.path)
            let prediction = try predictor.decoder.decode(outputs, undoing: letterbox)
            var found = prediction.confident(scoreMin: scoreMin)
            let objects = try #require(expectation.detections)
            #expect(found.count == expectation.count, "\(expectation.path)")
            for object in objects {
                let index = found.firstIndex { detection in
                    let box = detection.box
                    let sides = [box.x, box.y, box.x + box.width, box.y + box.height]
                    return predictor.model.manifest.labels[detection.classIndex] == object.label
                        && abs(detection.score - object.score) <= 0.02
                        && zip(sides, object.boxXyxy).allSatisfy { abs($0 - $1) <= 2 }
                }
                if let index { found.remove(at: index) }
                #expect(index != nil, "\(object) in \(expectation.path); left: \(found)")
            }
        }
    }

    /// These print warnings by the hundred unless told not to, and have outputs that the decoders must refuse.
    @Test(arguments: ["ultraface-rfb-320", "ultraface-rfb-320-raw", "yolo-fastest-1.1-coco-320"])
    func aModelOfAnotherKindIsRefused(name: String) throws {
        let bytes = try Data(contentsOf: Fixtures.dataFolder.appending(path: "models/\(name)/model.onnx"))
        let inspection = try bytes.withUnsafeBytes { try TestRuntime.engine().inspect($0) }
        let shape = try #require(inspection.inputs.first?.shape.compactMap { $0 })
        let session = try TestRuntime.session(bytes) { ($0.height, $0.width) = (shape[2], shape[3]) }
        for decoder in ["classification", "fastestdet"] {
            for output in inspection.outputs.map(\.name) {
                let spec = DecoderSpec(name: decoder, options: ["output": .string(output)])
                let outputs = try session.run()
                let decoder = try spec.make()
                #expect(code { try decoder.check(outputs, labelCount: 1) } == .outputMismatch)
            }
        }
    }
}
