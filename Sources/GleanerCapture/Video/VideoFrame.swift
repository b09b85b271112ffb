#if Video
    import CFFmpeg

    /// A frame that was read and that nobody looked at yet: decoded, or the picture that it came as.
    ///
    /// FFmpeg counts who refers to its memory: handing a frame on copies nothing, and what was read and is not wanted
    /// costs nothing more. It is used again from frame to frame.
    ///
    /// `@unchecked Sendable`: it has one owner at a time.
    final class VideoFrame: @unchecked Sendable {
        private(set) var decoded: UnsafeMutablePointer<AVFrame>?
        private(set) var packet: UnsafeMutablePointer<AVPacket>?
        private let ffmpeg: gleaner_av

        init(_ ffmpeg: FFmpeg) {
            self.ffmpeg = ffmpeg.functions
            decoded = self.ffmpeg.av_frame_alloc()
            packet = self.ffmpeg.av_packet_alloc()
        }

        deinit {
            ffmpeg.av_frame_free(&decoded)
            ffmpeg.av_packet_free(&packet)
        }

        /// The bytes of a picture; `nil` if it was decoded instead.
        var picture: UnsafeRawBufferPointer? {
            guard let packet = packet?.pointee, packet.size > 0 else { return nil }
            return UnsafeRawBufferPointer(start: packet.data, count: Int(packet.size))
        }

        /// Whether it can be read without those before it.
        var standsAlone: Bool { picture != nil || decoded?.pointee.key_frame != 0 }

        /// Whether it stands on frames that the decoder never had. It says so of each one: those that follow may be whole
        /// without a key frame, in videos that have none.
        var isUnsupported: Bool { decoded.map { $0.pointee.flags & AV_FRAME_FLAG_CORRUPT != 0 } ?? false }

        /// In the time base of its video.
        var ticks: Int64? {
            let ticks = picture == nil ? decoded?.pointee.best_effort_timestamp : packet?.pointee.pts
            return ticks == gleaner_av_no_time() ? nil : ticks
        }

        func clear() {
            ffmpeg.av_frame_unref(decoded)
            ffmpeg.av_packet_unref(packet)
        }
    }
#endif
