#if Video
    import GleanerCapture
    import GleanerCore

    /// `video:PATH`, or a section with `type: video` and `path`.
    enum VideoSourceMaker {
        static let entry = Registry<SourceMaker>.Entry(
            "video", "The frames of a video file, in order."
        ) { options in
            guard let path = options.string("path") else {
                throw GleanerError(.malformed, "the video source lacks its path", remedy: "write `source: video:PATH`")
            }
            let settings = settings(from: options)
            return SourceMaker(
                name: "video:\(path)",
                check: { try VideoFileSource.check(SourceMaker.absolute(path, in: $0)) }
            ) { environment in
                try VideoFileSource(
                    path: environment.absolute(path), name: path, settings: settings, stop: environment.stop,
                    recorded: environment.recorded)
            }
        }

        fileprivate static func settings(from options: OptionReader) -> VideoSettings {
            #if JPEG
                let standard = PictureEncoding.jpeg
            #else
                let standard = PictureEncoding.png
            #endif
            var settings = VideoSettings(
                keptAs: options.choice("encoding", PictureEncoding.self) ?? standard)
            settings.framesPerSecond = options.number("frames_per_second", in: 0.001...1000)
            settings.threadCount = options.integer("threads", in: 1...64) ?? settings.threadCount
            if let numbers = options.integers("region", in: 0...65_535) {
                if numbers.count == 4, numbers[2] > 0, numbers[3] > 0 {
                    settings.region = VideoRegion(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
                } else {
                    options.problems.add(
                        "\(options.path).region", "must be four numbers: left, top, width and height",
                        remedy: "write for example `region: [0, 120, 640, 240]`")
                }
            }
            return settings
        }
    }

    /// `rtsp://HOST/PATH`, `http://HOST/PATH`, or a section with `type: rtsp` and `path: //HOST/PATH`.
    enum StreamSourceMaker {
        static let entries = [
            entry("rtsp", "The newest frame of a network camera; `transport: udp` for one that does not speak TCP.") {
                ["rtsp_transport": ($0.choice("transport", Transport.self) ?? .tcp).rawValue]
            },
            entry("http", "The newest frame of a stream over HTTP, such as Motion JPEG.") { _ in [:] },
            entry("https", "The same over TLS.") { _ in [:] },
        ]

        private enum Transport: String, CaseIterable { case tcp, udp }

        private static func entry(
            _ scheme: String, _ summary: String, _ readOptions: @escaping @Sendable (OptionReader) -> [String: String]
        ) -> Registry<SourceMaker>.Entry {
            Registry<SourceMaker>.Entry(scheme, summary) { options in
                guard let path = options.string("path"), path.hasPrefix("//"), path.count > 2 else {
                    throw GleanerError(
                        .malformed, "the \(scheme) source lacks its address",
                        remedy: "write `source: \(scheme)://HOST/PATH`")
                }
                let settings = VideoSourceMaker.settings(from: options)
                let address = VideoAddress.network("\(scheme):\(path)", options: readOptions(options))
                return SourceMaker(name: address.name) { environment in
                    try StreamSource(address, settings: settings, stop: environment.stop)
                }
            }
        }
    }

    /// `v4l2:/dev/video0`, or a section with `type: v4l2` and `path`.
    enum CameraSourceMaker {
        static let entry = Registry<SourceMaker>.Entry(
            "v4l2", "The newest frame of a camera on the device, such as /dev/video0."
        ) { options in
            guard let path = options.string("path") else {
                throw GleanerError(
                    .malformed, "the v4l2 source lacks its path", remedy: "write `source: v4l2:/dev/video0`")
            }
            let settings = VideoSourceMaker.settings(from: options)
            let wishes = wishes(from: options, settings)
            return SourceMaker(
                name: "v4l2:\(path)", check: { try StreamSource.checkCamera(SourceMaker.absolute(path, in: $0)) }
            ) { environment in
                try StreamSource(
                    .camera(environment.absolute(path), options: wishes), settings: settings, stop: environment.stop
                )
            }
        }

        private enum Format: String, CaseIterable { case mjpeg, yuyv }

        /// What the camera is asked for, in FFmpeg's words.
        private static func wishes(from options: OptionReader, _ settings: VideoSettings) -> [String: String] {
            var wishes: [String: String] = [:]
            wishes["framerate"] = settings.framesPerSecond.map { "\($0)" }
            wishes["input_format"] = options.choice("format", Format.self).map { $0 == .mjpeg ? "mjpeg" : "yuyv422" }
            switch (options.integer("width", in: 1...65_535), options.integer("height", in: 1...65_535)) {
            case (let width?, let height?): wishes["video_size"] = "\(width)x\(height)"
            case (nil, nil): break
            default:
                options.problems.add(
                    options.path, "has one of width and height",
                    remedy: "give both, or none for what the camera is set to")
            }
            return wishes
        }
    }
#else
    import GleanerCore

    enum VideoSourceMaker {
        static let entry = missing("video", "The frames of a video file")

        fileprivate static func missing(_ name: String, _ what: String) -> Registry<SourceMaker>.Entry {
            Registry<SourceMaker>.Entry(name, "\(what); not in this build.") { _ in
                throw GleanerError(
                    .malformed, "this build of gleaner reads no videos and no cameras",
                    remedy: "install libavformat-dev and libswscale-dev and build with `swift build --traits Full`")
            }
        }
    }

    enum StreamSourceMaker {
        static let entries = ["rtsp", "http", "https"].map {
            VideoSourceMaker.missing($0, "The newest frame of a network camera")
        }
    }

    enum CameraSourceMaker {
        static let entry = VideoSourceMaker.missing("v4l2", "The newest frame of a camera on the device")
    }
#endif
