#if Console
    public import Foundation
    public import GleanerCore
    public import Logging
    import Synchronization

    /// Frames that other programs hand over with what their model said of them, over HTTP.
    ///
    /// A request is answered when what became of its frame is durable. A frame that was handed over before is not given
    /// again: who asks again hears what was answered, as long as that is remembered.
    public final class IngestSource: FrameSource {
        /// What the collector knows and this does not.
        public struct Collector: Sendable {
            /// What was answered, in this run or an earlier one.
            public var answer: @Sendable (FrameOrigin) throws -> FrameAnswer?
            /// Makes a model known, or throws with code `model.differs`.
            public var introduce: @Sendable (ModelManifest) throws -> Void
            /// Looks at a picture's header.
            public var frameSize: @Sendable (Data) throws -> FrameSize

            public init(
                answer: @escaping @Sendable (FrameOrigin) throws -> FrameAnswer?,
                introduce: @escaping @Sendable (ModelManifest) throws -> Void,
                frameSize: @escaping @Sendable (Data) throws -> FrameSize
            ) {
                self.answer = answer
                self.introduce = introduce
                self.frameSize = frameSize
            }
        }

        private let desk: IngestDesk
        private let collector: Collector
        private let stop: StopSignal
        private let servers: [IngestServer]
        private let socket: IngestSettings.Socket?
        /// Most frames are of the model before.
        private let introduced = Mutex<ModelManifest?>(nil)

        /// Listens from when it returns.
        ///
        /// - Throws: ``GleanerError`` with code `ingest.unavailable`.
        public init(
            _ settings: IngestSettings, collector: Collector, stop: StopSignal, logger: Logger
        ) async throws {
            self.collector = collector
            self.stop = stop
            socket = settings.socket
            // Bodies of all places, and of some requests that will find none.
            let desk = IngestDesk(
                placeCountMax: settings.placeCountMax,
                bodyByteCountMax: (settings.placeCountMax + 2) * settings.bodyByteCountMax)
            self.desk = desk
            let responder = IngestResponder(settings, desk: desk, frameSize: collector.frameSize)
            servers = try await IngestServer.start(settings, responder: responder, logger: logger)
        }

        public var remainingCount: Int? { nil }

        public func next(into buffer: inout FrameBuffer) throws -> SourceEvent {
            while let frame = desk.next(until: stop) {
                if let answer = try collector.answer(frame.origin) {
                    desk.settle(frame.origin, answer, isKnown: true)
                    continue
                }
                do {
                    try introduce(frame.given.model)
                } catch let error as GleanerError where error.code == .modelDiffers {
                    desk.refuse(frame.origin, because: error)
                    continue
                }
                buffer.origin = frame.origin
                buffer.capturedAt = frame.capturedAt
                buffer.content = .encoded
                buffer.encoded = Array(frame.picture)
                buffer.given = frame.given
                return .frame
            }
            return .end
        }

        private func introduce(_ model: ModelManifest) throws {
            guard introduced.withLock({ $0 }) != model else { return }
            try collector.introduce(model)
            introduced.withLock { $0 = model }
        }

        public func settled(_ origin: FrameOrigin, _ answer: FrameAnswer) {
            desk.settle(origin, answer, isKnown: false)
        }

        public func close() async {
            if let socket { SocketFile.remove(socket) }
            desk.close()
            await withTaskGroup(of: Void.self) { group in
                for server in servers { group.addTask { await server.stop() } }
            }
        }
    }
#endif
