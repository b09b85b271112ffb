import Foundation
import GleanerCore

/// Holds a bundle's files, as they were copied, against its signature.
struct SignatureCheck {
    let bundle: String
    let manifest: ModelManifest
    /// Every file that was copied, measured from the copies.
    let files: [BundleFile]

    /// - Returns: the keys that signed, all of which were checked.
    /// - Throws: ``GleanerError`` with code `bundle.signature` for the first thing that does not hold.
    func run(_ text: Data, now: Timestamp) throws -> [VerifyingKey] {
        let signature = try BundleSignature(reading: text)
        try checkModel(signature.statement)
        try checkFiles(signature.statement)
        let message = try signature.message()
        for entry in signature.signatures where !entry.key.hasSigned(message, signature: entry.signature) {
            throw BundleSignature.refused("the signature of the bundle \(bundle) by \(entry.key) is wrong")
        }
        if let expires = signature.statement.expires, expires <= now {
            throw BundleSignature.refused(
                "the bundle \(bundle) expired at \(expires), and this device's clock says \(now)",
                remedy: "set the clock if it is wrong, or sign the bundle again: gleaner model sign --expires DATE")
        }
        return signature.signatures.map(\.key)
    }

    private func checkModel(_ statement: BundleSignature.Statement) throws {
        let signed = statement.model
        guard signed.name == manifest.name, signed.version == manifest.version, signed.digest == manifest.sha256 else {
            let id = ModelID(name: signed.name, version: signed.version, digest: signed.digest)
            throw BundleSignature.refused(
                "the signature in \(bundle) is for \(id) (\(id.digest)), and the bundle holds \(manifest.id)"
                    + " (\(manifest.sha256))")
        }
        guard try statement.labelsSHA256 == BundleSignature.digest(ofLabels: manifest.labels) else {
            throw BundleSignature.refused("the labels in \(bundle) are not those that were signed")
        }
    }

    private func checkFiles(_ statement: BundleSignature.Statement) throws {
        let present = files.filter { $0.name != BundleSignature.fileName }.sorted { $0.name < $1.name }
        guard statement.files != present else { return }
        let signed = Dictionary(statement.files.map { ($0.name, $0) }) { first, _ in first }
        for file in present where signed[file.name] != file {
            throw BundleSignature.refused(
                signed[file.name] == nil
                    ? "the bundle \(bundle) holds '\(file.name)', which is not signed"
                    : "'\(file.name)' in the bundle \(bundle) is not the file that was signed")
        }
        let missing = statement.files.first { file in !present.contains { $0.name == file.name } }
        throw BundleSignature.refused(
            missing.map { "the bundle \(bundle) lacks '\(PathName.printable($0.name))', which was signed" }
                ?? "the files in \(BundleSignature.fileName) of \(bundle) are not sorted by name, each once")
    }
}

/// Who is believed, and what follows where a bundle is signed by nobody of them.
enum Trust {
    /// - Returns: the trusted key that signed; `nil` when no key is trusted, so that anyone's bundle is taken.
    static func require(
        _ trusted: [VerifyingKey], among signers: [VerifyingKey], of bundle: String
    ) throws -> VerifyingKey? {
        guard !trusted.isEmpty else { return nil }
        guard !signers.isEmpty else { throw unsigned(bundle) }
        if let signer = signers.first(where: trusted.contains) { return signer }
        throw BundleSignature.refused(
            "the bundle \(bundle) is signed by nobody who is trusted, but by"
                + " \(signers.map(\.description).joined(separator: ", "))",
            remedy:
                "sign it with a trusted key: gleaner model sign; if this one is yours, add it to models.trusted_keys")
    }

    static func unsigned(_ bundle: String) -> GleanerError {
        BundleSignature.refused(
            "the bundle \(bundle) is not signed, and only models signed by a trusted key are taken",
            remedy: "sign it where the key is: gleaner model sign \(bundle) --key NAME.key")
    }
}
