#if Console
    import Foundation
    import GleanerCore

    /// A request, as far as it matters here.
    struct IngestRequest: Sendable {
        var method: String
        var path: String
        var contentType: String?
        var contentLength: Int?
        var authorization: String?
        /// Browsers say so which page asks.
        var origin: String?
    }

    /// An answer, before it is written.
    struct IngestResponse: Sendable {
        var status: Int
        var headers: [(name: String, value: String)] = []
        var body: Data
    }

    /// A request whose body is to be received.
    struct Admission: Sendable {
        /// Between the parts of its form.
        var boundary: String
        var byteCount: Int
    }

    /// Answers requests: knows the path, the token, the form and its JSON.
    struct IngestResponder: Sendable {
        static let path = "/v1/frames"

        let desk: IngestDesk
        let bodyByteCountMax: Int
        /// Compared as a digest: how long that takes says nothing of the token.
        private let token: Digest?
        private let labels: [String]?
        private let frameSize: @Sendable (Data) throws -> FrameSize

        init(
            _ settings: IngestSettings, desk: IngestDesk, frameSize: @escaping @Sendable (Data) throws -> FrameSize
        ) {
            self.desk = desk
            bodyByteCountMax = settings.bodyByteCountMax
            token = settings.token.map { Digest(of: Data("Bearer \($0)".utf8)) }
            labels = settings.labels
            self.frameSize = frameSize
        }

        /// Says whether the body is to be received, and makes room for it; ``giveBack(_:)`` what it returns.
        func admit(_ request: IngestRequest, guarded: Bool) throws -> Admission {
            let boundary = try check(request, guarded: guarded)
            let admission = Admission(boundary: boundary, byteCount: request.contentLength ?? bodyByteCountMax)
            try desk.take(bodyByteCount: admission.byteCount)
            return admission
        }

        func giveBack(_ admission: Admission) { desk.giveBack(bodyByteCount: admission.byteCount) }

        func respond(to body: Data, _ admission: Admission) async throws -> IngestResponse {
            let frame = try frame(from: body, boundary: admission.boundary)
            return try Self.response(to: try await desk.offer(frame))
        }

        /// Everything that can be said before the body is there; returns the boundary of its parts.
        private func check(_ request: IngestRequest, guarded: Bool) throws -> String {
            guard request.path == Self.path else {
                throw GleanerError(.ingestNotFound, "there is nothing at this path", remedy: "POST to \(Self.path)")
            }
            if guarded, let token, Digest(of: Data((request.authorization ?? "").utf8)) != token {
                throw GleanerError(
                    .ingestUnauthorized, "the token is missing or another one",
                    remedy: "send `Authorization: Bearer` with the word that token_file holds")
            }
            // Any page could have a browser on this machine send a form.
            guard request.origin == nil else {
                throw GleanerError(.ingestBrowser, "pages in browsers hand over no frames", remedy: "use a program")
            }
            guard request.method == "POST" else {
                throw GleanerError(.ingestMethod, "frames are handed over with POST", remedy: "POST to \(Self.path)")
            }
            guard let boundary = MultipartForm.boundary(in: request.contentType ?? "") else {
                throw GleanerError(
                    .ingestMediaType, "the body must be multipart/form-data and name its boundary",
                    remedy: "let a library write the form: curl -F, or files= of Python's requests")
            }
            guard request.contentLength ?? 0 <= bodyByteCountMax else { throw Self.tooLarge(bodyByteCountMax) }
            return boundary
        }

        private func frame(from body: Data, boundary: String) throws -> IngestedFrame {
            var parts = try MultipartForm(body, boundary: boundary).parts
            guard let picture = parts.removeValue(forKey: "frame"), let text = parts.removeValue(forKey: "prediction")
            else {
                throw GleanerError(
                    .ingestMalformed, "the form lacks its part 'frame' or 'prediction'",
                    remedy: "send the picture's bytes as frame, and the JSON as prediction")
            }
            guard parts.isEmpty else {
                let name = parts.keys.sorted()[0].prefix(60)
                throw GleanerError(
                    .ingestMalformed, "the form has a part '\(name)' that is not known",
                    remedy: "send frame and prediction alone")
            }
            let message = try IngestMessage.read(text)
            return IngestedFrame(
                origin: try message.origin(), capturedAt: message.capturedAt, picture: picture,
                given: try message.given(in: try frameSize(picture), labels: labels))
        }

        static func tooLarge(_ byteCountMax: Int) -> GleanerError {
            GleanerError(
                .ingestTooLarge, "the request is larger than \(ByteCount.format(byteCountMax))",
                remedy: "send a smaller picture, or raise body_bytes_max")
        }

        // MARK: Answers

        /// Schema: `Schemas/ingest-answer.schema.json`.
        private struct Answer: Encodable {
            var decision: FrameAnswer.Decision
            var sample: SampleID?
            var reason: String
            var known: Bool

            // A sample that is not there is null.
            func encode(to encoder: any Encoder) throws {
                var box = encoder.container(keyedBy: CodingKeys.self)
                try box.encode(decision, forKey: .decision)
                try box.encode(sample, forKey: .sample)
                try box.encode(reason, forKey: .reason)
                try box.encode(known, forKey: .known)
            }
            enum CodingKeys: String, CodingKey { case decision, sample, reason, known }
        }

        /// Schema: `Schemas/ingest-error.schema.json`.
        private struct Failure: Encodable {
            var code: String
            var message: String
            var remedy: String
        }

        private static func response(to reply: IngestReply) throws -> IngestResponse {
            let (answer, reason) = (reply.answer, reply.answer.reason)
            // Its header was sound, and the rest is not.
            if answer.decision == .dropped, reason.hasPrefix("picture.") {
                throw GleanerError(
                    .init(reason), "the picture cannot be decoded", remedy: "send whole PNG or JPEG files")
            }
            return try response(
                200, Answer(decision: answer.decision, sample: answer.sample, reason: reason, known: reply.isKnown))
        }

        static func response(to error: any Error) -> IngestResponse {
            let known =
                error as? GleanerError
                ?? GleanerError(.init("ingest.failed"), "the request cannot be answered", remedy: "see the log")
            let failure = Failure(code: known.code.rawValue, message: known.message, remedy: known.remedy)
            guard var response = try? response(known.httpStatus, failure) else {
                return IngestResponse(status: 500, body: Data())
            }
            switch response.status {
            case 401: response.headers.append(("WWW-Authenticate", "Bearer"))
            case 405: response.headers.append(("Allow", "POST"))
            case 429, 503: response.headers.append(("Retry-After", "1"))
            default: break
            }
            return response
        }

        private static func response(_ status: Int, _ document: some Encodable) throws -> IngestResponse {
            IngestResponse(
                status: status, headers: [("Content-Type", "application/json")],
                body: try CanonicalJSON.encode(document) + Data("\n".utf8))
        }
    }
#endif
