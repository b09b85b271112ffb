#if Network
    import AsyncHTTPClient
    import Foundation
    import GleanerCore
    import NIOCore
    import NIOHTTP1
    import NIOSSL

    /// Speaks HTTP to one server, and to no other: redirections are answers like any other.
    ///
    /// Every wait has an end: a server that does not answer, or takes nothing more, is away.
    struct HTTPTransport: Sendable {
        /// Where it is, for messages.
        private let place: String
        private let security: TLSConfiguration?

        private let patience: Patience

        /// How long a server is waited for, and the connections that wait so.
        struct Patience: Sendable {
            fileprivate let client: HTTPClient
            fileprivate let answerSecondsMax: Double

            static let usual = Patience(connectSeconds: 15, silenceSeconds: 600, answerSecondsMax: 120)

            /// Make few, and keep them: the client is never shut down. Its connections close by themselves when they are
            /// idle, and it lives as long as the process.
            ///
            /// - Parameters:
            ///   - silenceSeconds: in which not a byte comes. A slow link takes minutes for what the kernel took at once,
            ///     and a server may have to unpack a batch; whether anybody is there at all is found out sooner.
            ///   - answerSecondsMax: to the beginning of an answer, beside what a slow link takes for the request.
            init(connectSeconds: Double, silenceSeconds: Double, answerSecondsMax: Double) {
                let silence = TimeAmount.milliseconds(Int64(silenceSeconds * 1000))
                var configuration = HTTPClient.Configuration(
                    redirectConfiguration: .disallow,
                    timeout: .init(
                        connect: .milliseconds(Int64(connectSeconds * 1000)), read: silence, write: silence))
                configuration.httpVersion = .http1Only
                configuration.http1_1ConnectionDebugInitializer = Self.noticeDeadLink
                // We try again ourselves, and say meanwhile why.
                configuration.connectionPool.retryConnectionEstablishment = false
                configuration.connectionPool.idleTimeout = .seconds(20)
                client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
                self.answerSecondsMax = answerSecondsMax
            }

            /// A connection over which nothing is acknowledged any more, not even a question whether anybody is there, ends.
            @Sendable private static func noticeDeadLink(_ channel: any Channel) -> EventLoopFuture<Void> {
                let options: [(ChannelOptions.Types.SocketOption, SocketOptionValue)] = [
                    (.init(level: .socket, name: .so_keepalive), 1),
                    (.init(level: .tcp, name: .init(rawValue: TCP_KEEPIDLE)), 30),
                    (.init(level: .tcp, name: .init(rawValue: TCP_KEEPINTVL)), 15),
                    (.init(level: .tcp, name: .init(rawValue: TCP_USER_TIMEOUT)), 60_000),
                    // TCP_RTO_MAX_MS: a link that loses much is asked more often than every two minutes.
                    (.init(level: .tcp, name: .init(rawValue: 44)), 4_000),
                ]
                // Kernels that do not know one of them (the last is of 2025) do without.
                let set = options.map { channel.setOption($0.0, value: $0.1) }
                return EventLoopFuture.whenAllComplete(set, on: channel.eventLoop).map { _ in }
            }
        }

        /// So much may be on its way before the limit of the bandwidth is asked.
        private static let pieceByteCount = 32 << 10
        /// So much of a body is read at a time.
        private static let readByteCount = 256 << 10
        /// The slowest link that is waited for.
        private static let bytesPerSecondMin = 512.0
        /// What a server may say of why it does not do what it was asked.
        private static let explanationByteCountMax = 1 << 20

        /// - Parameter authorities: a file of certificates, in PEM, that are trusted beside none but them.
        /// - Throws: ``GleanerError`` when the file cannot be read.
        init(place: String, authorities: String?, patience: Patience = .usual) throws {
            self.place = place
            self.patience = patience
            guard let authorities else {
                security = nil
                return
            }
            do {
                var configuration = TLSConfiguration.makeClientConfiguration()
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authorities))
                security = configuration
            } catch {
                throw GleanerError(
                    .malformed, "\(authorities) holds no certificates that can be read",
                    remedy: "name a PEM file with the certificate of the server's authority", cause: error)
            }
        }

        /// Sends a request, and returns what is answered, whatever the status.
        ///
        /// - Parameters:
        ///   - admit: called before each piece of the body.
        ///   - bodyByteCountMax: a good answer with more is an error.
        /// - Throws: ``GleanerError`` with code `destination.offline` or `destination.refused`, or `CancellationError`.
        func send(
            _ request: HTTPRequest, bodyByteCountMax: Int = 4 << 20,
            admit: @escaping @Sendable (Int) async throws -> Void = { _ in }
        ) async throws -> HTTPAnswer {
            try await receive(request, admit: admit) { response in
                var answer = HTTPAnswer(status: Int(response.status.code), headers: Self.headers(response), body: [])
                let byteCountMax = answer.isSuccess ? bodyByteCountMax : Self.explanationByteCountMax
                answer.body = Array(try await response.body.collect(upTo: byteCountMax).readableBytesView)
                return answer
            }
        }

        /// Sends a request and writes the body of a good answer to a new file, which is flushed.
        ///
        /// - Returns: the answer, whose body is empty if it was good.
        func download(_ request: HTTPRequest, to path: String, byteCountMax: Int) async throws -> HTTPAnswer {
            let place = place
            return try await receive(request, admit: { _ in }) { response in
                var answer = HTTPAnswer(status: Int(response.status.code), headers: Self.headers(response), body: [])
                guard answer.isSuccess else {
                    answer.body = Array(
                        try await response.body.collect(upTo: Self.explanationByteCountMax).readableBytesView)
                    return answer
                }
                let file = try DescriptorFile(path, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
                var byteCount = 0
                for try await piece in response.body {
                    byteCount += piece.readableBytes
                    guard byteCount <= byteCountMax else {
                        throw GleanerError(
                            .destinationRejected,
                            "\(place) sent more than the \(ByteCount.format(byteCountMax)) that it announced",
                            remedy: "look at what lies there")
                    }
                    try piece.withUnsafeReadableBytes { try file.write($0) }
                }
                try file.flush()
                return answer
            }
        }

        private func receive(
            _ request: HTTPRequest, admit: @escaping @Sendable (Int) async throws -> Void,
            _ body: @escaping @Sendable (HTTPClientResponse) async throws -> HTTPAnswer
        ) async throws -> HTTPAnswer {
            var message = HTTPClientRequest(url: request.url)
            message.method = HTTPMethod(rawValue: request.method)
            for header in request.headers { message.headers.add(name: header.name, value: header.value) }
            message.tlsConfiguration = security
            let byteCount = request.body.byteCount
            if byteCount > 0 {
                message.body = .stream(Pieces(body: request.body, admit: admit), length: .known(Int64(byteCount)))
            }
            let seconds = patience.answerSecondsMax + Double(byteCount) / Self.bytesPerSecondMin
            do {
                let response = try await answered(message, withinSeconds: seconds)
                return try await body(response)
            } catch let error as GleanerError {
                throw error
            } catch {
                if Task.isCancelled { throw CancellationError() }
                throw failure(error)
            }
        }

        /// What may be asked twice is asked once more when its connection broke: a server may close one that it has kept
        /// open at the moment when we use it again (RFC 9112, 9.3.1), and a bad link cuts one of many.
        private func answered(
            _ message: HTTPClientRequest, withinSeconds seconds: Double
        ) async throws -> HTTPClientResponse {
            do {
                return try await patience.client.execute(message, timeout: .milliseconds(Int64(seconds * 1000)))
            } catch  where Self.isCut(error) && Self.repeatable.contains(message.method) {
                return try await patience.client.execute(message, timeout: .milliseconds(Int64(seconds * 1000)))
            }
        }

        private static func isCut(_ error: any Error) -> Bool {
            switch error {
            case let error as HTTPClientError: error == .remoteConnectionClosed
            case let error as IOError: [ECONNRESET, EPIPE, ETIMEDOUT].contains(error.errnoCode)
            default: false
            }
        }

        private static let repeatable: [HTTPMethod] = [.GET, .HEAD, .OPTIONS, .PUT, .DELETE]

        private static func headers(_ response: HTTPClientResponse) -> [String: String] {
            Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first }
        }

        private func failure(_ error: any Error) -> GleanerError {
            switch error {
            case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError:
                GleanerError(
                    .destinationRefused,
                    "\(error)".contains("CERTIFICATE_VERIFY_FAILED")
                        ? "\(place) shows a certificate that is not trusted: it expired, is of another host, or nobody vouches for it"
                        : "\(place) could not show that it is who it says",
                    remedy: "check the device's clock; if the server has a certificate of its own, name it as ca",
                    cause: error)
            case is NIOTooManyBytesError:
                GleanerError(
                    .destinationRefused, "\(place) answers with more than is expected", remedy: "check the address",
                    cause: error)
            case let error as HTTPClientError
            where error == .invalidURL || error == .emptyHost || error == .emptyScheme:
                GleanerError(.destinationRefused, "\(place) is no address that can be asked", remedy: "correct it")
            default:
                GleanerError(
                    .destinationOffline, "\(place) does not answer",
                    remedy: "what waits leaves by itself once it does", cause: error)
            }
        }

        /// A body that is sent piece by piece.
        private struct Pieces: AsyncSequence, Sendable {
            let body: HTTPBody
            let admit: @Sendable (Int) async throws -> Void

            struct AsyncIterator: AsyncIteratorProtocol {
                let byteCount: Int
                let admit: @Sendable (Int) async throws -> Void
                private let reader: HTTPBody.Reader
                /// What was read and not yet sent, and how much was read.
                private var ready: ArraySlice<UInt8> = []
                private var readCount = 0

                init(_ pieces: Pieces) {
                    byteCount = pieces.body.byteCount
                    admit = pieces.admit
                    reader =
                        switch pieces.body {
                        case .bytes(let bytes): { Array(bytes[$0]) }
                        case .read(_, let reader): reader()
                        }
                }

                mutating func next() async throws -> ByteBuffer? {
                    if ready.isEmpty {
                        guard readCount < byteCount else { return nil }
                        ready = try await reader(readCount..<Swift.min(readCount + readByteCount, byteCount))[...]
                        readCount += ready.count
                    }
                    let piece = ready.prefix(pieceByteCount)
                    try await admit(piece.count)
                    ready.removeFirst(piece.count)
                    return ByteBuffer(bytes: piece)
                }
            }

            func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
        }
    }
#endif
