#if Video
    import CFFmpeg
    import GleanerCore

    /// A kind of device that FFmpeg reads, such as the cameras of Linux.
    ///
    /// `@unchecked Sendable`: FFmpeg's description of a format is a constant.
    struct VideoDevice: @unchecked Sendable {
        let format: UnsafePointer<AVInputFormat>

        /// - Throws: ``GleanerError`` with code `source.unavailable`.
        static func named(_ name: String) throws(GleanerError) -> VideoDevice {
            let ffmpeg = try FFmpeg.loaded().functions
            try FFmpeg.loadDevices()
            guard let format = ffmpeg.av_find_input_format(name) else {
                throw GleanerError(
                    .sourceUnavailable, "FFmpeg's devices have no \(name)",
                    remedy: "install the FFmpeg of the distribution")
            }
            return VideoDevice(format: format)
        }
    }
#endif
