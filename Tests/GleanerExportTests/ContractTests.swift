import Foundation
import GleanerCore
import GleanerTesting
import Testing

@testable import GleanerExport

@Suite struct ContractTests {
    private static func formats(_ task: ModelTask) -> [any ExportFormat] {
        let all: [any ExportFormat] = [
            CocoExport(), LabelStudioExport(), CSVExport(), YOLOExport(), CVATExport(), ImageFolderExport(),
            WebDatasetExport(),
        ]
        return task == .detection ? all + [VOCExport()] : all
    }

    @Test(arguments: ModelTask.allCases, BatchPurpose.allCases)
    func everyExportFormatKeepsItsPromises(_ task: ModelTask, _ purpose: BatchPurpose) throws {
        let samples = (1...30).map { number in
            let id = UInt64(number)
            let split = Split.allCases[number % 3]
            return task == .detection
                ? Make.fruit(id, [Make.apple], label: .boxes([Make.box("pear", 1, 2, 3, 4)]), split: split)
                : Make.digit(id, label: .classified(Make.digits[number % 3]), split: split)
        }
        for format in Self.formats(task) {
            let header = Make.header(purpose, task, count: samples.count)
            let broken = try ExportFormatContract.brokenPromises(of: format, header: header, samples: samples)
            #expect(broken == [], "\(type(of: format))")
        }
    }

    /// A view that breaks what it can, to see that the contract notices.
    private struct Careless: ExportFormat {
        struct Writer: ExportWriter {
            let folder: String
            func place(of sample: SampleRecord) -> FramePlace? { .file("all/picture.png") }
            mutating func append(_ sample: SampleRecord) throws {
                let file = URL(filePath: "\(folder)/\(sample.file)")
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data("\(UUID())".utf8).write(to: file)
            }
            mutating func finish() throws { try Data().write(to: URL(filePath: "\(folder)-beside")) }
        }
        func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
            Writer(folder: folder)
        }
    }

    @Test func theContractNoticesACarelessFormat() throws {
        let header = Make.header(.labeling, .detection, count: 2)
        let broken = try ExportFormatContract.brokenPromises(
            of: Careless(), header: header, samples: [Make.fruit(1), Make.fruit(2)])
        for part in ["same bytes", "outside of the folder", "placed by the batch", "named by its", "share a picture"] {
            #expect(broken.contains { $0.contains(part) }, "\(part)")
        }
    }

    @Test func everyLabelFormatKeepsItsPromisesWhateverTheFile() throws {
        let labels = (1...3).map { Make.fruit(UInt64($0), label: .boxes([Make.box("pear", 1, 2, 3, 4)])) }
        let header = Make.header(.training, .detection, count: 3)
        let folder = try TemporaryFolder()
        for format in Self.formats(.detection) {
            try writeView(format, header, labels, in: folder)
        }
        let formats: [(any LabelFormat, String)] = [
            (CocoLabels(), "coco-train.json"), (LabelStudioLabels(), "label-studio.json"), (CSVLabels(), "samples.csv"),
            (CVATLabels(), "cvat-train.xml"), (VOCLabels(), "Annotations/\(Make.id(1)).xml"),
        ]
        // A shard as it is delivered, with a picture in it.
        let shard = try PackedFile.describe("webdataset/train-000000.tar", in: folder.path) {
            Make.picture($0.sequence)
        }
        #expect(shard.bytes > 3 * 512)
        let packed = Data(
            try PackedFile.Index("webdataset/train-000000.tar", in: folder.path)
                .read(at: 0, byteCount: shard.bytes) { Array(Make.picture($0.sequence)[$1]) })
        #expect(Digest(of: packed) == shard.sha256)
        let broken = try LabelFormatContract.brokenPromises(
            of: WebDatasetLabels(), validFile: packed, mutationCount: 3_500, seed: 20_260_101)
        #expect(broken == [], "WebDatasetLabels")
        for (format, file) in formats {
            let data = try Data(contentsOf: URL(filePath: "\(folder.path)/\(file)"))
            let broken = try LabelFormatContract.brokenPromises(
                of: format, validFile: data, mutationCount: 3_500, seed: 20_260_101)
            #expect(broken == [], "\(type(of: format))")
        }
    }

    @Test func entriesMakeTheirFormatsAndRefuseUnknownOptions() throws {
        let exports = Registry(
            "export format",
            [
                CocoExport.entry, LabelStudioExport.entry, CSVExport.entry, ImageFolderExport.entry, YOLOExport.entry,
                VOCExport.entry, CVATExport.entry, WebDatasetExport.entry,
            ])
        let labels = Registry(
            "label format",
            [
                CocoLabels.entry, LabelStudioLabels.entry, CSVLabels.entry, YOLOLabels.entry, VOCLabels.entry,
                CVATLabels.entry, ImageFolderLabels.entry, WebDatasetLabels.entry,
            ])
        for name in exports.names { _ = try exports.make(name) }
        for name in labels.names { _ = try labels.make(name) }
        let problems = ProblemList()
        let options = OptionReader(.object(["emty": .string("labeled")]), path: "coco", problems: problems)
        _ = try labels.make("coco", options: options)
        #expect(problems.problems.map(\.remedy).first?.contains("did you mean 'empty'?") == true)
    }
}
