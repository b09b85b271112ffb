#if Video
    import Foundation
    public import GleanerCore

    /// A camera or a stream: always its newest frame.
    ///
    /// A thread of its own reads it, because a camera does not wait. Frames that came while nobody was ready are counted
    /// and gone; pixels are made only of those that are taken. Where the stream ends, is cut or is not there yet, that
    /// is said once, and it is tried again: after a second, and then less and less often.
    ///
    /// `@unchecked Sendable`: what the two threads share is touched under `condition` only.
    public final class StreamSource: FrameSource, @unchecked Sendable {
        /// A camera that gives nothing for so long is gone.
        private static let silenceSecondsMax = 10.0
        private static let openSecondsMax = 20.0
        private static let retrySecondsMax = 30.0

        private let ffmpeg: FFmpeg
        private let address: VideoAddress
        private let settings: VideoSettings
        private let stop: StopSignal

        private let condition = NSCondition()
        private var isStarted = false
        /// Nobody took the newest frame yet.
        private var isFresh = false
        private var newest: VideoFrame
        private var capturedAt = Timestamp.now()
        private var lateCount = 0
        private var damagedCount = 0
        private var interruption: GleanerError?

        // Of the thread that takes frames.
        private var taken: VideoFrame
        private let converter: VideoConverter

        /// - Throws: ``GleanerError`` with code `source.unavailable` where FFmpeg is not installed.
        public init(_ address: VideoAddress, settings: VideoSettings, stop: StopSignal) throws(GleanerError) {
            ffmpeg = try FFmpeg.loaded()
            self.address = address
            self.settings = settings
            self.stop = stop
            newest = VideoFrame(ffmpeg)
            taken = VideoFrame(ffmpeg)
            converter = VideoConverter(ffmpeg, keptAs: settings.keptAs)
        }

        /// Looks whether a camera of this machine is there and this user may open it. It stays closed: another program may
        /// have it.
        ///
        /// - Throws: ``GleanerError`` with code `source.unavailable`.
        public static func checkCamera(_ path: String) throws {
            guard access(path, R_OK | W_OK) != 0 else { return }
            let reason = errno
            throw GleanerError(
                .sourceUnavailable, "the camera \(path) cannot be used: \(String(cString: strerror(reason)))",
                remedy: reason == EACCES
                    ? "let this user open it: it belongs into the group video"
                    : "plug it in, or name another; \(Camera.list())")
        }

        public var remainingCount: Int? { nil }
        public var isLive: Bool { true }

        public func next(into buffer: inout FrameBuffer) throws -> SourceEvent {
            let event = take(into: &buffer)
            guard case .frame = event else { return event }
            return converter.put(taken, into: &buffer)
        }

        /// Waits for a frame that is newer than the last one.
        private func take(into buffer: inout FrameBuffer) -> SourceEvent {
            condition.lock()
            defer { condition.unlock() }
            if !isStarted {
                isStarted = true
                let thread = Thread { [self] in watch() }
                thread.name = "camera"
                thread.stackSize = 8 << 20
                thread.start()
            }
            while !stop.isRaised {
                if isFresh {
                    isFresh = false
                    swap(&newest, &taken)
                    buffer.capturedAt = capturedAt
                    buffer.origin = FrameOrigin(source: address.name, name: "\(capturedAt)")
                    buffer.lateCount = lateCount
                    lateCount = 0
                    return .frame
                }
                if damagedCount > 0 {
                    damagedCount -= 1
                    buffer.origin = FrameOrigin(source: address.name, name: "damaged \(Timestamp.now())")
                    buffer.lateCount = 0
                    return .unreadable(GleanerError(.frameUnreadable, "a frame of \(address.name) is damaged"))
                }
                if let interruption {
                    self.interruption = nil
                    buffer.origin = FrameOrigin(source: address.name, name: "")
                    return .interrupted(interruption)
                }
                _ = condition.wait(until: Date(timeIntervalSinceNow: 0.2))
            }
            return .end
        }

        // MARK: The thread that reads

        private func watch() {
            var frame = VideoFrame(ffmpeg)
            var retrySeconds = 1.0
            var isInterrupted = false
            while !stop.isRaised {
                do {
                    try follow(&frame) {
                        retrySeconds = 1
                        isInterrupted = false
                    }
                } catch let error as GleanerError {
                    if !isInterrupted { report(error) }
                    isInterrupted = true
                } catch {
                    return
                }
                _ = stop.wait(seconds: retrySeconds)
                retrySeconds = min(2 * retrySeconds, Self.retrySecondsMax)
            }
        }

        /// Hands out frames until the stream ends, and then throws why.
        private func follow(_ frame: inout VideoFrame, arrived: () -> Void) throws {
            let reader = try VideoReader(
                ffmpeg, address, settings: settings, secondsMax: Self.openSecondsMax, stop: stop)
            // By our own clock: those of cameras say what they like.
            var pace = VideoPace(framesPerSecond: settings.framesPerSecond)
            let begin = ContinuousClock.now
            var hasBegun = false
            while true {
                let step = try reader.next(into: frame, secondsMax: Self.silenceSecondsMax) { _ in
                    pace.admits((.now - begin) / .seconds(1))
                }
                switch step {
                case .frame:
                    hasBegun = true
                    arrived()
                    offer(&frame)
                // Whoever comes into the middle of a stream waits for a key frame.
                case .damaged: if hasBegun { countDamaged() }
                case .end:
                    throw GleanerError(.sourceUnavailable, "\(address.name) has ended", remedy: "it is tried again")
                }
            }
        }

        private func offer(_ next: inout VideoFrame) {
            condition.lock()
            if isFresh { lateCount += 1 }
            swap(&newest, &next)
            capturedAt = .now()
            isFresh = true
            condition.broadcast()
            condition.unlock()
        }

        private func countDamaged() {
            condition.lock()
            damagedCount += 1
            condition.broadcast()
            condition.unlock()
        }

        private func report(_ error: GleanerError) {
            condition.lock()
            interruption = error
            condition.broadcast()
            condition.unlock()
        }
    }
#endif
