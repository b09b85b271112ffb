import Foundation
import GleanerCore
import Testing

@testable import GleanerExport

/// Whatever is done to a signed bundle, it is refused.
@Suite struct HostileSignatureTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func refusal(_ path: String) -> String { failure { try folder.check(path) } }

    private func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)")))
    }

    /// Positions whose change was not noticed, of one bit or of all eight.
    private func unnoticed(_ original: [UInt8], _ take: (Data) throws -> Void) -> [Int] {
        original.indices.filter { position in
            [1 << (position % 8), 0xFF].contains { (mask: UInt8) in
                var changed = original
                changed[position] ^= mask
                do {
                    try take(Data(changed))
                    return true
                } catch let error as GleanerError {
                    return !error.code.rawValue.hasPrefix("bundle.")
                } catch { return true }
            }
        }
    }

    @Test func everyByteOfATarCounts() throws {
        let path = try folder.signedTar()
        let found = unnoticed(try bytes("bundle.tar")) {
            try $0.write(to: URL(filePath: path))
            try folder.check(path)
        }
        #expect(found.isEmpty)
        #expect(folder.names == ["bundle.tar"])
    }

    @Test func everyByteOfATarOfTheSystemsCounts() throws {
        let made = try folder.signedFolder()
        let path = "\(folder.path)/b.tar"
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["tar", "--format", "gnu", "-b", "1", "-cf", path, "-C", made, "."]
        try process.run()
        process.waitUntilExit()
        let found = unnoticed(try bytes("b.tar")) {
            try $0.write(to: URL(filePath: path))
            try folder.check(path)
        }
        #expect(found.isEmpty)
    }

    @Test(arguments: ["model.json", "model.onnx", "signature.json", "golden/1.png"])
    func everyByteOfEveryFileInAFolderCounts(name: String) throws {
        let path = try folder.signedFolder()
        let found = unnoticed(try bytes("bundle/\(name)")) {
            try folder.write($0, to: "bundle/\(name)")
            try folder.check(path)
        }
        #expect(found.isEmpty)
    }

    @Test func aSignedTarWithAttributesThatNothingCoversIsRefused() throws {
        _ = try folder.signedFolder()
        let signature = try bytes("bundle/signature.json")
        for type: Character in ["x", "g"] {
            let tar = try MakeBundle.tar {
                $0.add("golden/1.png", Array("picture".utf8))
                $0.addPax([("mtime", "1.5")], type: type)
                $0.add("signature.json", signature)
            }
            let message = refusal(try folder.write(Data(tar), to: "b.tar"))
            #expect(message.hasPrefix("bundle.archive") && message.contains("extended (pax)"), "\(message)")
        }
    }

    @Test func oneFileMoreOrLessIsRefused() throws {
        let path = try folder.signedFolder()
        try folder.write("more", to: "bundle/readme.txt")
        #expect(refusal(path).contains("holds 'readme.txt', which is not signed"))
        try FileManager.default.removeItem(atPath: "\(path)/readme.txt")
        try FileManager.default.removeItem(atPath: "\(path)/golden/1.png")
        #expect(refusal(path).contains("lacks 'golden/1.png', which was signed"))
    }

    @Test func theSignatureOfAnotherBundleIsRefused() throws {
        let path = try folder.signedFolder()
        let changes: [(String, (inout ModelManifest) -> Void)] = [
            ("is for meter-digits@4", { $0.version = 4 }), ("is for other@3", { $0.name = "other" }),
            ("labels in", { $0.labels = ["one", "zero"] }), ("'model.json' in", { $0.licence = "MIT" }),
        ]
        for (index, (reason, change)) in changes.enumerated() {
            let other = try folder.signedFolder("other-\(index)", change)
            try FileManager.default.removeItem(atPath: "\(path)/signature.json")
            try FileManager.default.copyItem(atPath: "\(other)/signature.json", toPath: "\(path)/signature.json")
            let message = refusal(path)
            #expect(message.hasPrefix("bundle.signature") && message.contains(reason), "\(message)")
        }
    }

    @Test func otherTextsOfTheSameSignatureAreRefused() throws {
        let path = try folder.signedFolder()
        let text = String(decoding: try bytes("bundle/signature.json"), as: UTF8.self)
        let changes = [
            text.replacing(",", with: ", ", maxReplacements: 1), text + "\n", String(text.dropLast()), " " + text,
            text.replacing("\"bytes\":20", with: "\"bytes\":2e1"), text.replacing("\n", with: "\r\n"),
            text.replacing("{\"schema\"", with: "{\"more\":1,\"schema\""),
            text.replacing("\"model\":{", with: "\"expires\":null,\"model\":{"),
            text.replacing("/", with: "\\/", maxReplacements: 1),
        ]
        for changed in changes {
            try folder.write(changed, to: "bundle/signature.json")
            let message = refusal(path)
            #expect(message.contains("the one form allowed"), "\(message)\n\(changed)")
        }
    }

    @Test func aSignatureThatIsNoneIsRefused() throws {
        let path = try folder.signedFolder()
        var signature = try BundleSignature(reading: Data(try bytes("bundle/signature.json")))
        let whole = signature
        func expect(_ reason: String, _ change: (inout BundleSignature) throws -> Void) throws {
            signature = whole
            try change(&signature)
            try folder.write(try signature.text(), to: "bundle/signature.json")
            let message = refusal(path)
            #expect(message.hasPrefix("bundle.signature") && message.contains(reason), "\(reason): \(message)")
        }
        let key = try TestKey.made(2)
        try expect("must hold 1 to 8") { $0.signatures = [] }
        try expect("must hold 1 to 8") { $0.signatures += $0.signatures }
        try expect("has the schema 'x'") { $0.schema = "x" }
        try expect("is wrong") { $0.signatures[0].key = key.verifyingKey }
        try expect("is wrong") { $0.signatures[0].signature = Data(count: 64) }
        try expect("is wrong") { $0.signatures[0].signature = Data() }
        try expect("is wrong") { $0.statement.expires = Timestamp("2099-01-01T00:00:00Z") }
        // One that is right does not make up for one that is wrong.
        try expect("is wrong") { $0.signatures.append(.init(key: key.verifyingKey, signature: Data(count: 64))) }
        try expect("sorted by name") {
            $0.statement.files.reverse()
            try $0.sign(with: key)
        }
        for text in ["", "{}", "[]", "null", String(repeating: "[", count: 100_000)] {
            try folder.write(text, to: "bundle/signature.json")
            #expect(refusal(path).hasPrefix("bundle.signature"))
        }
        try folder.write(Data(count: 600_000), to: "bundle/signature.json")
        #expect(refusal(path).contains("has more than 512 KiB"))
    }
}
