import Foundation
import GleanerCore
import GleanerInference
import GleanerTesting
import Testing

/// Decoders of boxes that have their scores in an output of their own.
@Suite struct ScoredBoxesTests {
    private let letterbox = Letterbox.same(width: 80, height: 40)

    private func detections(
        _ name: String, _ tensors: [TensorBuffer], _ options: [String: JSONValue] = [:]
    ) throws -> [Detection] {
        let decoder = try DecoderSpec(name: name, options: options).make()
        guard case .detection(let found) = try decoder.decode(TensorOutputs(tensors), undoing: letterbox) else {
            return []
        }
        return found
    }

    private func text(_ found: [Detection]) -> [String] {
        found.map { detection in
            let box = detection.box
            let numbers = [box.x, box.y, box.width, box.height].map { Int($0.rounded()) }
            return "\(detection.classIndex) \(Int((detection.score * 100).rounded())) % \(numbers)"
        }
    }

    private let boxes = TensorBuffer("boxes", [1, 2, 4], [0.25, 0.5, 0.5, 1, 0, 0, 0.5, 0.5])
    private func scores(_ values: [Float]) -> TensorBuffer { TensorBuffer("scores", [1, 2, values.count / 2], values) }

    // MARK: Boxes

    @Test func eachBoxHasItsBestClass() throws {
        let found = try detections("boxes", [boxes, scores([0.1, 0.7, 0.9, 0.2])])
        #expect(text(found) == ["0 90 % [0, 0, 40, 20]", "1 70 % [20, 20, 20, 20]"])
    }

    @Test func theBackgroundIsNoClass() throws {
        let first = try detections(
            "boxes", [boxes, scores([0.3, 0.1, 0.6, 0.99, 0.01, 0])], ["background": .string("first")])
        #expect(text(first) == ["1 60 % [20, 20, 20, 20]"])
        let last = try detections(
            "boxes", [boxes, scores([0.1, 0.6, 0.3, 0, 0.01, 0.99])], ["background": .string("last")])
        #expect(text(last) == ["1 60 % [20, 20, 20, 20]"])
    }

