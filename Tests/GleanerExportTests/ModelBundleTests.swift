import Foundation
import GleanerCore
import GleanerExport
import Testing

@Suite struct ModelBundleTests {
    private let folder: TemporaryFolder
    private var slot: String { "\(folder.path)/slot" }
    private var slotExists: Bool { FileManager.default.fileExists(atPath: slot) }

    init() throws { folder = try TemporaryFolder() }

    private func makeFolder(_ change: (inout ModelManifest) -> Void = { _ in }) throws -> String {
        let path = try folder.folder("bundle")
        try folder.write(Data(MakeBundle.text(change)), to: "bundle/model.json")
        try folder.write(Data(MakeBundle.model), to: "bundle/model.onnx")
        return path
    }

    @Test func aFolderIsCopiedWithItsGoldenSamples() throws {
        let path = try makeFolder()
        _ = try folder.folder("bundle/golden")
        try folder.write("picture", to: "bundle/golden/1.png")
        let manifest = try ModelBundleReader.copy(from: path, into: slot).manifest
        #expect(manifest == MakeBundle.manifest())
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: slot).sorted() == [
                "golden", "golden/1.png", "model.json", "model.onnx",
            ])
        #expect(try Data(contentsOf: URL(filePath: "\(slot)/model.onnx")) == Data(MakeBundle.model))
        let byManifest = try ModelBundleReader.copy(from: "\(path)/model.json", into: "\(folder.path)/other").manifest
        #expect(byManifest == manifest)
    }

    @Test func whatIsPackedIsReadBackAndEqualInputGivesEqualBytes() throws {
        let model = try folder.write(Data(MakeBundle.model), to: "some.onnx")
        let unmeasured = MakeBundle.manifest {
            $0.bytes = 1; $0.sha256 = Digest(of: [0])
        }
        let tar = "\(folder.path)/b.tar"
        let written = try ModelBundleWriter.write(unmeasured, modelFile: model, to: tar)
        #expect(written == MakeBundle.manifest())
        #expect(try ModelBundleReader.copy(from: tar, into: slot).manifest == written)
        try ModelBundleWriter.write(unmeasured, modelFile: model, to: "\(folder.path)/c.tar")
        #expect(try Data(contentsOf: URL(filePath: tar)) == Data(contentsOf: URL(filePath: "\(folder.path)/c.tar")))
        let asFolder = "\(folder.path)/bundle-folder"
        try ModelBundleWriter.write(unmeasured, modelFile: model, to: asFolder)
        #expect(try ModelBundleReader.copy(from: asFolder, into: "\(folder.path)/slot2").manifest == written)
        #expect(!folder.names.contains { $0.hasSuffix(".partial") })
        #expect(failure { try ModelBundleWriter.write(unmeasured, modelFile: model, to: asFolder) }.contains("already"))
        let unnamed = MakeBundle.manifest { $0.name = "Wrong Name" }
        #expect(
            failure { try ModelBundleWriter.write(unnamed, modelFile: model, to: tar) }.hasPrefix("bundle.manifest"))
    }

    @Test func theSystemsTarReadsWhatIsPackedAndIsReadItself() throws {
        let model = try folder.write(Data(MakeBundle.model), to: "model.onnx")
        try ModelBundleWriter.write(MakeBundle.manifest(), modelFile: model, to: "\(folder.path)/ours.tar")
        let theirs = try folder.folder("theirs")
        try run("tar", "-xf", "\(folder.path)/ours.tar", "-C", theirs)
        #expect(try FileManager.default.contentsOfDirectory(atPath: theirs).sorted() == ["model.json", "model.onnx"])
        for format in ["ustar", "gnu", "pax", "v7"] {
            let tar = "\(folder.path)/\(format).tar"
            try run("tar", "--format", format, "-cf", tar, "-C", theirs, ".")
            let manifest = try ModelBundleReader.copy(from: tar, into: "\(folder.path)/slot-\(format)").manifest
            #expect(manifest == MakeBundle.manifest(), "\(format)")
        }
    }

    private func run(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test func aFolderWithAnythingButPlainFilesIsRefused() throws {
        let path = try makeFolder()
        let odd = "\(path)/odd"
        let makers: [(String, () throws -> Void)] = [
            (
                "the link 'odd'",
                { try FileManager.default.createSymbolicLink(atPath: odd, withDestinationPath: "/etc/hostname") }
            ),
            (
                "the folder 'odd'",
                { try FileManager.default.createDirectory(atPath: odd, withIntermediateDirectories: false) }
            ),
            ("a device or pipe", { #expect(mkfifo(odd, 0o600) == 0) }),
        ]
        for (reason, make) in makers {
            try make()
            let message = failure { try ModelBundleReader.copy(from: path, into: slot) }
            #expect(message.hasPrefix("bundle.entry") && message.contains(reason), "\(message)")
            #expect(!slotExists)
            try FileManager.default.removeItem(atPath: odd)
        }
        try folder.write("x", to: "bundle/a b")
        #expect(failure { try ModelBundleReader.copy(from: path, into: slot) }.contains("holds 'a b'"))
    }

    @Test func aModelThatIsALinkIsRefused() throws {
        let path = try makeFolder()
        try FileManager.default.moveItem(atPath: "\(path)/model.onnx", toPath: "\(folder.path)/elsewhere.onnx")
        try FileManager.default.createSymbolicLink(
            atPath: "\(path)/model.onnx", withDestinationPath: "\(folder.path)/elsewhere.onnx")
        #expect(failure { try ModelBundleReader.copy(from: path, into: slot) }.contains("the link 'model.onnx'"))
    }

    @Test func aModelThatIsNotTheOneDescribedIsRefusedAndNothingStays() throws {
        let other = try makeFolder { $0.sha256 = Digest(of: [1, 2, 3]) }
        #expect(
            failure { try ModelBundleReader.copy(from: other, into: slot) }.hasPrefix(
                "bundle.digest: 'model.onnx' has the SHA-256"))
        #expect(!slotExists)
        let longer = try makeFolder { $0.bytes = 21 }
        #expect(
            failure { try ModelBundleReader.copy(from: longer, into: slot) }.contains(
                "has 20 bytes, and model.json says 21"))
        let missing = try makeFolder { $0.file = "other.onnx" }
        #expect(failure { try ModelBundleReader.copy(from: missing, into: slot) }.hasPrefix("bundle.missing"))
        #expect(!slotExists)
    }

    @Test func boundsAndMissingThingsAreClearErrors() throws {
        let path = try makeFolder()
        #expect(
            failure { try ModelBundleReader.copy(from: path, into: slot, byteCountMax: 100) }.hasPrefix("bundle.size"))
        #expect(failure { try ModelBundleReader.copy(from: "\(path)/none", into: slot) }.hasPrefix("bundle.missing"))
        #expect(failure { try ModelBundleReader.copy(from: "/dev/null", into: slot) }.hasPrefix("bundle.missing"))
        #expect(
            failure { try ModelBundleReader.copy(from: folder.folder("empty"), into: slot) }.contains(
                "has no model.json"))
        #expect(!slotExists)
        _ = try folder.folder("slot")
        try folder.write("precious", to: "slot/kept")
        #expect(failure { try ModelBundleReader.copy(from: path, into: slot) }.contains("File exists"))
        #expect(FileManager.default.fileExists(atPath: "\(slot)/kept"))
    }
}
