import Foundation
import GleanerCore
import GleanerInference
import GleanerTesting
import Testing

@Suite struct FastestDetDecoderTests {
    /// Two classes on a grid of 2 rows and 4 columns: 7 channels of 8 cells, all silent.
    private func silent() -> TensorBuffer { TensorBuffer(name: "out", elementType: .float32, shape: [1, 7, 2, 4]) }

    /// Writes a cell's channels: object, centre x and y, width, height, the classes.
    private func set(_ tensor: TensorBuffer, row: Int, column: Int, _ channels: [Float]) {
        for (channel, value) in channels.enumerated() { tensor.floats[channel * 8 + row * 4 + column] = value }
    }

    private func decoder(_ options: [String: JSONValue] = [:]) throws -> any OutputDecoder {
        try DecoderSpec(name: "fastestdet", options: options).make()
    }

    private func detections(
        _ tensor: TensorBuffer, _ options: [String: JSONValue] = [:],
        in letterbox: Letterbox = .same(width: 80, height: 40)
    ) throws -> [Detection] {
        let prediction = try decoder(options).decode(TensorOutputs([tensor]), undoing: letterbox)
        guard case .detection(let detections) = prediction else { return [] }
        return detections
    }

    @Test func aCellBecomesABox() throws {
        let tensor = silent()
        // Centre: x (tanh 0 + 2) / 4 of 80 = 40, y (tanh 0 + 1) / 2 of 40 = 20. Size: sigmoid 0 of 80 and 40.
        set(tensor, row: 1, column: 2, [0.9, 0, 0, 0, 0, 0.2, 0.8])
        let found = try detections(tensor)
        #expect(found.map(\.box) == [Box(x: 20, y: 10, width: 40, height: 20)])
        #expect(found.map(\.classIndex) == [1])
        // 0.9^0.6 × 0.8^0.4
        #expect(abs(found[0].score - 0.858_58) < 1e-4)
    }

    @Test func aCentreMovesByTanhAndASizeBySigmoid() throws {
        let tensor = silent()
        // tanh(ln 2 / 2) = 1/3, sigmoid(−ln 3) = 1/4, sigmoid(−ln 9) = 1/10.
        set(tensor, row: 0, column: 1, [1, log(2) / 2, log(2) / 2, -log(3), -log(9), 1, 0])
        let box = try #require(try detections(tensor).first?.box)
        // Centre (1 + 1/3) / 4 × 80 = 26.67 and (1/3) / 2 × 40 = 6.67; size 20 × 4.
        for (found, expected) in zip([box.x, box.y, box.width, box.height], [16.667, 4.667, 20, 4] as [Float]) {
            #expect(abs(found - expected) < 0.01)
        }
    }

    @Test func boxesFindTheirWayBackToTheFrame() throws {
        let tensor = silent()
        set(tensor, row: 1, column: 2, [0.9, 0, 0, 0, 0, 0.2, 0.8])
        // A frame of 160 × 60, halved, with 5 pixels of padding above and below; the box is 20…60 × 10…30 of the input.
        let letterbox = Letterbox(
            frameWidth: 160, frameHeight: 60, inputWidth: 80, inputHeight: 40, scaleX: 0.5, scaleY: 0.5, offsetX: 0,
            offsetY: 5)
        #expect(try detections(tensor, in: letterbox).map(\.box) == [Box(x: 40, y: 10, width: 80, height: 40)])
    }

    @Test func whatWasAlmostSeenIsKeptDownToTheFloor() throws {
        let tensor = silent()
        // With both equal the score is that number. Small boxes, so that none overlaps.
        for (column, score) in [0.9, 0.3, 0.06, 0.04].enumerated() {
            set(tensor, row: 0, column: column, [Float(score), 0, 0, -6, -6, Float(score), 0])
        }
        let found = try detections(tensor)
        #expect(found.map { ($0.score * 100).rounded() } == [90, 30, 6])
        #expect(Prediction.detection(found).confident(scoreMin: try #require(try decoder().scoreMin)).count == 1)
        #expect(try detections(tensor, ["score_floor": .number(0.2)]).count == 2)
        #expect(try detections(tensor, ["detection_count_max": .integer(1)]).count == 1)
    }

