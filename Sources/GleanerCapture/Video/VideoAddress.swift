#if Video
    public import GleanerCore

    /// Where a video is, as FFmpeg opens it.
    public struct VideoAddress: Sendable {
        let url: String
        /// What is there, where the address alone does not tell.
        private(set) var device: VideoDevice?
        private(set) var options: [String: String] = [:]
        /// How messages and samples name it: without the password that an address may have.
        public let name: String

        /// A path is never taken for the address of something else.
        static func file(_ path: String) -> VideoAddress { VideoAddress(url: "file:\(path)", name: "file:\(path)") }

        /// - Parameters:
        ///   - url: `rtsp://camera/1`, `http://camera/video`.
        ///   - options: FFmpeg's, for opening it.
        public static func network(_ url: String, options: [String: String] = [:]) -> VideoAddress {
            // A camera of one frame a second would be looked at for twenty, to learn how fast it is.
            let brief = ["analyzeduration": "1000000", "fpsprobesize": "0"]
            return VideoAddress(url: url, options: options.merging(brief) { given, _ in given }, name: printable(url))
        }

        /// A camera on the device.
        ///
        /// - Parameters:
        ///   - path: `/dev/video0`.
        ///   - options: FFmpeg's; what the camera cannot do, its driver replaces by what comes near.
        /// - Throws: ``GleanerError`` with code `source.unavailable` where FFmpeg's library for it is missing.
        public static func camera(_ path: String, options: [String: String] = [:]) throws(GleanerError) -> VideoAddress
        {
            VideoAddress(url: path, device: try .named("video4linux2"), options: options, name: "v4l2:\(path)")
        }

        /// What to do where it does not open.
        var remedy: String {
            guard device != nil else { return "check that it is there, and that `ffprobe` shows a video in it" }
            return "check that this user may open it (group video); `v4l2-ctl --list-devices` shows which cameras "
                + "there are, and with `--list-formats-ext --device \(url)` what one can do"
        }

        private static func printable(_ url: String) -> String {
            guard let scheme = url.firstRange(of: "://") else { return url }
            let rest = url[scheme.upperBound...]
            guard let at = rest.prefix(while: { $0 != "/" }).lastIndex(of: "@") else { return url }
            return "\(url[..<scheme.upperBound])…@\(url[url.index(after: at)...])"
        }
    }
#endif
