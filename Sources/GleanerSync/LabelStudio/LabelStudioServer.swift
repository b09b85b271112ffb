#if Network
    import Foundation
    import GleanerCore

    /// Asks one Label Studio, with the right token.
    ///
    /// Calls and answers are those of version 1.23 (the OpenAPI description that each server has at `/docs/api`).
    struct LabelStudioServer: Sendable {
        /// Without a slash at its end.
        let url: String
        let place: String
        let transport: HTTPTransport
        let access: LabelStudioAccess

        private static let tokenRemedy =
            "check the token: make a new one under Account & Settings of Label Studio; legacy tokens may be switched "
            + "off for the organization, and a personal one may have been revoked"
        private static let answerByteCountMax = 64 << 20

        /// What goes with a request beside its address.
        enum Content: Sendable {
            case none
            case json(JSONValue)
            case bytes([UInt8], type: String)
        }

        /// Sends a request and returns a good answer.
        ///
        /// - Parameters:
        ///   - what: what is tried, for the message if it fails.
        ///   - allowing: statuses that are answers too, beside the good ones.
        /// - Throws: ``GleanerError``, or `CancellationError`.
        func ask(
            _ method: String, _ path: String, _ query: [(String, String)] = [], _ content: Content = .none,
            to what: String, allowing: Set<Int> = [],
            admit: @escaping @Sendable (Int) async throws -> Void = { _ in }
        ) async throws -> HTTPAnswer {
            var request = HTTPRequest(
                method, url + path + Self.text(of: query), headers: [("Accept", "application/json")])
            switch content {
            case .none: break
            case .json(let value):
                request.headers.append(("Content-Type", "application/json"))
                request.body = .bytes(Array(try CanonicalJSON.encode(value)))
            case .bytes(let bytes, let type):
                request.headers.append(("Content-Type", type))
                request.body = .bytes(bytes)
            }
            let answer = try await sendAuthorized(request, admit)
            guard answer.isSuccess || allowing.contains(answer.status) else {
                throw answer.failure(of: what, at: place, remedy: Self.remedy(for: answer.status, url: url))
            }
            return answer
        }

        /// The document of a good answer.
        func document<Document: Decodable>(of answer: HTTPAnswer, _ what: String) throws -> Document {
            do {
                return try CanonicalJSON.decode(from: Data(answer.body), named: "the answer to \(what)")
            } catch let error as GleanerError {
                throw GleanerError(
                    .destinationRefused, "\(place) does not answer as Label Studio does", remedy: "correct its address",
                    cause: error)
            }
        }

        /// A token that ended while it was on its way is renewed once.
        private func sendAuthorized(
            _ request: HTTPRequest, _ admit: @escaping @Sendable (Int) async throws -> Void
        ) async throws -> HTTPAnswer {
            let first = try await access.header(renew: renew)
            let answer = try await send(request, authorization: first, admit)
            guard answer.status == 401 else { return answer }
            let second = try await access.header(insteadOf: first, renew: renew)
            return second == first ? answer : try await send(request, authorization: second, admit)
        }

        private func send(
            _ request: HTTPRequest, authorization: String, _ admit: @escaping @Sendable (Int) async throws -> Void
        ) async throws -> HTTPAnswer {
            var request = request
            request.headers.append(("Authorization", authorization))
            return try await transport.send(request, bodyByteCountMax: Self.answerByteCountMax, admit: admit)
        }

        @Sendable private func renew(_ parent: String) async throws -> String {
            struct Grant: Decodable { var access: String }
            let request = HTTPRequest(
                "POST", "\(url)/api/token/refresh/", headers: [("Content-Type", "application/json")],
                body: .bytes(Array(try CanonicalJSON.encode(["refresh": parent]))))
            let answer = try await transport.send(request)
            guard answer.isSuccess else {
                throw answer.failure(
                    of: "using the personal access token", at: place, remedy: Self.remedy(for: answer.status, url: url))
            }
            let grant: Grant = try document(of: answer, "the personal access token")
            return grant.access
        }

        private static func remedy(for status: Int, url: String) -> String {
            status == 404 || status == 405 ? "check that \(url) is the address of a Label Studio" : tokenRemedy
        }

        /// What follows the path of an address: empty without a query.
        static func text(of query: [(String, String)]) -> String {
            let allowed = CharacterSet(
                charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
            let pairs = query.map { "\($0)=\($1.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")" }
            return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
        }
    }
#endif
