import Foundation
import GleanerCore
import Testing

@testable import GleanerInference

@Suite struct PythonLiteralTests {
    @Test(arguments: [
        ("{0: 'cat', 1: \"dog's\"}", JSONValue.object(["0": .string("cat"), "1": .string("dog's")])),
        ("[640, 480]", .array([.integer(640), .integer(480)])),
        ("(1, 2.5, -3)", .array([.integer(1), .number(2.5), .integer(-3)])),
        ("{'half': False, 'nms': True, 'x': None}", .object(["half": .bool(false), "nms": .bool(true), "x": .null])),
        ("'a\\'b\\\\ \\u82f9\\x41\\n'", .string("a'b\\ 苹A\n")), ("[]", .array([])), ("{}", .object([:])),
        (" 7 ", .integer(7)),
        ("['a', 'b',]", .array([.string("a"), .string("b")])),
    ])
    func whatReprWritesIsRead(text: String, value: JSONValue) {
        #expect(PythonLiteral.parse(text) == value)
    }

    @Test(arguments: [
        "", "{", "{0: 'a'", "{0 'a'}", "[1, 2", "'abc", "[1] 2", "os.system('x')", "'\\u12'", "'\\uD800'", "{[1]: 2}",
        "1e", "--1",
        String(repeating: "[", count: 100_000),
    ])
    func whatIsNoLiteralIsNone(text: String) {
        #expect(PythonLiteral.parse(text) == nil)
    }
}

@Suite struct UltralyticsNotesTests {
    private let names = "{0: 'cat', 1: 'dog'}"

    @Test func classesComeInTheirOrderAndSizesHeightFirst() throws {
        let notes = try #require(
            UltralyticsNotes(["names": "{1: 'dog', 0: 'cat'}", "imgsz": "[480, 640]", "task": "detect", "stride": "32"])
        )
        #expect(notes.labels == ["cat", "dog"])
        #expect(notes.size?.width == 640 && notes.size?.height == 480)
        #expect(notes.task == "detect")
    }

    @Test func theOlderExporterListsNamesAlone() throws {
        let notes = try #require(UltralyticsNotes(["names": "['cat', 'dog']", "stride": "32"]))
        #expect(notes.labels == ["cat", "dog"] && notes.size == nil && notes.task == nil)
    }

    @Test(arguments: [
        ["names": "{0: 'cat', 2: 'dog'}", "task": "detect"], ["names": "{0: 1}", "task": "detect"], ["names": "cat"],
        ["names": "{}", "task": "detect"], ["task": "detect"], ["names": "{0: 'cat'}"],
    ])
    func whatIsNoNoteOfTheirsIsNone(metadata: [String: String]) {
        #expect(UltralyticsNotes(metadata) == nil)
    }
}

@Suite struct DecoderGuessTests {
    private func guess(
        _ outputs: [TensorBuffer], labels: Int?, endsInSigmoid: Bool = false
    ) throws -> DecoderGuess.Found {
        try DecoderGuess(
            outputs: outputs, input: InputSpec(width: 64, height: 64), labelCount: labels, endsInSigmoid: endsInSigmoid
        ).find()
    }

    private func tensor(_ name: String, _ shape: [Int], _ value: (Int) -> Float = { _ in 0.5 }) -> TensorBuffer {
        TensorBuffer(name, shape, (0..<shape.reduce(1, *)).map(value))
    }

    @Test func classifiersAreToldByTheirSum() throws {
        #expect(
            try guess([tensor("out", [1, 4]) { _ in 0.25 }], labels: nil).decoder.options["activation"]
                == .string("probabilities"))
        // Numbers that only happen to lie between 0 and 1 are not taken for probabilities.
        let halves = tensor("out", [1, 4]) { _ in 0.5 }
        #expect(try guess([halves], labels: nil).decoder.options["activation"] == .string("logits"))
        let sigmoid = try guess([halves], labels: nil, endsInSigmoid: true)
        #expect(sigmoid.decoder.options["activation"] == .string("independent"))
        let one = try guess([tensor("out", [1, 1]) { _ in 1 }], labels: nil, endsInSigmoid: true)
        #expect(one.decoder.options["activation"] == .string("independent"))
        let found = try guess([tensor("out", [1, 4, 1, 1]) { Float($0) - 2 }], labels: nil)
        #expect(found.decoder.options["activation"] == .string("logits"))
        #expect(found.classCount == 4 && found.task == .classification)
    }

    @Test(arguments: [
        ([1, 84, 100], 80, "yolov8"), ([1, 85, 100], 80, "yolov5"), ([1, 100, 85], 80, "yolov5"),
        ([1, 100, 84], 80, "yolov8"),
        ([1, 300, 6], 80, "yolo-end-to-end"), ([1, 85, 22, 22], 80, "fastestdet"),
    ])
    func detectorsAreToldByTheirShape(shape: [Int], labels: Int, decoder: String) throws {
        // Whole numbers where a class could be, and sizes in pixels.
        #expect(try guess([tensor("out", shape) { _ in 12 }], labels: labels).decoder.name == decoder)
    }

    @Test func cellsAreToldFromBoxesByTheirNumbers() throws {
        // 64 + 16 + 4 cells at the strides 8, 16 and 32.
        let raw = tensor("out", [1, 84, 7]) { _ in 0.5 }
        #expect(try guess([raw], labels: 2).decoder.name == "yolox")
        let decoded = tensor("out", [1, 84, 7]) { $0 % 7 == 0 ? 60 : 12.5 }
        #expect(try guess([decoded], labels: 2).decoder.name == "yolov5")
    }

    @Test func heavierOutputsBesideATableAreLeftOut() throws {
        let raw = [tensor("head", [1, 3, 8, 8, 7]), tensor("boxes", [1, 192, 7]) { _ in 12 }]
        let found = try guess(raw, labels: 2)
        #expect(found.decoder.name == "yolov5" && found.decoder.options["output"] == .string("boxes"))
    }

    @Test func whatFitsNothingIsNotGuessed() {
        let unknown: [[TensorBuffer]] = [
            [tensor("a", [1, 3, 8, 8])], [tensor("a", [1, 50, 4]), tensor("b", [1, 60, 4])], [tensor("a", [1, 0, 9])],
            [tensor("a", [1, 255, 8, 8]), tensor("b", [1, 255, 4, 4])],
        ]
        for outputs in unknown {
            #expect(code { _ = try guess(outputs, labels: 7) } == .modelUndescribed)
        }
    }
}
