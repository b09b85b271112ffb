import Foundation
import GleanerCore
import GleanerInference
import GleanerTesting
import Testing

/// Outputs written by hand, and the boxes that a person computes from them.
@Suite struct YOLODecoderTests {
    /// Two boxes and two classes, with attributes in the order of YOLOv5: centre, size, objectness, classes.
    private static let v5: [[Float]] = [
        [40, 20, 20, 10, 0.9, 0.1, 0.8],
        [10, 30, 8, 8, 0.5, 0.5, 0.2],
        [60, 30, 8, 8, 0.04, 1, 1],
    ]
    private static let v8: [[Float]] = v5.map { Array($0[..<4]) + $0[5...].map { min($0, 0.95) } }

    private func rows(_ rows: [[Float]], name: String = "out") -> TensorBuffer {
        TensorBuffer(name, [1, rows.count, rows[0].count], rows.flatMap { $0 })
    }

    private func columns(_ rows: [[Float]]) -> TensorBuffer {
        let values = rows[0].indices.flatMap { attribute in rows.map { $0[attribute] } }
        return TensorBuffer("out", [1, rows[0].count, rows.count], values)
    }

    private func detections(
        _ decoder: String, _ tensors: [TensorBuffer], _ options: [String: JSONValue] = [:],
        in letterbox: Letterbox = .same(width: 80, height: 40)
    ) throws -> [Detection] {
        let decoder = try DecoderSpec(name: decoder, options: options).make()
        guard case .detection(let found) = try decoder.decode(TensorOutputs(tensors), undoing: letterbox) else {
            return []
        }
        return found
    }

