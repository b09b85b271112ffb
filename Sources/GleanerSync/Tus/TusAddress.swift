#if Network
    import Foundation
    import GleanerCore

    /// Where a server takes new uploads, and the only server that is ever asked about them.
    struct TusAddress: Hashable, Sendable {
        /// As the configuration says it.
        let text: String

        /// - Throws: ``GleanerError`` when it is none; the message does not repeat it, for it may hold a password.
        init(_ text: String) throws {
            func problem(_ message: String, _ remedy: String) -> GleanerError {
                GleanerError(.malformed, message, remedy: remedy)
            }
            guard let parts = URLComponents(string: text), Self.origin(of: parts) != nil else {
                throw problem("'to' is no address of a server", "write https://HOST/PATH")
            }
            guard parts.user == nil, parts.password == nil else {
                throw problem(
                    "the address holds a user name or a password",
                    "put a token into a file, and name that file as token_file")
            }
            guard parts.query == nil, parts.fragment == nil else {
                throw problem("the address goes on after its path, with '?' or '#'", "write https://HOST/PATH")
            }
            self.text = text
        }

        /// What a server answered as the place of an upload, as a whole address.
        ///
        /// - Throws: ``GleanerError`` with code `destination.refused` when it is at another server.
        func upload(at location: String) throws -> String {
            guard let url = URL(string: location, relativeTo: URL(string: text))?.absoluteURL,
                let parts = URLComponents(url: url, resolvingAgainstBaseURL: true),
                parts.user == nil, parts.password == nil, let origin = Self.origin(of: parts),
                origin == URLComponents(string: text).flatMap(Self.origin)
            else {
                throw GleanerError(
                    .destinationRefused, "\(text) sends the upload elsewhere, to '\(PathName.printable(location))'",
                    remedy: "tell the server its own address as devices see it; no other is contacted")
            }
            return url.absoluteString
        }

        private struct Origin: Hashable {
            var scheme: String
            var host: String
            var port: Int
        }

        private static func origin(of parts: URLComponents) -> Origin? {
            guard let scheme = parts.scheme?.lowercased(), let standard = ["http": 80, "https": 443][scheme],
                let host = parts.host?.lowercased(), !host.isEmpty
            else { return nil }
            return Origin(scheme: scheme, host: host, port: parts.port ?? standard)
        }
    }
#endif
