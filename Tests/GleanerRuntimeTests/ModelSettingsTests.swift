import Foundation
import GleanerCore
import Testing

@testable import GleanerRuntime

@Suite struct ModelSettingsTests {
    private func read(_ yaml: String) throws -> (settings: ModelSettings, problems: [Problem]) {
        let problems = ProblemList()
        let root = OptionReader(try YAMLDocument.parse(yaml, named: "test"), path: "", problems: problems)
        let settings = ModelSettings(root.section("models"))
        root.finish()
        return (settings, problems.problems)
    }

    @Test func nobodyIsTrustedUnlessNamed() throws {
        for yaml in ["{}", "models: {}", "models: {trusted_keys: []}"] {
            let (settings, problems) = try read(yaml)
            #expect(settings.trustedKeys.isEmpty && problems.isEmpty)
            #expect(throws: Never.self) { try settings.requireBundle("a.onnx") }
        }
    }

    @Test func trustedKeysAreRead() throws {
        let keys = [SigningKey().verifyingKey, SigningKey().verifyingKey]
        let (settings, problems) = try read("models:\n  trusted_keys:\n    - \(keys[0])\n    - \"\(keys[1])\"\n")
        #expect(settings.trustedKeys == keys && problems.isEmpty)
        let error = #expect(throws: GleanerError.self) { try settings.requireBundle("a.ONNX") }
        #expect(error?.code.rawValue == "bundle.signature" && error?.remedy.contains("gleaner model pack") == true)
        #expect(throws: Never.self) { try settings.requireBundle("a.tar") }
    }

    @Test(
        "what is no key is a problem at its place, and is not repeated",
        arguments: [
            "SECRET", "ed25519:SECRET", "ed25519:\(Data(count: 32).base64EncodedString())", "7", "[SECRET]",
        ])
    func noKey(text: String) throws {
        let (_, problems) = try read("models:\n  trusted_keys: [\(SigningKey().verifyingKey), \(text)]\n")
        #expect(problems.map(\.path) == ["models.trusted_keys[1]"])
        #expect(!"\(problems)".contains("SECRET") && problems[0].remedy.contains("keygen"))
        let (_, whole) = try read("models:\n  trusted_keys: SECRET\n")
        #expect(whole.map(\.path) == ["models.trusted_keys"] && !"\(whole)".contains("SECRET"))
    }

    @Test func aMistypedKeyIsAProblem() throws {
        #expect(try read("models: {trusted_kyes: []}").problems.first?.remedy.contains("'trusted_keys'") == true)
    }

    @Test func pairsOfKeysAreMadeOnce() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gleaner-keys-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path(percentEncoded: false)
        let made = try ModelSigning.makeKey(named: "k", in: path)
        #expect(try SigningKey(ofFile: made.privateFile).verifyingKey == made.key)
        #expect(try VerifyingKey(ofFile: made.publicFile) == made.key)
        #expect(try ModelSigning.verifyingKey(made.publicFile) == ModelSigning.verifyingKey("\(made.key)"))
        #expect(throws: GleanerError.self) { try ModelSigning.makeKey(named: "k", in: path) }
        try FileManager.default.removeItem(atPath: made.privateFile)
        #expect(throws: GleanerError.self) { try ModelSigning.makeKey(named: "k", in: path) }
        for name in ["", "a/b", "../k", "-k", ".k", "k k"] {
            #expect(throws: GleanerError.self) { try ModelSigning.makeKey(named: name, in: path) }
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["k.pub"])
    }
}
