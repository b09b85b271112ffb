import Foundation
import GleanerCore
import GleanerExport
import Testing

@Suite struct BatchDeliveryTests {
    private let folder: TemporaryFolder
    private let stick: String
    private let manifest: BatchManifest
    private let id: BatchID
    private var outbox: String { "\(folder.path)/outbox" }
    private var final: String { "\(stick)/\(BatchDelivery.folderName(id))" }

    init() throws {
        folder = try TemporaryFolder()
        (manifest, id) = try TestBatch.seal(in: folder)
        stick = try folder.folder("stick")
    }

    private func deliver(_ picture: @Sendable (SampleID) throws -> [UInt8] = { Make.picture($0.sequence) }) throws
        -> String
    {
        try BatchDelivery.deliver(outboxFolder: outbox, to: stick, picture: picture).folder
    }
    private var onStick: [String] { (try? FileManager.default.contentsOfDirectory(atPath: stick).sorted()) ?? [] }

    @Test func aDeliveredBatchIsWholeAndDeliveringAgainDoesNothing() throws {
        #expect(try deliver() == final)
        #expect(onStick == ["batch-\(id.short)"])
        #expect(try BatchVerifier.verify(final) == manifest)
        #expect(try Data(contentsOf: URL(filePath: "\(final)/frames/\(Make.id(2)).png")) == Data(Make.picture(2)))
        _ = try deliver { id in
            Issue.record("the picture of \(id) was asked for")
            return Make.picture(id.sequence)
        }
    }

    @Test func whatAnEarlierDeliveryLeftIsReplaced() throws {
        let partial = "\(stick)/.partial-\(id.short)"
        try FileManager.default.createDirectory(atPath: "\(partial)/frames", withIntermediateDirectories: true)
        try Data("half".utf8).write(to: URL(filePath: "\(partial)/frames/old.png"))
        _ = try deliver()
        #expect(onStick == ["batch-\(id.short)"])
    }

    @Test func aLinkWithTheNameOfTheLeftoverIsRemovedAndNotFollowed() throws {
        let elsewhere = try folder.folder("elsewhere")
        try Data("precious".utf8).write(to: URL(filePath: "\(elsewhere)/kept"))
        try FileManager.default.createSymbolicLink(
            atPath: "\(stick)/.partial-\(id.short)", withDestinationPath: elsewhere)
        _ = try deliver()
        #expect(try FileManager.default.contentsOfDirectory(atPath: elsewhere) == ["kept"])
    }

    @Test func anotherThingOfThatNameIsAnErrorAndStays() throws {
        try FileManager.default.createDirectory(atPath: final, withIntermediateDirectories: false)
        try Data("mine".utf8).write(to: URL(filePath: "\(final)/notes.txt"))
        #expect(failure { try deliver() }.hasPrefix("batch.conflict"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: final) == ["notes.txt"])
    }

    @Test func aDeliveredBatchThatWasDamagedIsNotCalledDelivered() throws {
        _ = try deliver()
        try Data("other bytes".utf8).write(to: URL(filePath: "\(final)/samples.csv"))
        let message = failure { try deliver() }
        #expect(message.hasPrefix("batch.conflict") && message.contains("is damaged now"))
    }

    @Test func aWrongPictureOrAFailureLeavesNothingBehind() throws {
        struct Broken: Error {}
        #expect(failure { try deliver { _ in Array("wrong".utf8) } }.hasPrefix("batch.damaged"))
        #expect(failure { try deliver { _ in Array("picture 9".utf8) } }.hasPrefix("batch.damaged"))
        #expect(
            failure {
                try deliver { sample in
                    if sample.sequence == 2 { throw Broken() }
                    return Make.picture(sample.sequence)
                }
            }.contains("Broken"))
        try Data("x".utf8).write(to: URL(filePath: "\(outbox)/coco.json"))
        #expect(failure { try deliver() }.hasPrefix("batch.damaged"))
        #expect(onStick == [])
    }

    @Test func aBatchThatIsNotAsItWasSealedIsNoticed() throws {
        func damage(_ change: (String) throws -> Void) throws -> String {
            try? FileManager.default.removeItem(atPath: final)
            let path = try deliver()
            try change(path)
            return failure { try BatchVerifier.verify(path) }
        }
        let picture = "frames/\(Make.id(1)).png"
        #expect(
            try damage { try Data("Picture 1".utf8).write(to: URL(filePath: "\($0)/\(picture)")) }.contains("SHA-256"))
        #expect(try damage { try Data("1".utf8).write(to: URL(filePath: "\($0)/\(picture)")) }.contains("has 1 bytes"))
        #expect(
            try damage { try FileManager.default.removeItem(atPath: "\($0)/\(picture)") }.contains("lacks 'frames/"))
        #expect(try damage { try Data().write(to: URL(filePath: "\($0)/more")) }.contains("holds 'more'"))
        #expect(
            try damage {
                try FileManager.default.removeItem(atPath: "\($0)/\(picture)")
                try FileManager.default.createSymbolicLink(
                    atPath: "\($0)/\(picture)", withDestinationPath: "\(outbox)/manifest.json")
            }.contains("neither a file nor a folder"))
        #expect(
            try damage { try Data("{}".utf8).write(to: URL(filePath: "\($0)/manifest.json")) }.contains("lacks the key")
        )
        #expect(
            try damage {
                let path = URL(filePath: "\($0)/manifest.json")
                let text = try String(contentsOf: path, encoding: .utf8)
                try Data(text.replacing("samples.csv", with: "../x").utf8).write(to: path)
            }.contains("lists '../x'"))
    }
}
