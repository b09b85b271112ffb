import Foundation
import GleanerCore
import Testing

@testable import GleanerExport

@Suite struct OutboxBatchTests {
    private func sealed(
        _ format: any ExportFormat, in folder: TemporaryFolder, picture: @escaping @Sendable (SampleID) -> [UInt8]
    ) throws -> OutboxBatch {
        let fruits = (1...3).map { Make.fruit(UInt64($0), label: .boxes([Make.box("pear", 1, 2, 3, 4)])) }
        var batch = try BatchWriter(
            folder: try folder.folder("outbox"), header: Make.header(.training, .detection, count: 3),
            formats: [("one", format)])
        try batch.append(fruits)
        _ = try batch.finish { Make.picture($0.sequence) }
        return try OutboxBatch("\(folder.path)/outbox", sealedAt: Timestamp(milliseconds: 0)) { id, range in
            Array(picture(id).dropFirst(range.lowerBound).prefix(range.count))
        }
    }

    @Test(arguments: ["coco", "webdataset"])
    func anyPartOfAnyFileIsThatPartOfTheWhole(_ name: String) throws {
        let folder = try TemporaryFolder()
        let format: any ExportFormat = name == "coco" ? CocoExport() : WebDatasetExport()
        let batch = try sealed(format, in: folder) { Make.picture($0.sequence) }
        for file in batch.manifest.files {
            let whole = try batch.read(file, at: 0, byteCount: file.bytes)
            #expect(Digest(of: whole) == file.sha256, "\(file.path)")
            for byteCount in [1, 7, 500] where file.bytes > 0 {
                var parts: [UInt8] = []
                for offset in stride(from: 0, to: file.bytes, by: byteCount) {
                    parts += try batch.read(file, at: offset, byteCount: min(byteCount, file.bytes - offset))
                }
                #expect(parts == whole, "\(file.path) in parts of \(byteCount)")
            }
        }
    }

    @Test(arguments: ["coco", "webdataset"])
    func aPictureThatIsNotTheOneThatWasKeptIsNoticed(_ name: String) throws {
        let folder = try TemporaryFolder()
        let format: any ExportFormat = name == "coco" ? CocoExport() : WebDatasetExport()
        let batch = try sealed(format, in: folder) {
            $0.sequence == 2 ? Array("picture 9".utf8) : Make.picture($0.sequence)
        }
        let message = failure { for file in batch.manifest.files { try batch.forEachPiece(of: file) { _ in } } }
        #expect(message.hasPrefix("batch.damaged"))
    }

    @Test func aViewThatWasChangedInTheOutboxIsNoticed() throws {
        let folder = try TemporaryFolder()
        let batch = try sealed(CocoExport(), in: folder) { Make.picture($0.sequence) }
        let view = try #require(batch.manifest.files.first { $0.path.hasPrefix("coco") })
        try folder.write(String(repeating: "x", count: view.bytes), to: "outbox/\(view.path)")
        #expect(failure { try batch.forEachPiece(of: view) { _ in } }.hasPrefix("batch.damaged"))
        try folder.write("x", to: "outbox/\(view.path)")
        #expect(failure { try batch.forEachPiece(of: view) { _ in } }.hasPrefix("batch.damaged"))
    }

    @Test func aFileThatIsNowhereIsNoticed() throws {
        let folder = try TemporaryFolder()
        _ = try sealed(CocoExport(), in: folder) { Make.picture($0.sequence) }
        try FileManager.default.removeItem(atPath: "\(folder.path)/outbox/\(BatchManifest.samplesFileName)")
        let batch = try OutboxBatch("\(folder.path)/outbox", sealedAt: Timestamp(milliseconds: 0)) { id, _ in
            Make.picture(id.sequence)
        }
        let lines = try #require(batch.manifest.files.first { $0.path == BatchManifest.samplesFileName })
        let message = failure { try batch.forEachPiece(of: lines) { _ in } }
        #expect(message.hasPrefix("batch.damaged"))
        #expect(message.contains("'samples.jsonl'"))
    }
}