    private func expect(_ found: [Detection], _ expected: [Detection], _ comment: Comment? = nil) {
        #expect(found.count == expected.count, comment)
        for (one, other) in zip(found, expected) {
            #expect(one.classIndex == other.classIndex, comment)
            #expect(abs(one.score - other.score) < 1e-4, comment)
            let pairs = [
                (one.box.x, other.box.x), (one.box.y, other.box.y), (one.box.width, other.box.width),
                (one.box.height, other.box.height),
            ]
            for (value, wanted) in pairs { #expect(abs(value - wanted) < 1e-2, comment) }
        }
    }

    private func found(_ x: Float, _ y: Float, _ w: Float, _ h: Float, _ classIndex: Int, _ score: Float) -> Detection {
        Detection(box: Box(x: x, y: y, width: w, height: h), classIndex: classIndex, score: score)
    }

    // MARK: YOLOv5 and YOLOv8

    @Test func aRowOfYOLOv5IsABoxTimesItsObjectness() throws {
        let expected = [found(30, 15, 20, 10, 1, 0.72), found(6, 26, 8, 8, 0, 0.25)]
        expect(try detections("yolov5", [rows(Self.v5)], ["layout": .string("boxes-first")]), expected)
        expect(try detections("yolov5", [columns(Self.v5)], ["layout": .string("attributes-first")]), expected)
    }

    @Test func aColumnOfYOLOv8IsABoxWithoutObjectness() throws {
        let boxes = Self.v8
        let expected = [found(56, 26, 8, 8, 0, 0.95), found(30, 15, 20, 10, 1, 0.8), found(6, 26, 8, 8, 0, 0.5)]
        expect(try detections("yolov8", [columns(boxes)], ["layout": .string("attributes-first")]), expected)
        expect(try detections("yolov8", [rows(boxes)], ["layout": .string("boxes-first")]), expected)
    }

    @Test func thereAreMoreBoxesThanAttributesUnlessToldOtherwise() throws {
        let many = Self.v8 + (0..<5).map { _ in [10, 10, 4, 4, 0, 0] }
        #expect(try detections("yolov8", [rows(many)]) == detections("yolov8", [columns(many)]))
        #expect(try detections("yolov8", [rows(many)]).count == 3)
    }

    @Test func fractionsCountFromTheInput() throws {
        let row: [Float] = [0.5, 0.5, 0.25, 0.25, 0.9, 0]
        let options: [String: JSONValue] = ["layout": .string("boxes-first"), "box_unit": .string("fraction")]
        expect(try detections("yolov8", [rows([row])], options), [found(30, 15, 20, 10, 0, 0.9)])
    }

    @Test func quantisedOutputsAreReadWithTheirScale() throws {
        let tensor = TensorBuffer(name: "out", elementType: .uint8, shape: [1, 1, 6])
        for (index, value) in [128, 128, 64, 64, 230, 0].enumerated() { tensor.bytes[index] = UInt8(value) }
        var options: [String: JSONValue] = ["layout": .string("boxes-first"), "box_unit": .string("fraction")]
        #expect(code { _ = try detections("yolov8", [tensor], options) } == .outputMismatch)
        options["output"] = .object(["name": .string("out"), "scale": .number(1.0 / 256), "zero_point": .integer(0)])
        expect(try detections("yolov8", [tensor], options), [found(30, 15, 20, 10, 0, 230.0 / 256)])
    }

    @Test func halvesAreReadAsFloats() throws {
        let tensor = TensorBuffer(name: "out", elementType: .float16, shape: [1, 1, 6])
        let halves = tensor.bytes.bindMemory(to: Float16.self)
        for (index, value) in ([40, 20, 20, 10, 0.75, 0] as [Float16]).enumerated() { halves[index] = value }
        let options: [String: JSONValue] = ["layout": .string("boxes-first")]
        expect(try detections("yolov8", [tensor], options), [found(30, 15, 20, 10, 0, 0.75)])
        halves[4] = .nan
        #expect(code { _ = try detections("yolov8", [tensor], options) } == .outputNotFinite)
    }

    @Test(arguments: ["yolov5", "yolov8"])
    func logitsAreNotTakenForProbabilities(decoder: String) {
        let logits: [[Float]] = (0..<9).map { _ in [40, 20, 20, 10, -7, -6, -8] }
        #expect(code { _ = try detections(decoder, [rows(logits)]) } == .outputNotProbability)
    }

    @Test func severalOutputsNeedAName() throws {
        let both = [rows(Self.v5, name: "boxes"), rows(Self.v5, name: "raw")]
        let options: [String: JSONValue] = ["layout": .string("boxes-first")]
        #expect(code { _ = try detections("yolov5", both, options) } == .outputMismatch)
        let named = options.merging(["output": .string("boxes")]) { $1 }
        #expect(try detections("yolov5", both, named).count == 2)
    }

    // MARK: Grids

    @Test func aCellOfYOLOXGrowsFromItsStride() throws {
        // An input of 32 × 16 has 4 × 2 cells at stride 8 and 2 × 1 at stride 16.
        var cells = (0..<10).map { _ in [Float](repeating: 0, count: 7) }
        cells[5] = [0.5, 0.25, 0, log(2), 0.8, 0.5, 0.25]  // stride 8, row 1, column 1
        cells[9] = [0.5, 0.5, log(0.5), 0, 0.9, 0, 1]  // stride 16, row 0, column 1
        let options: [String: JSONValue] = ["strides": .array([.integer(8), .integer(16)])]
        let letterbox = Letterbox.same(width: 32, height: 16)
        expect(
            try detections("yolox", [rows(cells)], options, in: letterbox),
            // Centres (1.5, 1.25) × 8 and (1.5, 0.5) × 16; sizes 8 × 16 and 8 × 16, the first clipped at the bottom.
            [found(20, 0, 8, 16, 1, 0.9), found(8, 2, 8, 14, 0, 0.4)])
        let fine: [String: JSONValue] = ["strides": .array([.integer(8)])]
        let error = failure { _ = try detections("yolox", [rows(cells)], fine, in: letterbox) }
        #expect(error?.message.contains("8 cells at the strides 8") == true)
    }

    /// One head of two anchors, 10 × 6 and 20 × 12, and two classes on a grid of 2 × 4.
    private func head(_ layout: String) -> TensorBuffer {
        // Anchor, attribute, row, column.
        var values: [SIMD4<Int>: Float] = [:]
        for (attribute, value) in ([0, 0, log(2), 0, 2, -1, 3] as [Float]).enumerated() {
            values[SIMD4(1, attribute, 1, 2)] = value
        }
        let shape = ["NCHW": [1, 14, 2, 4], "NHWC": [1, 2, 4, 14], "split": [1, 2, 2, 4, 7]][layout] ?? []
        let tensor = TensorBuffer("head", shape, Array(repeating: -9, count: 112))
        for (place, value) in values {
            let (anchor, attribute, row, column) = (place.x, place.y, place.z, place.w)
            let index =
                switch layout {
                case "NCHW": ((anchor * 7 + attribute) * 2 + row) * 4 + column
                case "NHWC": (row * 4 + column) * 14 + anchor * 7 + attribute
                default: ((anchor * 2 + row) * 4 + column) * 7 + attribute
                }
            tensor.floats[index] = value
        }
        return tensor
    }

    private func headOptions(_ more: [String: JSONValue] = [:]) -> [String: JSONValue] {
        let anchors: [JSONValue] = [[10, 6], [20, 12]].map { .array($0.map { .integer($0) }) }
        let head: [String: JSONValue] = ["output": .string("head"), "anchors": .array(anchors)]
        return ["heads": .array([.object(head)])].merging(more) { $1 }
    }

    @Test(arguments: ["NCHW", "NHWC", "split"])
    func aCellOfDarknetGrowsFromItsAnchor(layout: String) throws {
        let options = headOptions(layout == "NHWC" ? ["layout": .string("NHWC")] : [:])
        // Centre ((0.5 + 2) / 4, (0.5 + 1) / 2) of 80 × 40 = (50, 30); size 40 × 12; σ(2) σ(3) = 0.8390.
        expect(try detections("yolo-anchors", [head(layout)], options), [found(30, 24, 40, 12, 1, 0.8390)])
    }

    @Test func scaledYOLOSquaresItsSizes() throws {
        let options = headOptions(["box_rule": .string("square"), "scale_x_y": .integer(2)])
        // Size (2 σ(ln 2))² × 20 = (4/3)² × 20 = 35.56, (2 σ(0))² × 12 = 12; centre 2 · 0.5 − 0.5 = 0.5 as before.
        expect(try detections("yolo-anchors", [head("NCHW")], options), [found(32.22, 24, 35.556, 12, 1, 0.8390)])
    }

    @Test func headsWithoutAnchorsAreAProblem() {
        for options in [[:], ["heads": .array([.object(["output": .string("head")])])]] as [[String: JSONValue]] {
            #expect(code { _ = try DecoderSpec(name: "yolo-anchors", options: options).make() } == .malformed)
        }
    }

    // MARK: End to end

    private static let endToEnd: [[Float]] = [
        [30, 15, 50, 25, 0.7, 1], [6, 26, 14, 34, 0.9, 0], [0, 0, 0, 0, 0, 0],
    ]

    @Test func aRowOfTheEndIsABoxAsItIs() throws {
        let expected = [found(6, 26, 8, 8, 0, 0.9), found(30, 15, 20, 10, 1, 0.7)]
        expect(try detections("yolo-end-to-end", [rows(Self.endToEnd)]), expected)
        let other = Self.endToEnd.map { [0, $0[0], $0[1], $0[2], $0[3], $0[5], $0[4]] }
        let tensor = TensorBuffer("out", [3, 7], other.flatMap { $0 })
        let options: [String: JSONValue] = ["columns": .string("batch-xyxy-class-score")]
        expect(try detections("yolo-end-to-end", [tensor], options), expected)
    }

    @Test func whatOverlapsAtTheEndIsNotSuppressed() throws {
        let twice: [[Float]] = [[30, 15, 50, 25, 0.7, 1], [30, 15, 50, 25, 0.6, 1]]
        #expect(try detections("yolo-end-to-end", [rows(twice)]).count == 2)
        #expect(try detections("yolo-end-to-end", [rows(twice)], ["nms": .string("class-wise")]).count == 1)
    }

    @Test(arguments: [2, -1, 0.5] as [Float])
    func aClassThatNoLabelHasIsRefused(number: Float) throws {
        let decoder = try DecoderSpec(name: "yolo-end-to-end").make()
        let tensor = rows([[30, 15, 50, 25, 0.7, number]])
        let error = failure { try decoder.check(TensorOutputs([tensor]), labelCount: 2) }
        #expect(error?.code == .outputMismatch)
        #expect(error?.message.contains("\(number)") == true)
    }

    @Test(arguments: [0.5, 1e30, -1e30] as [Float])
    func aClassThatIsNoNumberOfOneIsAnErrorOfItsFrame(number: Float) {
        let tensor = rows([[30, 15, 50, 25, 0.7, number]])
        #expect(code { _ = try detections("yolo-end-to-end", [tensor]) } == .outputMismatch)
    }

    // MARK: All of them

    @Test(arguments: ["yolov5", "yolov8", "yolox", "yolo-end-to-end", "yolo-anchors"])
    func theyKeepTheContractOfDecoders(name: String) throws {
        // The contract's input is 100 × 64 pixels.
        var options: [String: JSONValue] = [:]
        switch name {
        case "yolov5", "yolov8": options["layout"] = .string("boxes-first")
        case "yolox": options["strides"] = .array([.integer(32)])
        case "yolo-anchors": options = headOptions()
        default: break
        }
        let decoder = try DecoderSpec(name: name, options: options).make()
        let contract = OutputDecoderContract(labelCount: 2, countsClasses: name != "yolo-end-to-end") {
            let tensor =
                switch name {
                case "yolov5": self.rows(Self.v5)
                case "yolov8": self.rows(Self.v8)
                case "yolox": self.rows((0..<6).map { [0.5, 0.5, 0, 0, $0 == 4 ? 0.9 : 0, 0.5, 0.8] })
                case "yolo-end-to-end": self.rows(Self.endToEnd)
                default: self.head("NCHW")
                }
            return TensorOutputs([tensor])
        }
        #expect(contract.violations(of: decoder) == [])
    }

    /// What does not fit must be said, not decoded.
    @Test(arguments: [
        ("yolov5", [1, 3, 5]), ("yolov8", [2, 9, 6]), ("yolox", [2, 3, 7]), ("yolo-end-to-end", [1, 3, 5]),
        ("yolo-end-to-end", [2, 3, 6]), ("yolo-anchors", [1, 13, 2, 4]), ("yolo-anchors", [1, 14, 8]),
        ("yolo-anchors", [2, 14, 2, 4]), ("yolov8", [1, 0, 6]),
    ])
    func anOutputOfAnotherShapeIsDescribed(name: String, shape: [Int]) throws {
        let decoder = try DecoderSpec(name: name, options: name == "yolo-anchors" ? headOptions() : [:]).make()
        let tensor = TensorBuffer(name: "head", elementType: .float32, shape: shape)
        let error = failure { try decoder.check(TensorOutputs([tensor]), labelCount: 2) }
        #expect(error?.code == .outputMismatch)
        #expect(error?.message.contains("\(shape)") == true)
    }
}