    @Test func logitsBecomeProbabilities() throws {
        // softmax of (0, ln 3, 0): 1/5, 3/5, 1/5. σ(ln 3) = 3/4.
        let logits = scores([0, log(3), 0, 9, 0, 0])
        let softmax: [String: JSONValue] = ["activation": .string("softmax"), "background": .string("first")]
        #expect(text(try detections("boxes", [boxes, logits], softmax)) == ["0 60 % [20, 20, 20, 20]"])
        let sigmoid = scores([log(3), -9, -9, -9])
        #expect(
            text(try detections("boxes", [boxes, sigmoid], ["activation": .string("sigmoid")]))
                == ["0 75 % [20, 20, 20, 20]"])
    }

    @Test func numbersAreReadInAnyOrder() throws {
        let pixels: [(String, [Float])] = [
            ("xyxy", [20, 20, 40, 40]), ("yxyx", [20, 20, 40, 40]), ("xywh", [20, 20, 20, 20]),
            ("cxcywh", [30, 30, 20, 20]),
        ]
        for (order, numbers) in pixels {
            let tensor = TensorBuffer("boxes", [1, 1, 4], numbers)
            let options: [String: JSONValue] = ["box_order": .string(order), "box_unit": .string("pixels")]
            let found = try detections("boxes", [tensor, TensorBuffer("scores", [1, 1, 1], [0.8])], options)
            #expect(text(found) == ["0 80 % [20, 20, 20, 20]"], "\(order)")
        }
    }

    @Test func classesMayHaveAnOutputOfTheirOwn() throws {
        // As TensorFlow's Object Detection API: one score a box, classes from 1, y before x.
        let rows = TensorBuffer("detection_boxes", [1, 2, 4], [0.5, 0.25, 1, 0.5, 0, 0, 0.5, 0.5])
        let scores = TensorBuffer("detection_scores", [1, 2], [0.7, 0.01])
        let classes = TensorBuffer("detection_classes", [1, 2], [2, 1])
        let options: [String: JSONValue] = [
            "classes": .string("detection_classes"), "first_class": .integer(1), "box_order": .string("yxyx"),
        ]
        #expect(
            text(try detections("boxes", [rows, scores, classes], options)) == ["1 70 % [20, 20, 20, 20]"])
        let decoder = try DecoderSpec(name: "boxes", options: options).make()
        try decoder.check(TensorOutputs([rows, scores, classes]), labelCount: 2)
        #expect(
            code { try decoder.check(TensorOutputs([rows, scores, classes]), labelCount: 1) } == .outputMismatch)
    }

    @Test func wholeNumbersOfClassesAreReadAsTheyAre() throws {
        // As torchvision: corners in pixels, labels of int64, no batch.
        let rows = TensorBuffer("boxes", [1, 4], [20, 20, 40, 40])
        let labels = TensorBuffer(name: "labels", elementType: .int64, shape: [1])
        labels.bytes.storeBytes(of: 1, as: Int64.self)
        let options: [String: JSONValue] = ["classes": .string("labels"), "box_unit": .string("pixels")]
        #expect(
            text(try detections("boxes", [rows, labels, TensorBuffer("scores", [1], [0.9])], options))
                == ["1 90 % [20, 20, 20, 20]"])
    }

    @Test func whatCannotBeToldMustBeNamed() {
        let alike = [
            TensorBuffer("a", [1, 3, 4], Array(repeating: 0, count: 12)),
            TensorBuffer("b", [1, 3, 4], Array(repeating: 0, count: 12)),
        ]
        let error = failure { _ = try detections("boxes", alike) }
        #expect(error?.code == .outputMismatch)
        #expect(error?.message.contains("'a' [1, 3, 4], 'b' [1, 3, 4]") == true)
        #expect(throws: Never.self) {
            try detections("boxes", alike, ["boxes": .string("a"), "scores": .string("b")])
        }
    }

    // MARK: Priors

    private let priors: [String: JSONValue] = [
        "strides": .array([.integer(20), .integer(40)]),
        "sizes": .array([.array([.integer(10)]), .array([.integer(20), .array([.integer(40), .integer(20)])])]),
    ]

    /// An input of 80 × 40 has 4 × 2 cells of one prior and 2 × 1 of two.
    private func offsets(_ row: Int, _ values: [Float]) -> TensorBuffer {
        let tensor = TensorBuffer(name: "boxes", elementType: .float32, shape: [1, 12, 4])
        for (index, value) in values.enumerated() { tensor.floats[row * 4 + index] = value }
        return tensor
    }
    private func only(_ row: Int) -> TensorBuffer {
        let tensor = TensorBuffer("scores", [1, 12, 2], (0..<12).flatMap { _ in [1, 0] as [Float] })
        (tensor.floats[row * 2], tensor.floats[row * 2 + 1]) = (0.2, 0.8)
        return tensor
    }

    @Test func offsetsMoveAndGrowTheirPrior() throws {
        // Row 6: stride 20, row 1, column 2, centre (50, 30), 10 × 10. Shifted by 0.1 × 10 × 5 = 5 to the right.
        let shifted = try detections("ssd-priors", [offsets(6, [5, 0, 0, 0]), only(6)], priors)
        #expect(text(shifted) == ["0 80 % [50, 25, 10, 10]"])
        // Row 11: stride 40, column 1, centre (60, 20), 40 × 20; grown by exp(0.2 × 5 ln 1.5) = 1.5 in height.
        let grown = try detections("ssd-priors", [offsets(11, [0, 0, 0, 5 * log(1.5)]), only(11)], priors)
        #expect(text(grown) == ["0 80 % [40, 5, 40, 30]"])
    }

    @Test func priorsMustBeAsManyAsBoxes() {
        let boxes = TensorBuffer(name: "boxes", elementType: .float32, shape: [1, 11, 4])
        let scores = TensorBuffer(name: "scores", elementType: .float32, shape: [1, 11, 2])
        #expect(
            failure { _ = try detections("ssd-priors", [boxes, scores], priors) }?.message.contains("12 priors") == true
        )
    }

    @Test(
        arguments: [
            [:], ["strides": .array([.integer(8)])],
            ["strides": .array([.integer(8)]), "sizes": .array([.array([])])],
            ["strides": .array([.integer(8)]), "sizes": .array([.array([.string("big")])])],
        ] as [[String: JSONValue]])
    func priorsWithoutSizesAreAProblem(options: [String: JSONValue]) {
        #expect(code { _ = try DecoderSpec(name: "ssd-priors", options: options).make() } == .malformed)
    }

    // MARK: Transformers

    @Test func aSetOfQueriesIsReadAsItIs() throws {
        let boxes = TensorBuffer("pred_boxes", [1, 2, 4], [0.5, 0.5, 0.25, 0.5, 0.5, 0.5, 0.25, 0.5])
        let logits = TensorBuffer("logits", [1, 2, 2], [log(9), -9, -9, log(3)])
        // The same place twice: nothing is suppressed.
        #expect(
            text(try detections("detr", [logits, boxes]))
                == ["0 90 % [30, 10, 20, 20]", "1 75 % [30, 10, 20, 20]"])
        let background = TensorBuffer("logits", [1, 2, 3], [log(8), 0, 0, 0, 0, 9])
        let options: [String: JSONValue] = ["activation": .string("softmax"), "background": .string("last")]
        #expect(text(try detections("detr", [background, boxes], options)) == ["0 80 % [30, 10, 20, 20]"])
    }

    @Test(arguments: ["boxes", "ssd-priors", "detr"])
    func theyKeepTheContractOfDecoders(name: String) throws {
        // The contract's input is 100 × 64: 4 × 3 cells of one prior.
        let options: [String: JSONValue] =
            name == "ssd-priors"
            ? [
                "strides": .array([.integer(26)]), "sizes": .array([.array([.integer(20)])]),
                "background": .string("none"),
            ] : [:]
        let contract = OutputDecoderContract(labelCount: 2) {
            let boxes = (0..<12).flatMap { _ in [0.2, 0.3, 0.4, 0.6] as [Float] }
            let scores = (0..<12).flatMap { [$0 == 5 ? 0.9 : 0.1, $0 == 7 ? 0.8 : 0] as [Float] }
            return TensorOutputs([
                TensorBuffer("boxes", [1, 12, 4], boxes), TensorBuffer("scores", [1, 12, 2], scores),
            ])
        }
        #expect(contract.violations(of: try DecoderSpec(name: name, options: options).make()) == [])
    }
}
