#if Video
    import CFFmpeg
    import GleanerCore

    /// FFmpeg's libraries, loaded when the first video is opened and never unloaded.
    ///
    /// They ask for a hundred and fifty others. Whoever watches a folder, or only asks how things are, has neither to
    /// wait for those nor to hold them in memory, nor to have them installed.
    struct FFmpeg {
        /// Under their own names.
        let functions: gleaner_av

        /// - Throws: ``GleanerError`` with code `source.unavailable` where they are missing.
        static func loaded() throws(GleanerError) -> FFmpeg { try library.get().ffmpeg }

        /// `@unchecked Sendable`: the addresses of functions, which do not change.
        private struct Library: @unchecked Sendable {
            let ffmpeg: FFmpeg
        }

        private static let library: Result<Library, GleanerError> = {
            let table = UnsafeMutablePointer<gleaner_av>.allocate(capacity: 1)
            defer { table.deallocate() }
            if let reason = why({ gleaner_av_load(table, $0, $1) }) {
                return .failure(
                    missing(
                        "videos and streams need", "libavformat.so.\(LIBAVFORMAT_VERSION_MAJOR)", reason,
                        packages: "libavformat\(LIBAVFORMAT_VERSION_MAJOR) libswscale\(LIBSWSCALE_VERSION_MAJOR)"))
            }
            // What goes wrong is thrown; FFmpeg would write it, and much else, to standard error.
            table.pointee.av_log_set_level(AV_LOG_QUIET)
            return .success(Library(ffmpeg: FFmpeg(functions: table.pointee)))
        }()

        /// Its devices have a library of their own, which asks for much that no headless machine has.
        static func loadDevices() throws(GleanerError) { try devices.get() }

        private static let devices: Result<Void, GleanerError> = {
            guard let reason = why(gleaner_av_load_devices) else { return .success(()) }
            return .failure(
                missing(
                    "cameras on the device need", "libavdevice.so.\(LIBAVFORMAT_VERSION_MAJOR)", reason,
                    packages: "libavdevice\(LIBAVFORMAT_VERSION_MAJOR)"))
        }()

        /// Why something could not be loaded; `nil` when it could.
        private static func why(_ load: (UnsafeMutablePointer<CChar>, Int) -> Int32) -> String? {
            var reason = [CChar](repeating: 0, count: 512)
            let isLoaded = reason.withUnsafeMutableBufferPointer { buffer in
                buffer.baseAddress.map { load($0, buffer.count) != 0 } ?? false
            }
            return isLoaded
                ? nil : String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }

        private static func missing(
            _ who: String, _ fileName: String, _ reason: String, packages: String
        ) -> GleanerError {
            GleanerError(
                .sourceUnavailable, "\(who) FFmpeg's \(fileName): \(reason)",
                remedy: "install it; on Debian: apt-get install \(packages)")
        }
    }
#endif
