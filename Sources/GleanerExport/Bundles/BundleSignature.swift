public import Foundation
public import GleanerCore

/// One file of a bundle, as it was signed.
public struct BundleFile: Hashable, Sendable, Codable {
    public var name: String
    public var bytes: Int
    public var sha256: Digest
}

/// `signature.json`: who vouches for every file of a bundle. Schema: `Schemas/model-signature.schema.json`.
///
/// Signed are the name of the schema, a line feed, and the canonical JSON of the statement.
public struct BundleSignature: Hashable, Sendable, Codable {
    public static let fileName = "signature.json"
    public static let currentSchema = "gleaner/model-signature/1"
    public static let signatureCountMax = 8
    /// A signature larger than this is refused unread.
    static let byteCountMax = 512 << 10

    public struct Statement: Hashable, Sendable, Codable {
        public struct Model: Hashable, Sendable, Codable {
            public var name: String
            public var version: Int
            public var digest: Digest
        }

        public var model: Model
        /// Every file but the signature itself, sorted by name.
        public var files: [BundleFile]
        /// Of the canonical JSON array of the labels.
        public var labelsSHA256: Digest
        /// From here on the bundle is not taken any more, by the clock of the device.
        public var expires: Timestamp?

        enum CodingKeys: String, CodingKey {
            case model, files, expires
            case labelsSHA256 = "labels_sha256"
        }
    }

    public struct Entry: Hashable, Sendable, Codable {
        public var key: VerifyingKey
        /// 64 bytes, written as Base64.
        public var signature: Data
    }

    public var schema: String
    public var statement: Statement
    /// 1 to ``signatureCountMax``, each by another key.
    public var signatures: [Entry]

    /// States what a bundle holds; nobody has signed it yet.
    init(of manifest: ModelManifest, files: [BundleFile], expires: Timestamp?) throws {
        schema = Self.currentSchema
        statement = Statement(
            model: .init(name: manifest.name, version: manifest.version, digest: manifest.sha256),
            files: files.sorted { $0.name < $1.name }, labelsSHA256: try Self.digest(ofLabels: manifest.labels),
            expires: expires)
        signatures = []
    }

    /// Reads the one text that means this signature: a byte that could be another would not be under any signature.
    ///
    /// - Throws: ``GleanerError`` with code `bundle.signature`.
    init(reading text: Data) throws {
        do {
            self = try CanonicalJSON.decode(from: text, named: Self.fileName)
        } catch let error as GleanerError {
            throw Self.refused(error.message)
        }
        guard schema == Self.currentSchema else {
            throw Self.refused(
                "\(Self.fileName) has the schema '\(PathName.printable(schema))', not \(Self.currentSchema)",
                remedy: "update Gleaner, or sign the bundle again: gleaner model sign")
        }
        guard try self.text() == text else {
            throw Self.refused("\(Self.fileName) is not in the one form allowed: canonical JSON and a line feed")
        }
        guard (1...Self.signatureCountMax).contains(signatures.count),
            Set(signatures.map(\.key)).count == signatures.count
        else {
            throw Self.refused(
                "\(Self.fileName) must hold 1 to \(Self.signatureCountMax) signatures, each by another key")
        }
    }

    /// The file's bytes.
    public func text() throws -> Data { try CanonicalJSON.encode(self) + [UInt8(ascii: "\n")] }

    /// The bytes that are signed.
    func message() throws -> Data {
        try Data("\(Self.currentSchema)\n".utf8) + CanonicalJSON.encode(statement)
    }

    /// Signs the statement; an earlier signature by the same key is replaced.
    ///
    /// - Throws: ``GleanerError`` with code `bundle.signature` when there are too many.
    mutating func sign(with key: SigningKey) throws {
        let entry = Entry(key: key.verifyingKey, signature: try key.signature(of: message()))
        signatures = signatures.filter { $0.key != entry.key } + [entry]
        guard signatures.count <= Self.signatureCountMax else {
            throw Self.refused(
                "the bundle has \(Self.signatureCountMax) signatures already",
                remedy: "remove \(Self.fileName) and sign with the keys that are still in use")
        }
    }

    static func digest(ofLabels labels: [String]) throws -> Digest { Digest(of: try CanonicalJSON.encode(labels)) }

    static func refused(
        _ what: String, remedy: String = "copy the bundle again, or sign it again: gleaner model sign"
    ) -> GleanerError { GleanerError(.bundleSignature, what, remedy: remedy) }
}
