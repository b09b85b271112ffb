#if Video
    import CFFmpeg
    import GleanerCore

    /// Makes of what was read what is judged: pixels of what a decoder gave, or a picture as it was captured.
    ///
    /// Colours become what the video says they are (BT.601 or BT.709, full or limited range).
    ///
    /// Not `Sendable`: it belongs to the thread that takes a source's frames.
    final class VideoConverter {
        private let ffmpeg: gleaner_av
        private let keptAs: PictureEncoding
        private var scaler: OpaquePointer?
        private var scaled: Scaled?

        init(_ ffmpeg: FFmpeg, keptAs: PictureEncoding) {
            self.ffmpeg = ffmpeg.functions
            self.keptAs = keptAs
        }

        deinit { ffmpeg.sws_freeContext(scaler) }

        /// What the scaler was made for.
        private struct Scaled: Equatable {
            var width: Int32
            var height: Int32
            var format: Int32
            var isBT709: Bool
            var isFullRange: Bool

            init(_ frame: UnsafeMutablePointer<AVFrame>) {
                width = frame.pointee.width
                height = frame.pointee.height
                format = frame.pointee.format
                isBT709 = frame.pointee.colorspace == AVCOL_SPC_BT709
                isFullRange = frame.pointee.color_range == AVCOL_RANGE_JPEG
            }
        }

        /// Puts a frame where the collector takes it from; returns what the source has to say of it.
        func put(_ frame: VideoFrame, into buffer: inout FrameBuffer) -> SourceEvent {
            if let picture = frame.picture {
                buffer.content = .encoded
                MotionJPEG.copy(picture, to: &buffer.encoded)
                return .frame
            }
            buffer.content = .pixels(keptAs: keptAs)
            guard let decoded = frame.decoded, convert(decoded, into: &buffer.pixels) else {
                return .unreadable(
                    GleanerError(
                        .frameUnreadable, "a frame of \(buffer.origin.source) is of a kind that cannot be converted"))
            }
            return .frame
        }

        private func convert(_ frame: UnsafeMutablePointer<AVFrame>, into pixels: inout PixelBuffer) -> Bool {
            let wanted = Scaled(frame)
            if scaled != wanted { makeScaler(for: wanted) }
            guard let scaler else { return false }
            pixels.resize(width: Int(wanted.width), height: Int(wanted.height))
            let rows = pixels.withMutableBytes { target in
                withUnsafePointer(to: ffmpeg) {
                    gleaner_av_scale($0, scaler, frame, target.baseAddress, 3 * wanted.width)
                }
            }
            return rows == wanted.height
        }

        private func makeScaler(for wanted: Scaled) {
            ffmpeg.sws_freeContext(scaler)
            scaler = ffmpeg.sws_getContext(
                wanted.width, wanted.height, AVPixelFormat(wanted.format), wanted.width, wanted.height,
                AV_PIX_FMT_RGB24, SWS_BILINEAR, nil, nil, nil)
            scaled = wanted
            _ = ffmpeg.sws_setColorspaceDetails(
                scaler, ffmpeg.sws_getCoefficients(wanted.isBT709 ? SWS_CS_ITU709 : SWS_CS_DEFAULT),
                wanted.isFullRange ? 1 : 0, ffmpeg.sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16)
        }
    }
#endif
