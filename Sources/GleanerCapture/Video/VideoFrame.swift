#if Video
    import CFFmpeg

    /// A frame that was read and that nobody looked at yet.
    ///
    /// FFmpeg counts who refers to its memory: handing a frame on copies nothing, and what was read and is not wanted
    /// costs nothing more. It is used again from frame to frame.
    ///
    /// `@unchecked Sendable`: it has one owner at a time.
    final class VideoFrame: @unchecked Sendable {
        private(set) var decoded = av_frame_alloc()

        deinit { av_frame_free(&decoded) }
    }
#endif
