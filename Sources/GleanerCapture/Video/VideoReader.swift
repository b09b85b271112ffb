#if Video
    import CFFmpeg
    import Foundation
    import GleanerCore
    import Synchronization

    /// The video of a file or a stream, decoded frame by frame; one of JPEGs is left as it is, where frames are kept so.
    ///
    /// Frames that the decoder knows to be damaged are left out, with those that stand on them: a model would predict on
    /// the smear. Most codecs have no checksums, so what was changed and still reads like a video passes.
    ///
    /// Not `Sendable`: it belongs to the thread of its source.
    final class VideoReader {
        /// What a video lets one know of a frame.
        struct Frame {
            /// From 1, counted as they are decoded, with the damaged ones that the decoder tells of.
            var number: Int
            /// By the video's own clock, which need not begin at 0; `nil` if it has none.
            var seconds: Double?
        }

        /// What came next.
        enum Step {
            case frame(Frame)
            case damaged(number: Int)
            case end
        }

        private let ffmpeg: gleaner_av
        private let opened: Opened
        private let region: VideoRegion?
        private let isDevice: Bool
        private var input: UnsafeMutablePointer<AVFormatContext>?
        private var codec: UnsafeMutablePointer<AVCodecContext>?
        /// Each packet is a picture of its own, and kept as it was captured.
        private var givesPictures = false
        private var packet: UnsafeMutablePointer<AVPacket>?
        private var streamIndex: Int32 = -1
        private var secondsPerTick = 0.0
        private var frameCount = 0
        /// Nothing that comes before the next key frame is whole.
        private var isBroken = false

        /// What was opened: how long it is waited for, and what is said when it fails.
        private final class Opened: Sendable {
            private let ffmpeg: FFmpeg
            private let address: VideoAddress
            private let stop: StopSignal
            private let deadline: Mutex<ContinuousClock.Instant?> = Mutex(nil)

            init(_ ffmpeg: FFmpeg, _ address: VideoAddress, stop: StopSignal) {
                self.ffmpeg = ffmpeg
                self.address = address
                self.stop = stop
            }

            func beginWaiting(secondsMax: Double?) {
                deadline.withLock { $0 = secondsMax.map { .now + .seconds($0) } }
            }

            /// Waits between two looks at a device, much less than its frames are apart.
            func pause() { _ = stop.wait(seconds: 0.005) }

            var isWaitOver: Bool { stop.isRaised || deadline.withLock { $0.map { $0 < .now } ?? false } }

            /// - Parameter what: what was tried, as in `opening`.
            @discardableResult
            func check(_ status: Int32, _ what: String) throws -> Int32 {
                guard status < 0 else { return status }
                if stop.isRaised { throw VideoStopped() }
                if isWaitOver { throw failure("gave nothing in time while \(what) it") }
                var text = [CChar](repeating: 0, count: 128)
                _ = ffmpeg.functions.av_strerror(status, &text, text.count)
                let reason = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                throw failure("\(reason), while \(what) it")
            }

            func failure(_ what: String) -> GleanerError {
                GleanerError(.sourceUnavailable, "\(address.name): \(what)", remedy: address.remedy)
            }
        }

        /// Opens the video and finds out what it holds.
        ///
        /// - Parameters:
        ///   - settings: what to make of its frames.
        ///   - secondsMax: that it may take.
        /// - Throws: ``GleanerError`` with code `source.unavailable`.
        init(
            _ library: FFmpeg, _ address: VideoAddress, settings: VideoSettings, secondsMax: Double? = nil,
            stop: StopSignal
        ) throws {
            ffmpeg = library.functions
            isDevice = address.device != nil
            opened = Opened(library, address, stop: stop)
            region = settings.region
            packet = ffmpeg.av_packet_alloc()
            let input = try Self.open(ffmpeg, address, opened, secondsMax)
            self.input = input
            // Devices say all when they are opened.
            if !isDevice { try opened.check(ffmpeg.avformat_find_stream_info(input, nil), "looking into") }
            var decoder: UnsafePointer<AVCodec>?
            streamIndex = try opened.check(
                ffmpeg.av_find_best_stream(input, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0), "finding a video in")
            guard let stream = input.pointee.streams[Int(streamIndex)] else { throw opened.failure("has no video") }
            for index in 0..<Int(input.pointee.nb_streams) where index != Int(streamIndex) {
                input.pointee.streams[index]?.pointee.discard = AVDISCARD_ALL
            }
            let base = stream.pointee.time_base
            secondsPerTick = Double(base.num) / Double(max(base.den, 1))
            givesPictures = settings.keepsPictures(of: stream.pointee.codecpar.pointee)
            if !givesPictures {
                try openDecoder(decoder, stream.pointee.codecpar, threadCount: settings.threadCount)
            }
        }

        private func openDecoder(
            _ decoder: UnsafePointer<AVCodec>?, _ parameters: UnsafePointer<AVCodecParameters>, threadCount: Int
        ) throws {
            codec = ffmpeg.avcodec_alloc_context3(decoder)
            guard let codec else { throw opened.failure("no memory") }
            try opened.check(ffmpeg.avcodec_parameters_to_context(codec, parameters), "opening")
            codec.pointee.thread_count = Int32(threadCount)
            // Else it would keep to itself what stands on frames that it never had, and nobody could count it.
            codec.pointee.flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT
            try opened.check(ffmpeg.avcodec_open2(codec, decoder, nil), "opening the decoder of")
        }

        deinit {
            ffmpeg.avcodec_free_context(&codec)
            ffmpeg.avformat_close_input(&input)
            ffmpeg.av_packet_free(&packet)
        }

        private static func open(
            _ ffmpeg: gleaner_av, _ address: VideoAddress, _ opened: Opened, _ secondsMax: Double?
        ) throws -> UnsafeMutablePointer<AVFormatContext> {
            var input = ffmpeg.avformat_alloc_context()
            input?.pointee.interrupt_callback.callback = { opaque in
                guard let opaque else { return 0 }
                return Unmanaged<Opened>.fromOpaque(opaque).takeUnretainedValue().isWaitOver ? 1 : 0
            }
            // The reader owns both, and closes the input first.
            input?.pointee.interrupt_callback.opaque = Unmanaged.passUnretained(opened).toOpaque()
            var dictionary: OpaquePointer?
            defer { ffmpeg.av_dict_free(&dictionary) }
            for (name, value) in address.options { _ = ffmpeg.av_dict_set(&dictionary, name, value, 0) }
            // A device that waits for a frame cannot be interrupted.
            if address.device != nil { input?.pointee.flags |= AVFMT_FLAG_NONBLOCK }
            opened.beginWaiting(secondsMax: secondsMax)
            // It frees the input where it fails.
            try opened.check(
                ffmpeg.avformat_open_input(&input, address.url, address.device?.format, &dictionary), "opening")
            guard let input else { throw opened.failure("no memory") }
            return input
        }

        // MARK: Frames

        /// Reads the next frame.
        ///
        /// - Parameters:
        ///   - secondsMax: that a frame may take, wanted or not.
        ///   - wants: whether a frame is wanted; the others are passed over.
        /// - Returns: the frame that was wanted, or a damaged one on the way there.
        /// - Throws: ``GleanerError`` with code `source.unavailable` when the video cannot go on; ``VideoStopped``.
        func next(
            into target: VideoFrame, secondsMax: Double? = nil, wants: (Frame) throws -> Bool = { _ in true }
        ) throws -> Step {
            while true {
                opened.beginWaiting(secondsMax: secondsMax)
                target.clear()
                guard let isWhole = try givesPictures ? readPicture(target) : decode(into: target) else { return .end }
                frameCount += 1
                isBroken = !isWhole || isBroken && !target.standsAlone
                guard !isBroken, !target.isUnsupported else { return .damaged(number: frameCount) }
                let found = Frame(number: frameCount, seconds: target.ticks.map { Double($0) * secondsPerTick })
                guard try wants(found) else { continue }
                if let frame = target.decoded { try region?.crop(frame, ffmpeg) }
                return .frame(found)
            }
        }

        /// Gets the next picture; returns whether there is one in its packet, or `nil` at the end. Whoever looks at it
        /// sees whether it is whole.
        private func readPicture(_ target: VideoFrame) throws -> Bool? {
            guard let packet = target.packet, try read(into: packet) else { return nil }
            return target.picture != nil && packet.pointee.flags & AV_PKT_FLAG_CORRUPT == 0
        }

        /// Has the decoder give its next frame; returns whether it is whole, or `nil` at the end.
        private func decode(into target: VideoFrame) throws -> Bool? {
            while let codec, let frame = target.decoded {
                let received = ffmpeg.avcodec_receive_frame(codec, frame)
                switch received {
                case gleaner_av_needs_more(): if try !feed(codec) { return false }
                case gleaner_av_end(): return nil
                case gleaner_av_damaged(): return false
                default:
                    try opened.check(received, "decoding")
                    return frame.pointee.decode_error_flags == 0
                }
            }
            return nil
        }

        /// Gives the decoder the next piece of the video; `false` when it is damaged.
        private func feed(_ codec: UnsafeMutablePointer<AVCodecContext>) throws -> Bool {
            guard let packet else { return false }
            defer { ffmpeg.av_packet_unref(packet) }
            guard try read(into: packet) else {
                // What the decoder still holds comes out after this.
                try opened.check(ffmpeg.avcodec_send_packet(codec, nil), "decoding")
                return true
            }
            // The decoder would take it for the end.
            guard packet.pointee.size > 0 else { return false }
            let sent = ffmpeg.avcodec_send_packet(codec, packet)
            guard sent != gleaner_av_damaged() else { return false }
            try opened.check(sent, "decoding")
            return true
        }

        /// Reads the next packet of the video; `false` at its end.
        private func read(into packet: UnsafeMutablePointer<AVPacket>) throws -> Bool {
            while true {
                ffmpeg.av_packet_unref(packet)
                let read = ffmpeg.av_read_frame(input, packet)
                switch read {
                case gleaner_av_end() where !opened.isWaitOver: return false
                case gleaner_av_needs_more() where !opened.isWaitOver: opened.pause()
                default:
                    try opened.check(read, "reading")
                    guard packet.pointee.stream_index == streamIndex else { continue }
                    // The memory of a device's packets goes when it is closed, whoever holds them.
                    if isDevice {
                        try opened.check(withUnsafePointer(to: ffmpeg) { gleaner_av_own($0, packet) }, "reading")
                    }
                    return true
                }
            }
        }
    }

    /// The collector stops; nobody wants to know more.
    struct VideoStopped: Error {}

    extension VideoSettings {
        /// Whether packets are pictures that are kept as they were captured: JPEGs, whole ones and not fields of lines.
        fileprivate func keepsPictures(of parameters: AVCodecParameters) -> Bool {
            parameters.codec_id == AV_CODEC_ID_MJPEG && keptAs == .jpeg && region == nil
                && parameters.field_order.rawValue <= AV_FIELD_PROGRESSIVE.rawValue
        }
    }

    extension VideoRegion {
        fileprivate func crop(_ frame: UnsafeMutablePointer<AVFrame>, _ ffmpeg: gleaner_av) throws {
            let (right, bottom) = (Int(frame.pointee.width) - x - width, Int(frame.pointee.height) - y - height)
            guard right >= 0, bottom >= 0 else {
                throw GleanerError(
                    .sourceUnavailable,
                    "the region ends at \(x + width), \(y + height), and the frames have \(frame.pointee.width) × "
                        + "\(frame.pointee.height) pixels", remedy: "name a region that lies in the frame")
            }
            (frame.pointee.crop_left, frame.pointee.crop_right) = (x, right)
            (frame.pointee.crop_top, frame.pointee.crop_bottom) = (y, bottom)
            guard ffmpeg.av_frame_apply_cropping(frame, Int32(AV_FRAME_CROP_UNALIGNED)) == 0 else {
                throw GleanerError(.sourceUnavailable, "the region cannot be cut out of the frames")
            }
        }
    }
#endif
