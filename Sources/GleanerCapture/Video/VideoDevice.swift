#if Video
    import CFFmpeg
    import GleanerCore

    #if canImport(Glibc)
        import Glibc
    #elseif canImport(Musl)
        import Musl
    #endif

    /// A kind of device that FFmpeg reads, such as the cameras of Linux.
    ///
    /// FFmpeg has its devices in a library of its own, which asks for much that no headless machine has. So it is not
    /// linked: it is loaded when the first camera is asked for, and never unloaded.
    ///
    /// `@unchecked Sendable`: FFmpeg's description of a format is a constant.
    struct VideoDevice: @unchecked Sendable {
        let format: UnsafePointer<AVInputFormat>

        /// - Throws: ``GleanerError`` with code `source.unavailable`.
        static func named(_ name: String) throws(GleanerError) -> VideoDevice {
            try library.get()
            guard let format = av_find_input_format(name) else {
                throw GleanerError(
                    .sourceUnavailable, "\(fileName) knows no \(name)", remedy: "install the FFmpeg of the distribution"
                )
            }
            return VideoDevice(format: format)
        }

        /// FFmpeg numbers it as it numbers libavformat, and they must fit.
        private static let fileName = "libavdevice.so.\(LIBAVFORMAT_VERSION_MAJOR)"

        private static let library: Result<Void, GleanerError> = {
            guard let library = dlopen(fileName, RTLD_NOW | RTLD_LOCAL),
                let symbol = dlsym(library, "avdevice_register_all")
            else {
                return .failure(
                    GleanerError(
                        .sourceUnavailable,
                        "cameras on the device need FFmpeg's \(fileName): \(dlerror().map { String(cString: $0) } ?? "")",
                        remedy: "install it; on Debian: apt-get install libavdevice\(LIBAVFORMAT_VERSION_MAJOR)"))
            }
            typealias Register = @convention(c) () -> Void
            unsafeBitCast(symbol, to: Register.self)()
            return .success(())
        }()
    }
#endif
