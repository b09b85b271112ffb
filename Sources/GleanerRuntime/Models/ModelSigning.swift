import Foundation
public import GleanerCore
import GleanerExport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Makes keys and signs bundles, where models are trained: no deployment is needed.
public enum ModelSigning {
    /// Makes a pair of keys: `NAME.key`, which only its owner can read, and `NAME.pub` beside it.
    ///
    /// - Throws: ``GleanerError`` when the name is no plain one, or there is one of these files already.
    public static func makeKey(named name: String, in folder: String) throws -> MadeKey {
        guard name.wholeMatch(of: /[A-Za-z0-9_][A-Za-z0-9._-]{0,99}/) != nil else {
            throw GleanerError(
                .malformed, "a key's name has letters, digits, dots, dashes and underscores, at most 100",
                remedy: "choose another, and name its folder with --to DIR")
        }
        let key = SigningKey()
        let made = MadeKey(
            key: key.verifyingKey, privateFile: "\(folder)/\(name).key", publicFile: "\(folder)/\(name).pub")
        var status = stat()
        for path in [made.privateFile, made.publicFile] where lstat(path, &status) == 0 {
            throw GleanerError(
                .fileSystem, "there is something at \(path) already, and keys are never overwritten",
                remedy: "choose another name, or move it away")
        }
        try DurableFile.makeFolder(folder)
        try DurableFile.writeNewSecret(Data(key.pem.utf8), to: made.privateFile)
        try DurableFile.write(Data(key.verifyingKey.pem.utf8), to: made.publicFile)
        return made
    }

    /// Signs a bundle in place; see ``ModelBundleSigner``.
    public static func sign(_ path: String, keyFile: String, expires: Timestamp?) throws -> SignedModel {
        let signed = try ModelBundleSigner.sign(path, with: SigningKey(ofFile: keyFile), expires: expires)
        return SignedModel(
            bundle: path, model: .init(signed.manifest.id), signedBy: signed.signature.signatures.map(\.key),
            expires: signed.signature.statement.expires)
    }

    /// A public key as people give it: `ed25519:BASE64`, or the name of a file.
    public static func verifyingKey(_ text: String) throws -> VerifyingKey {
        if let key = VerifyingKey(text) { return key }
        guard !text.hasPrefix("ed25519:") else {
            throw GleanerError(
                .keyUnreadable, "that is no public key that can be trusted",
                remedy: "copy all of it, ed25519: and the Base64 of 32 bytes, or name its .pub file")
        }
        return try VerifyingKey(ofFile: text)
    }
}

/// The document of `model keygen --json`. Schema: `Schemas/model-keygen.schema.json`.
public struct MadeKey: Sendable, Codable {
    public var key: VerifyingKey
    public var privateFile: String
    public var publicFile: String

    enum CodingKeys: String, CodingKey {
        case key
        case privateFile = "private_file"
        case publicFile = "public_file"
    }
}

/// The document of `model sign --json`. Schema: `Schemas/model-sign.schema.json`.
public struct SignedModel: Sendable, Codable {
    public var bundle: String
    public var model: SampleRecord.ModelReference
    public var signedBy: [VerifyingKey]
    public var expires: Timestamp?

    enum CodingKeys: String, CodingKey {
        case bundle, model, expires
        case signedBy = "signed_by"
    }
}

/// The document of `model verify --json`. Schema: `Schemas/model-verify.schema.json`.
public struct ModelVerification: Sendable, Codable {
    public var manifest: ModelManifest
    /// Everyone who signed it, trusted or not; empty for an unsigned one.
    public var signedBy: [VerifyingKey]
    /// The trusted key among them; absent when no key is trusted.
    public var vouchedBy: VerifyingKey?

    init(_ bundle: CheckedBundle) {
        manifest = bundle.manifest
        signedBy = bundle.signers
        vouchedBy = bundle.vouchedBy
    }

    enum CodingKeys: String, CodingKey {
        case manifest
        case signedBy = "signed_by"
        case vouchedBy = "vouched_by"
    }
}
