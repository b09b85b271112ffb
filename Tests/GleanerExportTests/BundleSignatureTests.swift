import Foundation
import GleanerCore
import Testing

@testable import GleanerExport

@Suite struct BundleSignatureTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func key(_ number: UInt8) throws -> VerifyingKey { try TestKey.made(number).verifyingKey }

    private func refusal(_ path: String, trusting numbers: UInt8...) -> String {
        failure {
            switch numbers.first {
            case let number?: try folder.check(path, trusting: number)
            case nil: try folder.check(path)
            }
        }
    }

    @Test func aSignedBundleSaysWhoVouches() throws {
        for path in [try folder.signedFolder(), try folder.signedTar()] {
            let trusted = try folder.check(path, trusting: 2, 1)
            #expect(try trusted == CheckedBundle(manifest: MakeBundle.manifest(), signers: [key(1)], vouchedBy: key(1)))
            let believed = try folder.check(path)
            #expect(try believed.signers == [key(1)] && believed.vouchedBy == nil)
        }
    }

    @Test func anUnsignedBundleIsTakenOnlyWhereNobodyIsTrusted() throws {
        let path = try folder.signedFolder(by: nil)
        #expect(try folder.check(path) == CheckedBundle(manifest: MakeBundle.manifest()))
        let message = refusal(path, trusting: 1)
        #expect(message.hasPrefix("bundle.signature") && message.contains("is not signed"), "\(message)")
        #expect(folder.names == ["bundle"])
    }

    @Test func anUnknownKeyIsNamed() throws {
        let message = refusal(try folder.signedFolder(by: 1), trusting: 2)
        #expect(try message.hasPrefix("bundle.signature") && message.contains("\(key(1))"), "\(message)")
    }

    @Test func aSignatureExpiresAtItsMoment() throws {
        let end = try #require(Timestamp("2027-06-30T12:00:00Z"))
        let path = try folder.signedFolder(expires: end)
        #expect(throws: Never.self) { try folder.check(path, now: Timestamp(milliseconds: end.milliseconds - 1)) }
        let message = failure { try folder.check(path, now: end) }
        #expect(
            message.contains("expired at 2027-06-30T12:00:00.000Z") && message.contains("clock says 2027-06-30T12"),
            "\(message)")
    }

    @Test func aSecondKeyIsAddedAndOneIsEnough() throws {
        for path in [try folder.signedFolder(), try folder.signedTar()] {
            let (_, signature) = try ModelBundleSigner.sign(path, with: TestKey.made(2))
            #expect(try signature.signatures.map(\.key) == [key(1), key(2)])
            let text = try signature.text()
            let (_, again) = try ModelBundleSigner.sign(path, with: TestKey.made(2))
            #expect(try again.text() == text)
            for number: UInt8 in [1, 2] { #expect(try folder.check(path, trusting: number).vouchedBy == key(number)) }
        }
        #expect(folder.names == ["bundle", "bundle.tar"])
    }

    @Test func anEarlierExpiryStaysUnlessAnotherIsGiven() throws {
        let path = try folder.signedFolder(expires: Timestamp("2099-01-01T00:00:00Z"))
        #expect(try ModelBundleSigner.sign(path, with: TestKey.made(2)).signature.signatures.count == 2)
        let later = Timestamp("2099-01-02T00:00:00Z")
        let (_, signature) = try ModelBundleSigner.sign(path, with: TestKey.made(3), expires: later)
        #expect(try signature.statement.expires == later && signature.signatures.map(\.key) == [key(3)])
    }

    @Test func afterAChangeOnlyTheNewSignatureStays() throws {
        let path = try folder.signedFolder()
        try folder.write("another", to: "bundle/golden/1.png")
        #expect(refusal(path).contains("'golden/1.png' in the bundle"))
        #expect(try ModelBundleSigner.sign(path, with: TestKey.made(2)).signature.signatures.map(\.key) == [key(2)])
        #expect(throws: Never.self) { try folder.check(path, trusting: 2) }
    }

    @Test func eightSignaturesAreTheLimit() throws {
        let path = try folder.signedFolder()
        for number: UInt8 in 2...8 { try ModelBundleSigner.sign(path, with: TestKey.made(number)) }
        #expect(try folder.check(path, trusting: 8).signers.count == 8)
        #expect(failure { try ModelBundleSigner.sign(path, with: TestKey.made(9)) }.contains("8 signatures already"))
    }

    @Test func whatIsPackedWithAKeyIsSigned() throws {
        let model = try folder.write(Data(MakeBundle.model), to: "some.onnx")
        for name in ["b.tar", "b"] {
            let path = "\(folder.path)/\(name)"
            let key = try TestKey.made(1)
            try ModelBundleWriter.write(MakeBundle.manifest(), modelFile: model, to: path, signedBy: key)
            #expect(try folder.check(path, trusting: 1).manifest == MakeBundle.manifest())
        }
    }

    @Test func whatCouldNotBeImportedIsNotSigned() throws {
        let key = try TestKey.made(1)
        let path = try folder.signedFolder(by: nil) { $0.sha256 = Digest(of: [0]) }
        #expect(failure { try ModelBundleSigner.sign(path, with: key) }.hasPrefix("bundle.digest"))
        try folder.write(Data([1]), to: "bundle/model.onnx")
        #expect(failure { try ModelBundleSigner.sign(path, with: key) }.hasPrefix("bundle.digest"))
        #expect(failure { try ModelBundleSigner.sign("\(path)/none", with: key) }.hasPrefix("bundle.missing"))
        let tar = try folder.write(Data(try MakeBundle.tar(end: false)), to: "b.tar")
        #expect(failure { try ModelBundleSigner.sign(tar, with: key) }.hasPrefix("bundle.archive"))
        #expect(folder.names == ["b.tar", "bundle"])
        #expect(
            failure { try folder.signedFolder("named", by: 1) { $0.file = "signature.json" } }.hasPrefix(
                "bundle.manifest"))
    }

    @Test func aTarOfAnyKindIsSignedAsPlainUstar() throws {
        let long = "golden/" + String(repeating: "n", count: 100)
        let bytes = try MakeBundle.tar {
            $0.addPax([("mtime", "1.5"), ("path", long)])
            $0.add("short", [1, 2])
            $0.add("signature.json.partial", [1])
        }
        let path = try folder.write(Data(bytes), to: "b.tar")
        let (_, signature) = try ModelBundleSigner.sign(path, with: TestKey.made(1))
        #expect(signature.statement.files.map(\.name) == [long, "model.json", "model.onnx"])
        #expect(throws: Never.self) { try folder.check(path, trusting: 1) }
    }
}
