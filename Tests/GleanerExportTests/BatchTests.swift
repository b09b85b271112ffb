import Foundation
import GleanerCore
import GleanerExport
import Testing

@Suite struct BatchTests {
    private let files = TestBatch.files

    @Test func aSealedBatchListsEveryFileAndIsNamedByItsManifest() throws {
        let folder = try TemporaryFolder()
        let (manifest, id) = try TestBatch.seal(in: folder)
        #expect(manifest.files.map(\.path) == files)
        #expect(manifest.files[1].sha256 == Digest(of: Make.picture(1)) && manifest.files[1].bytes == 9)
        #expect(manifest.models.map(\.name) == ["meter"] && manifest.formats == ["coco", "csv"])
        #expect(id.digest == Digest(of: try Data(contentsOf: URL(filePath: "\(folder.path)/outbox/manifest.json"))))
        let again = try TemporaryFolder()
        #expect(try TestBatch.seal(in: again).1 == id)
        let sealed = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/outbox").sorted()
        #expect(sealed == ["coco.json", "manifest.json", "samples.csv", "samples.jsonl"])
        var samples: [SampleRecord] = []
        try SampleLines.forEach(in: "\(folder.path)/outbox/samples.jsonl") { samples.append($0) }
        #expect(samples.map(\.id) == [Make.id(1), Make.id(2)] && samples[0].file == files[1])
    }

    private func writer(
        _ purpose: BatchPurpose = .labeling, formats: [(String, any ExportFormat)] = [], in folder: TemporaryFolder
    ) throws -> BatchWriter {
        try BatchWriter(
            folder: try folder.folder("outbox"), header: Make.header(purpose, .classification, count: 1),
            formats: formats)
    }

    @Test func samplesThatDoNotBelongAreRefused() throws {
        let folder = try TemporaryFolder()
        var batch = try writer(.training, in: folder)
        try batch.append([Make.digit(1, label: .classified("zero"))])
        for (sample, code) in [
            (Make.digit(1, label: .classified("zero")), "batch.sample: two samples"),
            (Make.fruit(2, label: .boxes([])), "batch.sample: sample"), (Make.digit(3), "export.label"),
            (Make.digit(4, label: .unusable), "export.label"), (Make.digit(5, label: .boxes([])), "export.label"),
            (Make.digit(6, label: .classified("nine")), "export.label: sample"),
        ] {
            #expect(failure { try batch.append([sample]) }.hasPrefix(code))
        }
        var broken = Make.digit(7, label: .classified("zero"))
        broken.utility = .nan
        #expect(failure { try batch.append([broken]) }.hasPrefix("batch.sample"))
        var short = try BatchWriter(
            folder: try folder.folder("b"), header: Make.header(.labeling, .classification, count: 2), formats: [])
        try short.append([Make.digit(1)])
        #expect(failure { try short.finish() }.contains("1 samples, and 2 were announced"))
    }

    private struct Placing: ExportFormat {
        var path: String?
        struct Writer: ExportWriter {
            let path: String?
            func place(of sample: SampleRecord) -> FramePlace? { path.map { .file($0) } }
            mutating func append(_ sample: SampleRecord) {}
            mutating func finish() {}
        }
        func makeWriter(for header: BatchHeader, in folder: String) -> any ExportWriter { Writer(path: path) }
    }

    @Test(arguments: ["../x.png", "/x.png", "a//b.png", "a/./b.png", ".x.png", "", "a/../../b.png"])
    func picturesStayInsideOfTheBatch(_ path: String) throws {
        let folder = try TemporaryFolder()
        var batch = try writer(formats: [("one", Placing(path: path))], in: folder)
        #expect(failure { try batch.append([Make.digit(1)]) }.contains("cannot lie at"))
    }

    @Test func onlyOneFormatMayPlacePictures() throws {
        let folder = try TemporaryFolder()
        let formats: [(String, any ExportFormat)] = [
            ("one", Placing(path: "a.png")), ("none", Placing()), ("two", ImageFolderExport()),
        ]
        var batch = try writer(formats: formats, in: folder)
        #expect(failure { try batch.append([Make.digit(1)]) }.contains("formats one and two both say"))
    }

    @Test func anOlderModelsUnknownClassStaysInTheSamplesAlone() throws {
        let folder = try TemporaryFolder()
        var batch = try writer(formats: [("coco", CocoExport()), ("label-studio", LabelStudioExport())], in: folder)
        try batch.append([
            Make.sample(1, .classification(probabilities: [0.25, 0.75]), labels: ["zero", "eleven"])
        ])
        _ = try batch.finish()
        #expect(try folder.text("outbox/samples.jsonl").contains("eleven"))
        #expect(try !folder.text("outbox/coco.json").contains("category_id"))
        #expect(try folder.text("outbox/label-studio.json").contains(#""predictions":[]"#))
    }
}

/// A small sealed batch of two samples.
enum TestBatch {
    static let files = [
        "coco.json", "frames/\(Make.id(1)).png", "frames/\(Make.id(2)).png", "samples.csv", "samples.jsonl",
    ]

    static func seal(in folder: TemporaryFolder) throws -> (BatchManifest, BatchID) {
        var batch = try BatchWriter(
            folder: try folder.folder("outbox"), header: Make.header(.labeling, .classification, count: 2),
            formats: [("coco", CocoExport()), ("csv", CSVExport())])
        try batch.append([Make.digit(1)])
        try batch.append([Make.digit(2)])
        return try batch.finish()
    }

    /// Writes the batch that is sealed in `outbox` to a folder as a destination does, and returns its path.
    static func deliver(in folder: TemporaryFolder) throws -> String {
        let batch = try OutboxBatch("\(folder.path)/outbox", sealedAt: Timestamp(milliseconds: 0)) {
            Array(Make.picture($0.sequence)[$1])
        }
        for file in batch.manifest.files {
            _ = try folder.folder(PathName.parent(of: "stick/\(file.path)"))
            var whole = Data()
            try batch.forEachPiece(of: file) { whole.append(contentsOf: $0) }
            try folder.write(whole, to: "stick/\(file.path)")
        }
        try folder.write(batch.manifestData, to: "stick/\(BatchManifest.fileName)")
        try BatchVerifier.verify("\(folder.path)/stick")
        return "\(folder.path)/stick"
    }
}
