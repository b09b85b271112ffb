import Crypto
public import Foundation

/// The private half of an Ed25519 key (RFC 8032). It never appears in text, but in the file that a person asked for.
public struct SigningKey: Sendable, CustomStringConvertible {
    private let key: Curve25519.Signing.PrivateKey

    /// Makes a new one from the system's randomness.
    public init() { key = Curve25519.Signing.PrivateKey() }

    /// The key of a 32-byte seed; `nil` for any other number of bytes.
    public init?(seed: some Collection<UInt8>) {
        guard seed.count == PEM.keyByteCount,
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: Data(seed))
        else { return nil }
        self.key = key
    }

    /// Reads a PEM file with a PKCS#8 `PRIVATE KEY`, as `gleaner model keygen` and `openssl genpkey -algorithm ed25519`
    /// write it.
    ///
    /// - Throws: ``GleanerError`` with code `key.unreadable`, or `file.system`.
    public init(ofFile path: String) throws {
        let text = try PEM.text(ofFile: path)
        guard !text.contains("ENCRYPTED") else {
            throw PEM.unreadable(path, "it is encrypted", remedy: "decrypt it: openssl pkey -in \(path) -out PLAIN.key")
        }
        guard let seed = PEM.privateKey.read(text), let key = SigningKey(seed: seed) else {
            throw PEM.unreadable(
                path, "it is no private Ed25519 key in PEM (PKCS#8)", remedy: "make one with: gleaner model keygen NAME"
            )
        }
        self = key
    }

    public var verifyingKey: VerifyingKey { VerifyingKey(checked: Array(key.publicKey.rawRepresentation)) }

    /// The signature of a message: 64 bytes.
    public func signature(of message: Data) throws -> Data { try key.signature(for: message) }

    /// The file's text: a PKCS#8 `PRIVATE KEY`. Write it where only its owner can read it.
    public var pem: String { PEM.privateKey.write(Array(key.rawRepresentation)) }

    /// Names the public half only.
    public var description: String { "the private key of \(verifyingKey)" }
}

/// The public half of an Ed25519 key, written as `ed25519:` and the Base64 of its 32 bytes.
public struct VerifyingKey: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Exactly 32 bytes.
    public let bytes: [UInt8]
    private static let prefix = "ed25519:"

    /// `nil` unless there are exactly 32 bytes, and they are a key that not just anybody can sign for.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == PEM.keyByteCount, !Self.isOfSmallOrder(Array(bytes)) else { return nil }
        self.bytes = Array(bytes)
    }

    /// Reads `ed25519:BASE64`, exactly as it is written; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        guard let bytes = Data(base64Encoded: String(text.dropFirst(Self.prefix.count))), let key = Self(bytes: bytes),
            key.description == text
        else { return nil }
        self = key
    }

    /// Reads a PEM file with a `PUBLIC KEY` (SubjectPublicKeyInfo), as `gleaner model keygen` and `openssl pkey -pubout`
    /// write it.
    ///
    /// - Throws: ``GleanerError`` with code `key.unreadable`, or `file.system`.
    public init(ofFile path: String) throws {
        guard let bytes = PEM.publicKey.read(try PEM.text(ofFile: path)), let key = VerifyingKey(bytes: bytes) else {
            throw PEM.unreadable(
                path, "it is no public Ed25519 key in PEM",
                remedy: "name the NAME.pub that gleaner model keygen wrote, or: openssl pkey -in KEY -pubout")
        }
        self = key
    }

    fileprivate init(checked bytes: [UInt8]) { self.bytes = bytes }

    /// Whether this key's private half signed exactly this message.
    public func hasSigned(_ message: Data, signature: Data) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: Data(bytes)) else { return false }
        return key.isValidSignature(signature, for: message)
    }

    /// The file's text: a SubjectPublicKeyInfo `PUBLIC KEY`.
    public var pem: String { PEM.publicKey.write(bytes) }

    public var description: String { Self.prefix + Data(bytes).base64EncodedString() }

    /// With one of these eight points as the key, such as all zeros, anyone can find a signature of anything. Each
    /// comes with either sign, and 0 and 1 also as p and p + 1.
    private static func isOfSmallOrder(_ bytes: [UInt8]) -> Bool {
        var unsigned = bytes
        unsigned[31] &= 0x7F
        return Digest(bytes: unsigned).map { smallOrder.contains("\($0)") } ?? false
    }

    /// The y coordinates, little-endian, in hexadecimal.
    private static let smallOrder: Set = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]

    public init(from decoder: any Decoder) throws {
        self = try decodeDescription(from: decoder, "a public Ed25519 key") { VerifyingKey($0) }
    }
    public func encode(to encoder: any Encoder) throws { try encodeDescription(description, to: encoder) }
}

extension GleanerError.Code {
    /// A file holds no key that can be used.
    public static let keyUnreadable = Self("key.unreadable")
}

/// Key files. For Ed25519 the DER inside is a fixed prefix and the 32 bytes (RFC 8410, section 10).
private struct PEM {
    static let keyByteCount = 32
    private static let fileByteCountMax = 64 << 10

    static let privateKey = PEM(
        label: "PRIVATE KEY",
        prefix: [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20])
    static let publicKey = PEM(
        label: "PUBLIC KEY", prefix: [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00])

    let label: String
    let prefix: [UInt8]

    /// One line of Base64: neither kind has more than 64 characters.
    func write(_ key: [UInt8]) -> String {
        "-----BEGIN \(label)-----\n\(Data(prefix + key).base64EncodedString())\n-----END \(label)-----\n"
    }

    /// The key's bytes; `nil` when there is no such block, or something else is in it.
    func read(_ text: String) -> [UInt8]? {
        guard let begin = text.range(of: "-----BEGIN \(label)-----"),
            let end = text.range(of: "-----END \(label)-----", range: begin.upperBound..<text.endIndex),
            let bytes = Data(base64Encoded: text[begin.upperBound..<end.lowerBound].filter { !$0.isWhitespace }),
            bytes.count == prefix.count + Self.keyByteCount, bytes.starts(with: prefix)
        else { return nil }
        return Array(bytes.dropFirst(prefix.count))
    }

    /// Follows links: secrets are often mounted as one.
    static func text(ofFile path: String) throws -> String {
        var bytes = Data()
        try FileReading.forEachPiece(of: path) { piece in
            guard bytes.count + piece.count <= fileByteCountMax else {
                throw unreadable(path, "it is far too large for a key", remedy: "name a PEM file")
            }
            bytes.append(contentsOf: piece)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func unreadable(_ path: String, _ reason: String, remedy: String) -> GleanerError {
        GleanerError(.keyUnreadable, "\(path) holds no key that can be used: \(reason)", remedy: remedy)
    }
}
