#if Video
    public import GleanerCore

    /// The frames of a video file, in order, each once; after a restart those that were not recorded yet.
    ///
    /// A frame's name is its number, from 1; a file with another size or time is another video.
    ///
    /// `@unchecked Sendable`: it belongs to one thread at a time, as every source does.
    public final class VideoFileSource: FrameSource, @unchecked Sendable {
        /// `nil` when it was stopped before it was open.
        private let reader: VideoReader?
        private let frame: VideoFrame
        private let converter: VideoConverter
        private let origin: FrameOrigin
        private let settings: VideoSettings
        private let stop: StopSignal
        private let recorded: RecordedOrigins
        /// The numbers that were turned to last, and what is recorded of them.
        private var page: (numbers: Range<Int>, recorded: Set<FrameOrigin>) = (0..<0, [])
        private static let pageCount = 256
        private var pace: VideoPace

        /// - Parameters:
        ///   - path: The file.
        ///   - name: What the configuration calls it, part of every frame's origin. The path itself by default.
        ///   - stop: Ends the source.
        ///   - recorded: Finds what was recorded already, which is not given again.
        /// - Throws: ``GleanerError`` with code `source.unavailable` when the file is missing or holds no video, or FFmpeg is not
        ///   installed.
        public init(
            path: String, name: String? = nil, settings: VideoSettings, stop: StopSignal,
            recorded: @escaping RecordedOrigins
        ) throws {
            let state = try Self.state(of: path)
            origin = FrameOrigin(
                source: "video:\(name ?? path)", name: "", byteCount: state.byteCount,
                modifiedNanoseconds: state.modifiedNanoseconds)
            self.settings = settings
            let ffmpeg = try FFmpeg.loaded()
            frame = VideoFrame(ffmpeg)
            converter = VideoConverter(ffmpeg, keptAs: settings.keptAs)
            self.stop = stop
            self.recorded = recorded
            pace = VideoPace(framesPerSecond: settings.framesPerSecond)
            do {
                reader = try VideoReader(ffmpeg, .file(path), settings: settings, stop: stop)
            } catch is VideoStopped {
                reader = nil
            }
        }

        /// Looks whether the file is there, and leaves it at that.
        ///
        /// - Throws: ``GleanerError`` with code `source.unavailable`.
        public static func check(_ path: String) throws { _ = try state(of: path) }

        private static func state(of path: String) throws -> FrameFile.State {
            do throws(FrameFile.Failure) {
                return try FrameFile.state(of: Array(path.utf8))
            } catch {
                throw GleanerError(
                    .sourceUnavailable, error.description(of: Array(path.utf8), byteCountMax: .max).message,
                    remedy: "name a video file that is there")
            }
        }

        public var remainingCount: Int? { nil }

        public func next(into buffer: inout FrameBuffer) throws -> SourceEvent {
            buffer.capturedAt = nil
            buffer.origin = origin
            while let reader, !stop.isRaised {
                let step: VideoReader.Step
                do {
                    step = try reader.next(into: frame) {
                        try !stop.isRaised && pace.admits($0.seconds) && !isKnown($0.number)
                    }
                } catch is VideoStopped {
                    return .end
                }
                switch step {
                case .frame(let found):
                    buffer.origin = origin(of: found.number)
                    return converter.put(frame, into: &buffer)
                case .damaged(let number):
                    buffer.origin = origin(of: number)
                    if try isKnown(number) { continue }
                    return .unreadable(
                        GleanerError(.frameUnreadable, "frame \(number) of \(origin.source) is damaged"))
                case .end: return .end
                }
            }
            return .end
        }

        private func isKnown(_ number: Int) throws -> Bool {
            if !page.numbers.contains(number) {
                let numbers = number..<number + Self.pageCount
                page = (numbers, try recorded(origin.source, numbers.map { "\($0)" }))
            }
            return page.recorded.contains(origin(of: number))
        }

        private func origin(of number: Int) -> FrameOrigin {
            var origin = origin
            origin.name = "\(number)"
            return origin
        }
    }
#endif
