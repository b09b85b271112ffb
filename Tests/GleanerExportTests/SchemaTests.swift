import Foundation
import GleanerCore
import GleanerExport
import Testing

/// The schemas name exactly what is written. Whether they hold is checked by check-jsonschema: with `GLEANER_EMITTED`
/// set to a folder, documents are left in it as `<schema>/<name>.json`.
@Suite struct SchemaTests {
    private static let schemas = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Schemas")

    private static func object(_ data: Data) throws -> [String: JSONValue] {
        guard case .object(let object) = try JSONDecoder().decode(JSONValue.self, from: data) else {
            throw GleanerError(.malformed, "no object")
        }
        return object
    }

    /// The names of the properties at a place of a schema.
    private static func properties(_ schema: String, _ path: [String] = []) throws -> Set<String> {
        var value = try JSONValue.object(object(Data(contentsOf: schemas.appending(path: "\(schema).schema.json"))))
        for key in path + ["properties"] {
            switch value {
            case .object(let object): value = object[key] ?? .null
            case .array(let array): value = array[Int(key) ?? 0]
            default: value = .null
            }
        }
        guard case .object(let properties) = value else { return [] }
        return Set(properties.keys)
    }

    private static func keys(_ value: some Encodable) throws -> Set<String> {
        Set(try object(CanonicalJSON.encode(value)).keys)
    }

    private static func emit(_ value: some Encodable, as schema: String, _ name: String) throws {
        guard let folder = ProcessInfo.processInfo.environment["GLEANER_EMITTED"] else { return }
        try FileManager.default.createDirectory(atPath: "\(folder)/\(schema)", withIntermediateDirectories: true)
        try CanonicalJSON.encode(value).write(to: URL(filePath: "\(folder)/\(schema)/\(name).json"))
    }

    @Test func aLabelHasTheKeysOfItsSchema() throws {
        let values: [LabelValue] = [
            .classified("a"), .classes(["a", "b"]), .boxes([Make.box("a", 1, 2, 3, 4)]), .unusable,
        ]
        for (index, value) in values.enumerated() {
            let full = LabelRecord(value: value, revision: 1, author: "kim")
            #expect(try Self.keys(full) == Self.properties("label", ["oneOf", "\(index)"]))
            try Self.emit(full, as: "label", "full-\(index)")
            try Self.emit(LabelRecord(value: value), as: "label", "least-\(index)")
        }
        try Self.emit(LabelRecord(value: .boxes([])), as: "label", "empty")
    }

    @Test func aSampleHasTheKeysOfItsSchema() throws {
        let samples = [
            Make.digit(1, label: .classified("zero")), Make.fruit(2, [Make.apple, Make.faintPear], label: .boxes([])),
        ]
        for (index, var sample) in samples.enumerated() {
            sample.scene = 1
            sample.distance = 0.5
            sample.uncertaintyWeight = 0.25
            sample.duplicateOf = "1-2"
            sample.represents = 3
            sample.weight = 10
            #expect(try Self.keys(sample) == Self.properties("sample"))
            let prediction = try Self.properties("sample", ["$defs", "prediction", "oneOf", "\(index)"])
            // Only classifiers whose classes do not exclude each other have a score to claim from.
            if sample.prediction.task == .classification { sample.prediction.scoreMin = 0.5 }
            #expect(try Self.keys(sample.prediction) == prediction)
            try Self.emit(sample, as: "sample", "full-\(index)")
        }
        var least = Make.fruit(3)
        least.capturedAt = nil
        try Self.emit(least, as: "sample", "least")
    }

    @Test func aManifestHasTheKeysOfItsSchema() throws {
        let folder = try TemporaryFolder()
        let (manifest, _) = try TestBatch.seal(in: folder)
        #expect(try Self.keys(manifest) == Self.properties("batch-manifest"))
        var header = manifest.header
        header.allowsSeveralClasses = true
        #expect(try Self.keys(header) == Self.properties("batch-manifest", ["properties", "header"]))
        #expect(
            try Self.keys(manifest.files[0]) == Self.properties("batch-manifest", ["properties", "files", "items"]))
        try Self.emit(manifest, as: "batch-manifest", "small")
    }

    @Test func aModelManifestHasTheKeysOfItsSchema() throws {
        let full = MakeBundle.manifest {
            $0.trainedOn = ["b"]
            $0.licence = "MIT"
            $0.origin = "here"
            $0.embedding = "features"
            $0.difficulty = [$0.labels[0]: 2]
            $0.trainedOnTest = true
            $0.input.name = "x"
            $0.decoder.options = ["score_min": .number(0.5)]
        }
        #expect(try Self.keys(full) == Self.properties("model-bundle"))
        #expect(try Self.keys(full.input) == Self.properties("model-bundle", ["properties", "input"]))
        try Self.emit(full, as: "model-bundle", "full")
        try Self.emit(MakeBundle.manifest(), as: "model-bundle", "least")
    }

    @Test func aSignatureHasTheKeysOfItsSchema() throws {
        let folder = try TemporaryFolder()
        let path = try folder.signedFolder(expires: Timestamp("2099-01-01T00:00:00Z"))
        let (_, full) = try ModelBundleSigner.sign(path, with: TestKey.made(2))
        let schema = "model-signature"
        #expect(try Self.keys(full) == Self.properties(schema))
        #expect(try Self.keys(full.statement) == Self.properties(schema, ["properties", "statement"]))
        let statement = ["properties", "statement", "properties"]
        #expect(try Self.keys(full.statement.model) == Self.properties(schema, statement + ["model"]))
        #expect(try Self.keys(full.statement.files[0]) == Self.properties(schema, statement + ["files", "items"]))
        #expect(try Self.keys(full.signatures[0]) == Self.properties(schema, ["properties", "signatures", "items"]))
        try Self.emit(full, as: schema, "full")
    }
}
