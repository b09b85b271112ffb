import Foundation
import GleanerCore

/// What proves to a store who asks: a key, its secret, and for borrowed ones a token.
struct S3Keys: Hashable, Sendable {
    var accessKey: String
    var secret: String
    var sessionToken: String?
}

/// Signs requests as AWS Signature Version 4 says, with the headers.
///
/// Source: *Authenticating Requests (AWS Signature Version 4)*, Amazon S3 API reference; the tests have its examples.
struct S3Signature {
    let keys: S3Keys
    let region: String

    /// The headers that a request needs beside those that it has.
    ///
    /// - Parameters:
    ///   - path: encoded already, from its slash on.
    ///   - query: names and values, not encoded yet.
    ///   - headers: all that are to be signed, `Host` among them.
    ///   - payload: the digest of the body.
    func headers(
        method: String, path: String, query: [(name: String, value: String)], headers: [(name: String, value: String)],
        payload: Digest, at time: Date
    ) -> [(name: String, value: String)] {
        let stamp = Self.stamp(time)
        var added = [("x-amz-content-sha256", "\(payload)"), ("x-amz-date", stamp)]
        if let token = keys.sessionToken { added.append(("x-amz-security-token", token)) }
        let signed = (headers + added).map {
            (name: $0.0.lowercased(), value: $0.1.trimmingCharacters(in: .whitespaces))
        }
        .sorted { $0.name < $1.name }
        let names = signed.map(\.name).joined(separator: ";")
        let canonical = [
            method, path, Self.encoded(query), signed.map { "\($0.name):\($0.value)\n" }.joined(), names, "\(payload)",
        ].joined(separator: "\n")
        let day = String(stamp.prefix(8))
        let scope = "\(day)/\(region)/s3/aws4_request"
        let text = ["AWS4-HMAC-SHA256", stamp, scope, "\(Digest(of: Array(canonical.utf8)))"].joined(separator: "\n")
        let code = [day, region, "s3", "aws4_request", text].reduce(Array("AWS4\(keys.secret)".utf8)) { key, part in
            Digest(authenticating: Array(part.utf8), with: key).bytes
        }
        let credential = "AWS4-HMAC-SHA256 Credential=\(keys.accessKey)/\(scope)"
        added.append(("authorization", "\(credential),SignedHeaders=\(names),Signature=\(Self.hexadecimal(code))"))
        return added
    }

    /// The query as it is signed and sent: sorted, encoded.
    static func encoded(_ query: [(name: String, value: String)]) -> String {
        query.map { (encoded($0.name), encoded($0.value)) }.sorted { $0 < $1 }
            .map { "\($0)=\($1)" }.joined(separator: "&")
    }

    /// All but letters, digits and `-._~` as `%` and two capital digits; slashes stay where they part a path.
    static func encoded(_ text: some StringProtocol, keepsSlashes: Bool = false) -> String {
        var encoded: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(byte)
            case UInt8(ascii: "/") where keepsSlashes: encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String { Digest(bytes: bytes)?.description ?? "" }

    /// `20130524T000000Z`.
    private static func stamp(_ time: Date) -> String {
        let text = "\(Timestamp(milliseconds: Int64(time.timeIntervalSince1970 * 1000)))"
        return text.prefix(19).filter { $0 != "-" && $0 != ":" } + "Z"
    }
}