    @Test func theScoreMinIsTheModels() throws {
        #expect(try decoder().scoreMin == 0.65)
        #expect(try decoder(["score_min": .number(0.5)]).scoreMin == 0.5)
        #expect(try decoder(["score_min": .number(0.01)]).scoreMin == 0.01)
    }

    @Test func overlapsAreSuppressedByTheOption() throws {
        let tensor = silent()
        // 40 wide, 20 apart: 20 / 60 overlap.
        set(tensor, row: 0, column: 1, [0.9, 0, 0, 0, 0, 0.9, 0])
        set(tensor, row: 0, column: 2, [0.8, 0, 0, 0, 0, 0.8, 0])
        #expect(try detections(tensor).count == 2)
        #expect(try detections(tensor, ["nms_iou": .number(0.3)]).count == 1)
    }

    @Test(arguments: 0..<7)
    func whatIsNotFiniteIsAnError(channel: Int) {
        let tensor = silent()
        tensor.floats[channel * 8 + 3] = .nan
        #expect(code { _ = try detections(tensor) } == .outputNotFinite)
    }

    @Test func whatIsNoProbabilityIsAnError() {
        for channel in [0, 5] {
            let tensor = silent()
            tensor.floats[channel * 8 + 3] = 7
            #expect(code { _ = try detections(tensor) } == .outputNotProbability)
        }
    }

    @Test(arguments: [
        (TensorBuffer(name: "out", elementType: .float32, shape: [1, 8, 2, 4]), "3 classes"),
        (TensorBuffer(name: "out", elementType: .float32, shape: [1, 7, 8]), "[1, 7, 8]"),
        (TensorBuffer(name: "out", elementType: .float32, shape: [2, 7, 2, 4]), "[2, 7, 2, 4]"),
        (TensorBuffer(name: "out", elementType: .float32, shape: [1, 5, 2, 4]), "[1, 5, 2, 4]"),
        (TensorBuffer(name: "out", elementType: .float32, shape: [1, 7, 0, 4]), "[1, 7, 0, 4]"),
        (TensorBuffer(name: "out", elementType: .uint8, shape: [1, 7, 2, 4]), "uint8"),
    ])
    func anOutputThatDoesNotFitIsDescribed(tensor: TensorBuffer, word: String) throws {
        let decoder = try decoder()
        let error = failure { try decoder.check(TensorOutputs([tensor]), labelCount: 2) }
        #expect(error?.code == .outputMismatch)
        #expect(error?.message.contains(word) == true)
    }

    @Test func anOutputThatFitsPasses() throws {
        try decoder().check(TensorOutputs([silent()]), labelCount: 2)
    }

    @Test(
        arguments: [
            ["score_min": .integer(2)], ["score_floor": .number(0.7)], ["nms_iou": .string("much")],
            ["detection_count_max": .integer(0)], ["score": .number(0.5)],
        ] as [[String: JSONValue]])
    func aWrongOptionIsAProblem(options: [String: JSONValue]) {
        #expect(code { _ = try decoder(options) } == .malformed)
    }

    @Test func itKeepsTheContractOfDecoders() throws {
        let contract = OutputDecoderContract(labelCount: 2) {
            let tensor = self.silent()
            self.set(tensor, row: 0, column: 0, [0.9, 0, 0, 3, 3, 0.9, 0])
            self.set(tensor, row: 1, column: 3, [0.3, 0, 0, -3, -3, 0, 0.3])
            return TensorOutputs([tensor])
        }
        #expect(contract.violations(of: try decoder()) == [])
    }
}
