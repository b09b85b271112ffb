#if Network
    import Foundation
    import GleanerCore

    /// The requests of tus 1.0.0 to one server.
    struct TusServer: Sendable {
        /// What to do when it takes nothing.
        static let remedy = "check the path in `to`, and the token that token_file or token_env names"
        private static let version = "1.0.0"

        private let transport: HTTPTransport
        private let address: TusAddress
        private let token: String?

        init(_ address: TusAddress, token: String?, authorities: String?, patience: HTTPTransport.Patience) throws {
            transport = try HTTPTransport(place: address.text, authorities: authorities, patience: patience)
            self.address = address
            self.token = token
        }

        /// - Throws: ``GleanerError`` when uploads cannot go there.
        func check() async throws {
            let answer = try await transport.send(request("OPTIONS", address.text))
            guard answer.isSuccess else {
                throw answer.failure(of: "asking what it can do", at: address.text, remedy: Self.remedy)
            }
            let lacking = Self.lacking(answer)
            guard lacking.isEmpty else {
                throw GleanerError(
                    .destinationRefused, "\(address.text) lacks \(lacking.joined(separator: ", "))",
                    remedy: "check the path in `to`; Examples/receiver has what is needed")
            }
        }

        /// What a server must be able to do and does not say it can.
        private static func lacking(_ answer: HTTPAnswer) -> [String] {
            func list(_ name: String) -> [String] {
                (answer.headers[name] ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            }
            guard (list("tus-resumable") + list("tus-version")).contains(version) else { return ["tus \(version)"] }
            let extensions = list("tus-extension")
            var lacking = ["creation", "checksum"].filter { !extensions.contains($0) }.map { "the tus extension \($0)" }
            if lacking.isEmpty, !list("tus-checksum-algorithm").contains("sha256") {
                lacking.append("sha256 checksums")
            }
            return lacking
        }

        func create(byteCount: Int, metadata: [(name: String, value: String)]) async throws -> HTTPAnswer {
            let pairs = metadata.map { "\($0.name) \(Data($0.value.utf8).base64EncodedString())" }
            return try await transport.send(
                request(
                    "POST", address.text,
                    [("Upload-Length", "\(byteCount)"), ("Upload-Metadata", pairs.joined(separator: ","))]))
        }

        func ask(_ location: String) async throws -> HTTPAnswer {
            try await transport.send(request("HEAD", location))
        }

        func send(
            _ bytes: [UInt8], to location: String, offset: Int, admit: @escaping @Sendable (Int) async throws -> Void
        ) async throws -> HTTPAnswer {
            let checksum = Data(Digest(of: bytes).bytes).base64EncodedString()
            var message = request(
                "PATCH", location,
                [
                    ("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", "\(offset)"),
                    ("Upload-Checksum", "sha256 \(checksum)"),
                ])
            message.body = .bytes(bytes)
            return try await transport.send(message, admit: admit)
        }

        func terminate(_ location: String) async throws {
            _ = try await transport.send(request("DELETE", location))
        }

        private func request(
            _ method: String, _ url: String, _ headers: [(name: String, value: String)] = []
        ) -> HTTPRequest {
            let authorization = token.map { [(name: "Authorization", value: "Bearer \($0)")] } ?? []
            return HTTPRequest(
                method, url, headers: [(name: "Tus-Resumable", value: Self.version)] + authorization + headers)
        }
    }
#endif
