import Foundation
import GleanerCore
import Testing

@Suite("JSON")
struct JSONTests {
    @Test(
        "a value is read as what it is",
        arguments: [
            ("null", .null), ("true", .bool(true)), ("false", .bool(false)), ("0", .integer(0)), ("1", .integer(1)),
            ("-9223372036854775808", .integer(.min)), ("9223372036854775807", .integer(.max)),
            ("1.5", .number(1.5)), ("1e300", .number(1e300)), ("9223372036854775808", .number(0x1p63)),
            ("\"1\"", .string("1")), ("\"\"", .string("")), ("[]", .array([])), ("{}", .object([:])),
            ("[1,\"a\",[null]]", .array([.integer(1), .string("a"), .array([.null])])),
            ("{\"a\":{\"b\":true}}", .object(["a": .object(["b": .bool(true)])])),
            ("\"\\u0000\\ud83d\\ude00\"", .string("\0😀")),
        ] as [(String, JSONValue)])
    func values(text: String, expected: JSONValue) throws {
        let value: JSONValue = try CanonicalJSON.decode(from: Data(text.utf8), named: "it")
        #expect(value == expected)
        try expectRoundTrip(expected)
    }

    @Test func numbersComeBackToTheLastBit() throws {
        let numbers: [Double] = [
            0.1, 1 / 3, .leastNonzeroMagnitude, 1.797_693_134_862_315_7e308, 0x1p-53, 1.000_000_000_000_000_2,
            123_456.789,
        ]
        for number in numbers {
            try expectRoundTrip(JSONValue.number(number))
            try expectRoundTrip(JSONValue.number(-number))
        }
        var draw = SeededDraw(seed: 4)
        for sequence in 0..<1000 as Range<UInt64> {
            try expectRoundTrip([draw.uniform(.export, run: RunID(counter: 1, nonce: 1), sequence: sequence)])
        }
        draw = SeededDraw(seed: .max)
        try expectRoundTrip(draw)
    }

    @Test func canonicalBytesAreSortedAndPlain() throws {
        let value = JSONValue.object(["b/c": .string("a/b é"), "a": .array([.integer(1), .number(0.5)]), "B": .null])
        let text = String(decoding: try CanonicalJSON.encode(value), as: UTF8.self)
        #expect(text == #"{"B":null,"a":[1,0.5],"b/c":"a/b é"}"#)
        let pretty = String(decoding: try CanonicalJSON.encodePretty(value), as: UTF8.self)
        #expect(pretty.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.first == "{")
        #expect(try CanonicalJSON.decode(JSONValue.self, from: Data(pretty.utf8), named: "it") == value)
    }

    @Test func equalObjectsGiveEqualBytesWhateverTheirOrder() throws {
        let keys = (0..<200).map { "key \($0)" }
        let forward = JSONValue.object(Dictionary(uniqueKeysWithValues: keys.map { ($0, .string($0)) }))
        let backward = JSONValue.object(Dictionary(uniqueKeysWithValues: keys.reversed().map { ($0, .string($0)) }))
        #expect(try CanonicalJSON.encode(forward) == CanonicalJSON.encode(backward))
    }

    @Test func whatIsNotANumberCannotBeWritten() {
        #expect(throws: (any Error).self) { try CanonicalJSON.encode(JSONValue.number(.nan)) }
        #expect(throws: (any Error).self) { try CanonicalJSON.encode(JSONValue.number(.infinity)) }
    }

    struct Document: Codable {
        struct Part: Codable { var size: Int }
        var parts: [Part]
    }

    @Test(
        "an error says what is wrong and where",
        arguments: [
            (#"{}"#, "model.json lacks the key 'parts'"),
            (#"{"parts": [{"size": 1}, {}]}"#, "model.json lacks the key 'size' at parts[1]"),
            (#"{"parts": [{"size": "x"}]}"#, "model.json is malformed at parts[0].size"),
            (#"{"parts": [{"size": 1.5}]}"#, "model.json is malformed"),
            (#"{"parts": [{"size": 1e40}]}"#, "model.json is malformed"),
            (#"{"parts": 3}"#, "model.json is malformed at parts"), (#"{"parts""#, "model.json is "),
            ("", "model.json is "), ("\u{feff}", "model.json is "),
        ])
    func errors(text: String, expected: String) {
        let error = gleanerError { try CanonicalJSON.decode(Document.self, from: Data(text.utf8), named: "model.json") }
        #expect(error?.code == .malformed)
        #expect(error?.message.hasPrefix(expected) == true, "\(error?.message ?? "")")
    }

    @Test func aDeepDocumentIsAnErrorAndNoCrash() {
        for text in [String(repeating: "[", count: 200_000), String(repeating: "{\"a\":", count: 100_000)] {
            let error = gleanerError { try CanonicalJSON.decode(JSONValue.self, from: Data(text.utf8), named: "it") }
            #expect(error?.code == .malformed)
        }
    }

    @Test func bytesThatAreNoTextAreAnError() {
        let error = gleanerError {
            try CanonicalJSON.decode(JSONValue.self, from: Data([0x22, 0xff, 0xfe, 0x22]), named: "it")
        }
        #expect(error?.code == .malformed)
    }
}
