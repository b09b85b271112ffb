#if Video
    import Foundation
    import GleanerCore
    import GleanerTesting
    import Testing

    @testable import GleanerCapture

    struct VideoFileSourceTests {
        static func fixture(_ name: String) -> String {
            URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/video/\(name)")
                .standardizedFileURL.path
        }

        /// A copy of a video in which some bytes are others.
        static func damaged(_ name: String, at place: Int, in folder: TemporaryFolder) throws -> String {
            var bytes = try Data(contentsOf: URL(filePath: fixture(name)))
            for index in place..<place + 12 { bytes[index] ^= 0x5A }
            let path = "\(folder.path)/damaged.mp4"
            try bytes.write(to: URL(filePath: path))
            return path
        }

        /// The pixels of `pattern.mkv`, by the formula they were made with.
        private static func pattern(_ frame: Int, _ region: VideoRegion = .init(x: 0, y: 0, width: 32, height: 24))
            -> [UInt8]
        {
            (region.y..<region.y + region.height).flatMap { y in
                (region.x..<region.x + region.width).flatMap { x in
                    (0..<3).map { UInt8(truncatingIfNeeded: 7 * x + 5 * y + 11 * frame + 3 * $0) }
                }
            }
        }

        private func source(
            _ path: String, framesPerSecond: Double? = nil, region: VideoRegion? = nil, stop: StopSignal = StopSignal(),
            recorded: @escaping RecordedOrigins = { _, _ in [] }
        ) throws -> VideoFileSource {
            var settings = VideoSettings(keptAs: .png)
            settings.framesPerSecond = framesPerSecond
            settings.region = region
            return try VideoFileSource(path: path, settings: settings, stop: stop, recorded: recorded)
        }

        /// All its frames' names, those that are unreadable with a mark.
        private func names(_ source: VideoFileSource) throws -> [String] {
            var names: [String] = []
            var buffer = FrameBuffer()
            while true {
                switch try source.next(into: &buffer) {
                case .frame: names.append(String(buffer.origin.name))
                case .unreadable: names.append("damaged \(buffer.origin.name)")
                case .interrupted(let error): throw error
                case .end: return names
                }
            }
        }

        @Test func keepsTheContract() throws {
            let contract = FrameSourceContract(frames: (0..<6).map { Self.pattern($0) }, endsByItself: true) {
                try source(Self.fixture("pattern.mkv"), stop: $0, recorded: $1)
            }
            try contract.run()
        }

        @Test func framesBetweenFramesComeInTheOrderTheyAreShown() throws {
            #expect(try names(source(Self.fixture("moving.mp4"))) == (1...30).map { "\($0)" })
        }

        @Test func ofASecondOnlySoManyFramesAreGiven() throws {
            let video = Self.fixture("moving.mp4")
            #expect(try names(source(video, framesPerSecond: 5)) == (0..<15).map { "\(2 * $0 + 1)" })
            #expect(try names(source(video, framesPerSecond: 1)) == ["1", "11", "21"])
            #expect(try names(source(video, framesPerSecond: 40)).count == 30)
        }

        @Test func aRegionIsCutOutToThePixel() throws {
            let region = VideoRegion(x: 5, y: 3, width: 11, height: 7)
            let source = try source(Self.fixture("pattern.mkv"), region: region)
            var buffer = FrameBuffer()
            for frame in 0..<6 {
                guard case .frame = try source.next(into: &buffer) else { Issue.record("no frame"); return }
                #expect(buffer.pixels.withBytes { Array($0) } == Self.pattern(frame, region))
            }
        }

        @Test func aRegionOutsideOfTheFrameSaysSo() throws {
            let source = try source(
                Self.fixture("pattern.mkv"), region: VideoRegion(x: 30, y: 0, width: 3, height: 3))
            var buffer = FrameBuffer()
            let error = #expect(throws: GleanerError.self) { try source.next(into: &buffer) }
            #expect(error?.message.contains("ends at 33, 3, and the frames have 32 × 24") == true)
        }

        @Test func picturesAreKeptAsCapturedWhereTheyMayBe() throws {
            var settings = VideoSettings(keptAs: .jpeg)
            #expect(try contents(settings) == Array(repeating: .encoded, count: 4))
            settings.region = VideoRegion(x: 0, y: 0, width: 16, height: 16)
            #expect(try contents(settings) == Array(repeating: .pixels(keptAs: .jpeg), count: 4))
            settings = VideoSettings(keptAs: .png)
            #expect(try contents(settings) == Array(repeating: .pixels(keptAs: .png), count: 4))
        }

        /// In what form the frames of a video of JPEGs come.
        private func contents(_ settings: VideoSettings) throws -> [FrameBuffer.Content] {
            let source = try VideoFileSource(
                path: Self.fixture("pictures.mkv"), settings: settings, stop: StopSignal(), recorded: { _, _ in [] })
            var contents: [FrameBuffer.Content] = []
            var buffer = FrameBuffer()
            while case .frame = try source.next(into: &buffer) {
                contents.append(buffer.content)
                guard buffer.content == .encoded else { continue }
                #expect(buffer.encoded.starts(with: [0xff, 0xd8]) && buffer.encoded.suffix(2) == [0xff, 0xd9])
            }
            return contents
        }

        @Test(arguments: ["red-bt601.mp4", "red-bt709.mp4", "red-full.mp4"])
        func aColourIsTheSameHoweverTheVideoWritesIt(_ name: String) throws {
            let source = try source(Self.fixture(name))
            var buffer = FrameBuffer()
            guard case .frame = try source.next(into: &buffer) else { Issue.record("no frame"); return }
            let middle = 3 * (24 * 64 + 32)
            let found = buffer.pixels.withBytes { Array($0[middle..<middle + 3]) }
            for (channel, expected) in zip(found, [200, 60, 40]) {
                #expect(abs(Int(channel) - expected) <= 3, "\(name): \(found)")
            }
        }

        /// Only what the decoder notices: H.264 has no checksums.
        @Test func aDamagedFrameIsCountedAndNotShown() throws {
            let names = try names(source(Self.fixture("moving.mp4")))
            let folder = try TemporaryFolder()
            var noticedCount = 0
            for place in stride(from: 2000, to: 12_000, by: 500) {
                let found = try self.names(source(Self.damaged("moving.mp4", at: place, in: folder)))
                #expect(found.map { $0.replacing("damaged ", with: "") } == names, "damage at \(place)")
                if found != names { noticedCount += 1 }
            }
            #expect(noticedCount >= 10)
        }

        @Test func aFrameThatStandsOnADamagedOneIsNotShown() throws {
            let folder = try TemporaryFolder()
            var bytes = try Data(contentsOf: URL(filePath: Self.fixture("moving.mp4")))
            // In the first frame, on which the next nine stand.
            for index in 600..<1200 { bytes[index] = 0 }
            let path = "\(folder.path)/damaged.mp4"
            try bytes.write(to: URL(filePath: path))
            let shown = try shown(source(path))
            let whole = try self.shown(source(Self.fixture("moving.mp4")))
            #expect(whole.count == 30)
            #expect(shown == Array(whole.dropFirst(10)))
        }

        @Test(arguments: [("headless.mp4", 9), ("refreshed.mp4", 11)])
        func framesThatStandOnOneThatIsNotThereAreCounted(_ name: String, count: Int) throws {
            let names = try names(source(Self.fixture(name)))
            #expect(names == (1...count).map { "damaged \($0)" } + (count + 1...19).map { "\($0)" })
        }

        /// The pixels of the frames that can be read.
        private func shown(_ source: VideoFileSource) throws -> [[UInt8]] {
            var shown: [[UInt8]] = []
            var buffer = FrameBuffer()
            while true {
                switch try source.next(into: &buffer) {
                case .frame: shown.append(buffer.pixels.withBytes { Array($0) })
                case .unreadable(let error): #expect(error.code == .frameUnreadable)
                case .interrupted(let error): throw error
                case .end: return shown
                }
            }
        }

        @Test func whatIsNoVideoSaysSo() throws {
            let folder = try TemporaryFolder()
            let path = "\(folder.path)/notes.mp4"
            try Data("no video".utf8).write(to: URL(filePath: path))
            for (path, expected) in [(path, "Invalid data"), ("\(folder.path)/none.mp4", "No such file")] {
                let error = #expect(throws: GleanerError.self) { try source(path) }
                #expect(error?.code == .sourceUnavailable)
                #expect(error?.message.contains(expected) == true, "\(String(describing: error))")
            }
        }

        @Test func aPasswordInAnAddressIsNotShown() {
            #expect(VideoAddress.network("rtsp://me:secret@camera/1").name == "rtsp://…@camera/1")
            #expect(VideoAddress.network("rtsp://camera/a@b").name == "rtsp://camera/a@b")
            #expect(VideoAddress.file("/a@b").name == "file:/a@b")
        }
    }
#endif
