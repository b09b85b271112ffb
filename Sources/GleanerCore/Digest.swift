public import Crypto
public import Foundation

/// A SHA-256 digest: 32 bytes, written as 64 lower-case hexadecimal digits.
public struct Digest: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Exactly 32 bytes.
    public let bytes: [UInt8]

    /// `nil` unless there are exactly 32 bytes.
    public init?(bytes: some Sequence<UInt8>) {
        let array = Array(bytes)
        guard array.count == SHA256.byteCount else { return nil }
        self.bytes = array
    }

    /// Reads 64 hexadecimal digits; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        let digits = Array(text.utf8)
        guard digits.count == 2 * SHA256.byteCount else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(SHA256.byteCount)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Self.nibble(digits[index]), let low = Self.nibble(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    /// The digest of some bytes.
    public init(of data: some DataProtocol) {
        bytes = Array(SHA256.hash(data: data))
    }

    /// The code that shows that somebody who has the key vouches for a message (HMAC, RFC 2104).
    public init(authenticating message: [UInt8], with key: [UInt8]) {
        bytes = Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
    }

    /// The digest that an incremental hash has come to.
    public init(_ hash: SHA256Digest) { bytes = Array(hash) }

    /// The digest of a file, read in pieces of 1 MiB so that memory stays flat.
    ///
    /// - Throws: ``GleanerError`` with code `file.system` when the file cannot be read.
    public init(ofFile path: String) throws {
        var hasher = SHA256()
        try FileReading.forEachPiece(of: path) { hasher.update(bufferPointer: $0) }
        self.init(hasher.finalize())
    }

    public var description: String {
        let alphabet = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes.count)
        for byte in bytes {
            text.append(alphabet[Int(byte >> 4)])
            text.append(alphabet[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    public init(from decoder: any Decoder) throws {
        self = try decodeDescription(from: decoder, "a SHA-256 digest") { Digest($0) }
    }
    public func encode(to encoder: any Encoder) throws { try encodeDescription(description, to: encoder) }
}

/// A digest of bytes that come in pieces.
public struct DigestHasher: Sendable {
    private var hash = SHA256()
    public init() {}
    public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }
    public mutating func update(_ bytes: Data) { hash.update(data: bytes) }
    public func finish() -> Digest { Digest(hash.finalize()) }
}
