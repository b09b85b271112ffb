import Foundation
import GleanerCore
import GleanerTesting
import Testing

@testable import GleanerSync

@Suite struct FolderDestinationTests {
    private let folder: TemporaryFolder
    private let stick: String
    private let batch: TestBatch
    private var destination: FolderDestination { FolderDestination(stick, layout: .flat) }
    private var final: String { "\(stick)/\(FolderDestination.folderName(batch.id))" }
    private var partial: String { "\(stick)/.partial-\(batch.id.short)" }

    init() throws {
        folder = try TemporaryFolder()
        stick = try folder.folder("stick")
        batch = try TestBatch.make()
    }

    private func deliver(to destination: FolderDestination? = nil) async throws -> String {
        try await (destination ?? self.destination).deliver(batch, Delivery(notes: TestNotes())).place
    }
    private func names(in path: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? []
    }

    @Test(arguments: [FolderDestination.Layout.flat, .partitioned])
    func itKeepsThePromisesOfADestination(_ layout: FolderDestination.Layout) async throws {
        let root =
            layout == .flat ? stick : "\(stick)/device=0011223344556677/date=2023-11-14"
        let broken = try await DestinationContract.brokenPromises(
            of: FolderDestination(stick, layout: layout),
            // Files are written in groups of 64: all of a group that was cut off may have been read.
            byteCountResentMax: 3000 * Workers.count
        ) { id in
            let place = "\(root)/batch-\(id.short)"
            guard FileManager.default.fileExists(atPath: place) else { return nil }
            return try Dictionary(
                uniqueKeysWithValues: BatchTree(place).files.map { path in
                    (path, Array(try Data(contentsOf: URL(filePath: "\(place)/\(path)"))))
                })
        }
        #expect(broken == [])
        #expect(names(in: root).allSatisfy { $0.hasPrefix("batch-") })
    }

    @Test func whatIsNotOfTheBatchGoesAndWhatIsWholeStays() async throws {
        try FileManager.default.createDirectory(atPath: "\(partial)/frames", withIntermediateDirectories: true)
        try Data("half".utf8).write(to: URL(filePath: "\(partial)/frames/old.png"))
        try Data("half".utf8).write(to: URL(filePath: "\(partial)/frames/picture-0.png"))
        let whole = try batch.read(batch.manifest.files[1], at: 0, byteCount: 3000)
        try Data(whole).write(to: URL(filePath: "\(partial)/\(batch.manifest.files[1].path)"))
        _ = batch.takeByteCountRead()
        #expect(try await deliver() == final)
        #expect(batch.takeByteCountRead() == batch.byteCount - batch.manifestData.count - 3000)
        #expect(names(in: stick) == ["batch-\(batch.id.short)"])
    }

    @Test func aLinkWithTheNameOfTheLeftoverIsRemovedAndNotFollowed() async throws {
        let elsewhere = try folder.folder("elsewhere")
        try Data("precious".utf8).write(to: URL(filePath: "\(elsewhere)/kept"))
        try FileManager.default.createSymbolicLink(atPath: partial, withDestinationPath: elsewhere)
        _ = try await deliver()
        #expect(names(in: elsewhere) == ["kept"])
    }

    @Test func anotherThingOfThatNameIsAnErrorAndStays() async throws {
        try FileManager.default.createDirectory(atPath: final, withIntermediateDirectories: false)
        try Data("mine".utf8).write(to: URL(filePath: "\(final)/notes.txt"))
        #expect(await failure { try await deliver() }.hasPrefix("batch.conflict"))
        #expect(names(in: final) == ["notes.txt"])
    }

    @Test func aDeliveredBatchThatWasDamagedIsNotCalledDelivered() async throws {
        _ = try await deliver()
        try Data("other bytes".utf8).write(to: URL(filePath: "\(final)/samples.jsonl"))
        let message = await failure { try await deliver() }
        #expect(message.hasPrefix("batch.conflict") && message.contains("is damaged now"))
    }

    @Test func aStickThatIsNotThereIsNoReasonToFillTheDevice() async throws {
        let absent = FolderDestination("\(stick)/absent")
        #expect(await failure { try await absent.check() }.hasPrefix("destination.offline"))
        #expect(await failure { try await deliver(to: absent) }.hasPrefix("destination.offline"))
        let unmounted = FolderDestination(stick, isMounted: true)
        #expect(await failure { try await unmounted.check() }.contains("nothing is mounted"))
        #expect(names(in: stick) == [])
    }

    @Test func aBatchThatIsNotAsItWasSealedIsNoticed() async throws {
        func damage(_ change: (String) throws -> Void) async throws -> String {
            try? FileManager.default.removeItem(atPath: final)
            let path = try await deliver()
            try change(path)
            return await failure { try BatchVerifier.verify(path) }
        }
        let picture = "frames/picture-1.png"
        func write(_ text: String, _ path: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }
        let other = String(repeating: "x", count: 3000)
        #expect(try await damage { try write(other, "\($0)/\(picture)") }.contains("SHA-256"))
        #expect(try await damage { try write("1", "\($0)/\(picture)") }.contains("has 1 bytes"))
        #expect(
            try await damage { try FileManager.default.removeItem(atPath: "\($0)/\(picture)") }
                .contains("lacks 'frames/"))
        #expect(try await damage { try write("", "\($0)/more") }.contains("holds 'more'"))
        #expect(
            try await damage {
                try FileManager.default.removeItem(atPath: "\($0)/\(picture)")
                try FileManager.default.createSymbolicLink(
                    atPath: "\($0)/\(picture)", withDestinationPath: "\($0)/manifest.json")
            }.contains("neither a file nor a folder"))
        #expect(try await damage { try write("{}", "\($0)/manifest.json") }.contains("lacks the key"))
        #expect(
            try await damage {
                let path = "\($0)/manifest.json"
                try write(
                    String(contentsOfFile: path, encoding: .utf8).replacing("samples.jsonl", with: "../x"), path)
            }.contains("lists '../x'"))
    }
}

@Suite struct FATNamesTests {
    @Test(arguments: [
        ("images/one: two/a.png", "no name may have ':'"), ("a?.png", "no name may have '?'"),
        ("a\u{1}b", "a control character"), ("dir./a", "end in a dot"), ("a ", "end in a dot or a space"),
        ("con.txt", "a device on Windows"), (String(repeating: "x", count: 256), "longer than 255"),
    ])
    func aNameThatAStickCannotHaveIsFound(_ path: String, _ reason: String) throws {
        let problem = FATNames.problem(in: ["frames/good.png", path])
        #expect(problem?.contains(reason) == true)
    }

    @Test func namesThatDifferInCapitalsAloneAreOne() {
        #expect(FATNames.problem(in: ["Cat/1.png", "cat/2.png"])?.contains("tells no capitals") == true)
        #expect(FATNames.problem(in: ["cat/1.png", "cat/2.png", "samples.jsonl", "device=00/x y.png"]) == nil)
    }
}
