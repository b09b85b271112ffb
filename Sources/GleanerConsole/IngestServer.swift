#if Console
    import Foundation
    import GleanerCore
    import HTTPTypes
    import HummingbirdCore
    import Logging
    import NIOCore
    import NIOPosix
    import Synchronization

    #if canImport(Glibc)
        import Glibc
    #elseif canImport(Musl)
        import Musl
    #endif

    /// One place that is listened on.
    final class IngestServer: Sendable {
        private typealias HTTPServer = Server<HTTP1Channel>

        private static let headerByteCountMax = 16 << 10
        private static let headerCountMax = 100
        /// Connections that do not end by themselves are cut after so long.
        private static let stopSecondsMax = 2

        private let server: HTTPServer
        /// Ends in ``stop()``: a source has no task group that it could run in.
        private let running: Task<Void, any Error>

        /// Listens on the address and the socket that are set.
        ///
        /// - Throws: ``GleanerError`` with code `ingest.unavailable`; nothing is listened on then.
        static func start(
            _ settings: IngestSettings, responder: IngestResponder, logger: Logger
        ) async throws -> [IngestServer] {
            var servers: [IngestServer] = []
            do {
                if let address = settings.address {
                    servers.append(
                        try await IngestServer(
                            .hostname(address.host, port: address.port), named: "\(address)", guarded: true, settings,
                            responder, logger))
                }
                if let socket = settings.socket {
                    servers.append(try await listen(on: socket, settings, responder, logger))
                }
            } catch {
                for server in servers { await server.stop() }
                throw error
            }
            return servers
        }

        /// The socket gets its name when its permissions are right.
        private static func listen(
            on socket: IngestSettings.Socket, _ settings: IngestSettings, _ responder: IngestResponder, _ logger: Logger
        ) async throws -> IngestServer {
            let partial = "\(socket.path).\(getpid())"
            let server = try await IngestServer(
                .unixDomainSocket(path: partial), named: socket.path, guarded: false, settings, responder, logger)
            do {
                try SocketFile.install(partial, as: socket)
                return server
            } catch {
                await server.stop()
                unlink(partial)
                throw error
            }
        }

        private init(
            _ address: BindAddress, named name: String, guarded: Bool, _ settings: IngestSettings,
            _ responder: IngestResponder, _ logger: Logger
        ) async throws {
            let exchange = IngestExchange(
                responder: responder, guarded: guarded, secondsMax: settings.secondsMax)
            let channel = HTTP1Channel(
                responder: { request, writer, channel in try await exchange.run(request, writer, channel) },
                configuration: .init(
                    idleTimeout: .seconds(Int64(settings.secondsMax)),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: Self.headerByteCountMax, maxHeaderListSize: Self.headerByteCountMax,
                        maxHeaderFieldCount: Self.headerCountMax)))
            let start = Start()
            let server = HTTPServer(
                childChannelSetup: channel,
                configuration: .init(
                    address: address,
                    availableConnectionsDelegate: MaximumAvailableConnections(settings.connectionCountMax)),
                onServerRunning: { _ in start.finish(.success(())) },
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
            self.server = server
            running = Task {
                do { try await server.run() } catch {
                    start.finish(.failure(error))
                    throw error
                }
            }
            do {
                try await start.wait()
            } catch {
                throw GleanerError(
                    .ingestUnavailable, "cannot listen on \(name)",
                    remedy: "let another program go from it, or choose another address", cause: error)
            }
        }

        /// Takes no more connections, and waits for those that are being answered.
        func stop() async {
            let running = running
            let patience = Task {
                try await Task.sleep(for: .seconds(Self.stopSecondsMax))
                running.cancel()
            }
            try? await server.shutdownGracefully()
            _ = await running.result
            patience.cancel()
        }
    }

    /// How a server's start ended, to be waited for once.
    private final class Start: Sendable {
        private enum State {
            case open
            case awaited(CheckedContinuation<Void, any Error>)
            case finished(Result<Void, any Error>)
        }
        private let state = Mutex(State.open)

        func finish(_ result: Result<Void, any Error>) {
            let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
                defer { state = .finished(result) }
                if case .awaited(let waiter) = state { return waiter }
                return nil
            }
            waiter?.resume(with: result)
        }

        func wait() async throws {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<Void, any Error>? in
                    if case .finished(let result) = state { return result }
                    state = .awaited(continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        }
    }
#endif
