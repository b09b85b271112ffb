import Foundation
import GleanerCore
import Testing

@testable import GleanerExport

@Suite struct ModelManifestTests {
    private func manifest(_ changes: [String: JSONValue?], input: [String: JSONValue?] = [:]) throws -> Data {
        guard case .object(var object) = try JSONDecoder().decode(JSONValue.self, from: Data(MakeBundle.text())),
            case .object(var section)? = object["input"]
        else { throw GleanerError(.malformed, "no object") }
        for (key, value) in input { section[key] = value }
        object["input"] = .object(section)
        for (key, value) in changes { object[key] = value }
        return try CanonicalJSON.encode(object)
    }

    @Test func everyKeyOfAManifestIsKnown() throws {
        let full = MakeBundle.manifest {
            $0.trainedOn = ["b"]
            $0.licence = "MIT"
            $0.origin = "here"
            $0.embedding = "features"
            $0.difficulty = [$0.labels[0]: 2]
            $0.trainedOnTest = true
            $0.input.name = "x"
        }
        let data = try CanonicalJSON.encode(full)
        #expect(try ModelManifestReader.read(data) == full)
        guard case .object(let object) = try JSONDecoder().decode(JSONValue.self, from: data),
            case .object(let input)? = object["input"]
        else { return #expect(Bool(false), "a manifest is an object") }
        #expect(object.keys.sorted() == ModelManifestReader.keys.sorted())
        #expect(input.keys.sorted() == ModelManifestReader.inputKeys.sorted())
    }

    @Test func anUnknownKeyNamesTheNearestKnownOne() throws {
        let top = failure { try ModelManifestReader.read(manifest(["lables": .array([])])) }
        #expect(top == "bundle.manifest: model.json: lables: is not a known key")
        do {
            _ = try ModelManifestReader.read(manifest([:], input: ["widht": .integer(1), "stdd": .integer(2)]))
        } catch let error as GleanerError {
            #expect(error.message == "model.json: input.stdd: is not a known key (and 1 more)")
            #expect(error.remedy.hasPrefix("did you mean 'std'?"))
        }
    }

    @Test(arguments: [
        ("schema", Optional(JSONValue.string("gleaner/model-bundle/2")), "must be gleaner/model-bundle/1"),
        ("name", .string("../x"), "name: must be 1 to 64"), ("name", .string("Meter"), "name: must be"),
        ("name", .string(".x"), "name: must be"), ("name", .string(""), "name: must be"),
        ("version", .integer(0), "version: must be a whole number from 1"),
        ("version", .number(1.5), "version: must be a whole"), ("version", nil, "lacks the key 'version'"),
        ("file", .string("../model.onnx"), "file: must be the plain name"),
        ("file", .string("model.json"), "file: must be"),
        ("file", .string("golden/x"), "file: must be"), ("bytes", .integer(-1), "bytes: must be"),
        ("bytes", .integer(.max), "bytes: must be"),
        ("sha256", .string("abc"), "'abc' is not a SHA-256 digest"), ("task", .string("dreaming"), "task"),
        ("difficulty", .object(["nobody": .integer(2)]), "difficulty.nobody: is none of the labels"),
        ("labels", .array([]), "labels: must be 1 to 10000 names"),
        ("labels", .array([.string("")]), "labels[0]: must have 1"),
        ("labels", .array([.string("a"), .string("a")]), "labels[1]: is there twice"),
        ("labels", .array([.string("a\nb")]), "labels[0]: must have no control"),
        ("labels", .array([.string("unusable")]), "labels[0]: is the word"),
        ("labels", .array([.string(String(repeating: "x", count: 201))]), "labels[0]: must have 1 to 200 bytes"),
        ("decoder", .object(["x": .integer(1)]), "a decoder needs a name"),
        ("decoder", .object(["name": .string("")]), "decoder.name"),
        ("input", .integer(3), "input: must be a section"),
        ("licence", .string(String(repeating: "x", count: 2_001)), "licence: is too long"),
    ])
    func aValueThatCannotBeUsedIsAnError(_ key: String, _ value: JSONValue?, reason: String) throws {
        let message = failure { try ModelManifestReader.read(manifest([key: value])) }
        #expect(message.hasPrefix("bundle.manifest: model.json: ") && message.contains(reason), "\(message)")
    }

    @Test(arguments: [
        ("width", JSONValue.integer(0), "input.width: must be a whole number from 1 to 8192"),
        ("height", .integer(8193), "input.height"),
        ("std", .array([.integer(0)]), "input.std: must not be 0"),
        ("std", .array([.number(1e-60)]), "input.std: must be a 32-bit number, not 1e-60"),
        ("std", .array([.integer(1), .integer(1)]), "input.std: must have 1 or 3 numbers, not 2"),
        ("mean", .array([]), "input.mean: must have 1 or 3"),
        ("mean", .array([.number(1e300)]), "input.mean: must be a 32-bit"),
        ("scale", .integer(0), "input.scale"), ("pad_value", .integer(256), "input.pad_value"),
        ("layout", .string("HWC"), "input.layout"), ("name", .string(""), "input.name"),
    ])
    func anInputThatCannotBeFilledIsAnError(_ key: String, _ value: JSONValue, reason: String) throws {
        let message = failure { try ModelManifestReader.read(manifest([:], input: [key: value])) }
        #expect(message.hasPrefix("bundle.manifest: model.json: ") && message.contains(reason), "\(message)")
    }

    @Test func textThatIsNoJSONNamesTheByteAndDeepOrHugeTextIsRefusedAtOnce() throws {
        let broken = failure { try ModelManifestReader.read(Data(#"{"schema": 1,, }"#.utf8)) }
        #expect(broken.contains("not valid JSON") && broken.contains("character 13"), "\(broken)")
        let deep = Data((String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)).utf8)
        #expect(failure { try ModelManifestReader.read(deep) }.contains("nested deeper than 8"))
        #expect(failure { try ModelManifestReader.read(Data(count: 300_000)) }.contains("more than 256 KiB"))
        #expect(failure { try ModelManifestReader.read(Data()) }.contains("bundle.manifest"))
    }

    @Test func ofAKeyThatIsThereTwiceOnlyWhatWasCheckedCounts() throws {
        let text = String(decoding: try MakeBundle.text(), as: UTF8.self)
        let twice = text.replacing(#""file":"model.onnx""#, with: #""file":"model.onnx","file":"../x""#)
        let manifest = try? ModelManifestReader.read(Data(twice.utf8))
        #expect(manifest.map { $0.file == "model.onnx" } ?? true)
    }
}
