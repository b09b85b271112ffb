#if Console
    import Foundation
    import GleanerConsole
    import GleanerCore
    import GleanerImaging

    /// `ingest`, or a section with `type: ingest` and where to listen.
    enum IngestSourceMaker {
        static let entry = Registry<SourceMaker>.Entry(
            "ingest", "Frames that other programs hand over with their model's predictions, over HTTP."
        ) { options in
            let tokenFile = options.string("token_file")
            let settings = settings(from: options, hasToken: tokenFile != nil)
            let places = [settings.address.map { "\($0)" }, settings.socket?.path].compactMap(\.self)
            return SourceMaker(
                name: "ingest at \(places.joined(separator: " and "))", givesPredictions: true,
                check: { folder in
                    _ = try tokenFile.map { try token(in: SourceMaker.absolute($0, in: folder)) }
                }
            ) { environment in
                guard !environment.endsAtLast else {
                    throw GleanerError(
                        .malformed, "frames that are handed over have no last one",
                        remedy: "leave --until-end out, and stop it with Ctrl-C or SIGTERM")
                }
                var settings = settings
                settings.token = try tokenFile.map { try token(in: environment.absolute($0)) }
                if let path = settings.socket?.path { settings.socket?.path = environment.absolute(path) }
                return try await IngestSource(
                    settings,
                    collector: .init(
                        answer: environment.answer, introduce: environment.introduce, frameSize: frameSize(of:)),
                    stop: environment.stop, logger: environment.logger)
            }
        }

        private static func settings(from options: OptionReader, hasToken: Bool) -> IngestSettings {
            var settings = IngestSettings()
            let group = options.string("socket_group")
            settings.socket = options.string("socket").map { .init(path: $0, group: group) }
            let standard = settings.socket == nil ? "127.0.0.1:8790" : nil
            if let text = options.string("listen") ?? standard {
                settings.address = address(text, options, hasToken: hasToken)
            }
            settings.labels = options.strings("labels")
            settings.placeCountMax = options.integer("frames_waiting_max", in: 1...64) ?? settings.placeCountMax
            if let count = options.byteCount("body_bytes_max") {
                settings.bodyByteCountMax = count
                if !(64 << 10...256 << 20).contains(count) {
                    options.problems.add(
                        "\(options.path).body_bytes_max", "must be 64 KiB to 256 MiB", remedy: "16 MiB is usual")
                }
            }
            settings.secondsMax = options.integer("request_seconds_max", in: 1...3600) ?? settings.secondsMax
            if group != nil, settings.socket == nil {
                options.problems.add(
                    "\(options.path).socket_group", "is the group of no socket", remedy: "add `socket: PATH`")
            }
            return settings
        }

        private static func address(
            _ text: String, _ options: OptionReader, hasToken: Bool
        ) -> IngestSettings.Address? {
            guard let address = IngestSettings.Address(text) else {
                options.problems.add(
                    "\(options.path).listen", "'\(text.prefix(100))' is no address with a port",
                    remedy: "write for example `listen: 127.0.0.1:8790`")
                return nil
            }
            if !address.isLoopback, !hasToken {
                options.problems.add(
                    "\(options.path).listen", "\(address) is reached from other machines, and no token is asked for",
                    remedy: "add `token_file: PATH`, or listen at 127.0.0.1")
            }
            return address
        }

        /// - Throws: ``GleanerError`` when there is no such file, it cannot be read, or it holds no token.
        private static func token(in path: String) throws -> String {
            let bytes: Data
            do {
                bytes = try FileReading.bytes(of: path, byteCountMax: 16 << 10)
            } catch let error as GleanerError {
                throw GleanerError(
                    .fileSystem, "the token file of the source cannot be read: \(error.message)",
                    remedy: "put the token there that other programs are to show, readable by this user")
            }
            let text = String(decoding: bytes, as: UTF8.self)
            let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
            guard token.utf8.count >= 16, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw GleanerError(
                    .malformed, "the token file \(path) holds no token, which is one word of at least 16 characters",
                    remedy: "make one with: head -c 24 /dev/urandom | base64")
            }
            return token
        }

        private static func frameSize(of picture: Data) throws -> FrameSize {
            let header = try picture.withUnsafeBytes { try PictureHeader.read($0) }
            return FrameSize(width: header.width, height: header.height)
        }
    }
#else
    import GleanerCore

    enum IngestSourceMaker {
        static let entry = Registry<SourceMaker>.Entry(
            "ingest", "Frames that other programs hand over with predictions; not in this build."
        ) { _ in
            throw GleanerError(
                .malformed, "this build of gleaner takes no frames from other programs",
                remedy: "build with `swift build --traits Console`")
        }
    }
#endif
