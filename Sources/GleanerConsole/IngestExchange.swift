#if Console
    import Foundation
    import GleanerCore
    import HTTPTypes
    import HummingbirdCore
    import NIOCore

    /// One request and its answer on a connection.
    struct IngestExchange: Sendable {
        let responder: IngestResponder
        /// Whether the token is asked for.
        let guarded: Bool
        let secondsMax: Int

        func run(_ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
            // A body comes as slowly as its sender likes; after this long nobody waits for the rest.
            let deadline = channel.eventLoop.scheduleTask(in: .seconds(Int64(secondsMax))) {
                channel.close(promise: nil)
            }
            defer { deadline.cancel() }
            var pieces = request.body.makeAsyncIterator()
            let response: IngestResponse
            do {
                let admission = try responder.admit(Self.message(request), guarded: guarded)
                defer { responder.giveBack(admission) }
                if request.headers[.expect]?.lowercased() == "100-continue" {
                    try await writer.writeInformationalHead(HTTPResponse(status: .continue))
                }
                let body = try await receive(&pieces)
                // The rest of the time is ours.
                deadline.cancel()
                response = try await responder.respond(to: body, admission)
            } catch {
                response = IngestResponder.response(to: error)
            }
            let answer = request.method == .head ? Data() : response.body
            try await writer.write(
                response: Self.head(of: response), body: .init(byteBuffer: ByteBuffer(bytes: answer)))
            // A sender that is still at it would not read the answer.
            while try await pieces.next() != nil {}
        }

        private func receive(_ pieces: inout RequestBody.AsyncIterator) async throws -> Data {
            var body = Data()
            while let piece = try await pieces.next() {
                guard body.count + piece.readableBytes <= responder.bodyByteCountMax else {
                    throw IngestResponder.tooLarge(responder.bodyByteCountMax)
                }
                piece.withUnsafeReadableBytes { body.append(contentsOf: $0) }
            }
            return body
        }

        private static func message(_ request: Request) -> IngestRequest {
            let headers = request.headers
            return IngestRequest(
                method: request.method.rawValue, path: request.uri.path, contentType: headers[.contentType],
                contentLength: headers[.contentLength].flatMap { Int($0) }, authorization: headers[.authorization],
                origin: headers[.origin])
        }

        private static func head(of response: IngestResponse) -> HTTPResponse {
            var fields = HTTPFields()
            for header in response.headers {
                if let name = HTTPField.Name(header.name) { fields[name] = header.value }
            }
            fields[.contentLength] = "\(response.body.count)"
            return HTTPResponse(status: .init(code: response.status), headerFields: fields)
        }
    }
#endif
