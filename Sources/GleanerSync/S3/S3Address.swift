import Foundation
import GleanerCore

/// Where a bucket is, and how its objects are addressed.
struct S3Address: Hashable, Sendable {
    /// Whether the bucket is the first part of the path, or of the host.
    enum Style: String, Sendable, CaseIterable {
        case path, host
    }

    let bucket: String
    /// Empty, or without a slash at either end.
    let prefix: String
    let region: String
    private let scheme: String
    /// With the port, if it is not the scheme's own.
    private let endpointHost: String
    private let style: Style

    /// - Parameters:
    ///   - place: `s3://bucket/prefix`.
    ///   - endpoint: `https://host:port`; `nil` for Amazon's of the region.
    ///   - style: `nil` for the host at Amazon's, else the path.
    /// - Throws: ``GleanerError`` saying what is no address.
    init(_ place: String, endpoint: String?, region: String, style: Style?) throws {
        let parts = place.dropFirst("s3://".count).split(separator: "/", maxSplits: 1).map(String.init)
        guard place.hasPrefix("s3://"), let bucket = parts.first, Self.isBucket(bucket) else {
            throw GleanerError(
                .malformed, "'\(PathName.printable(place))' names no bucket",
                remedy: "write s3://BUCKET or s3://BUCKET/PREFIX, and the server as `endpoint`")
        }
        self.bucket = bucket
        prefix = parts.count > 1 ? parts[1].split(separator: "/").joined(separator: "/") : ""
        self.region = region
        self.style = style ?? (endpoint == nil ? .host : .path)
        let text = endpoint ?? "https://s3.\(region).amazonaws.com"
        guard let url = URLComponents(string: text), let scheme = url.scheme, ["http", "https"].contains(scheme),
            let host = url.host, !host.isEmpty, url.path.isEmpty || url.path == "/", url.query == nil, url.user == nil
        else {
            throw GleanerError(
                .malformed, "the endpoint is no address of a server", remedy: "write https://HOST or https://HOST:PORT")
        }
        self.scheme = scheme
        let standard = scheme == "https" ? 443 : 80
        endpointHost = url.port.map { $0 == standard ? host : "\(host):\($0)" } ?? host
    }

    /// Lower-case letters, digits, dots and dashes, 3 to 63 of them.
    private static func isBucket(_ name: String) -> Bool {
        (3...63).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
                    || byte == UInt8(ascii: ".")
            }
    }

    /// For people, and for records: the same bucket at another server is another place.
    var place: String {
        let whole = prefix.isEmpty ? bucket : "\(bucket)/\(prefix)"
        return "s3:\(scheme)://\(endpointHost)/\(whole)"
    }

    var host: String { style == .path ? endpointHost : "\(bucket).\(endpointHost)" }

    /// The encoded path of an object, or of the bucket.
    func path(of key: String = "") -> String {
        let encoded = S3Signature.encoded(key, keepsSlashes: true)
        return style == .path ? "/\(bucket)/\(encoded)" : "/\(encoded)"
    }

    func url(path: String, query: String) -> String {
        "\(scheme)://\(host)\(path)" + (query.isEmpty ? "" : "?\(query)")
    }

    /// The key of something below the prefix.
    func key(_ name: String) -> String { prefix.isEmpty ? name : "\(prefix)/\(name)" }
}
