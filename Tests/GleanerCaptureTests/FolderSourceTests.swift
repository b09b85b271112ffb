import Foundation
import GleanerCapture
import GleanerCore
import GleanerTesting
import Glibc
import Synchronization
import Testing

@Suite struct FolderSourceTests {
    let folder: TemporaryFolder
    let stop = StopSignal()
    init() throws { folder = try TemporaryFolder() }

    func source(
        watches: Bool = false, recorded: @escaping RecordedOrigins = { _, _ in [] }
    ) throws -> FolderSource {
        try FolderSource(path: folder.path, watches: watches, stop: stop, recorded: recorded)
    }

    /// What the source gives until it ends: names of frames, and of what is unreadable with its code.
    func all(_ source: FolderSource) throws -> [String] {
        var events: [String] = []
        var buffer = FrameBuffer()
        while true {
            switch try source.next(into: &buffer) {
            case .frame: events.append(String(buffer.origin.name))
            case .unreadable(let error): events.append("\(buffer.origin.name): \(error.code)")
            case .interrupted(let error): throw error
            case .end: return events
            }
        }
    }

    func origins(_ source: FolderSource) throws -> Set<FrameOrigin> {
        var origins: Set<FrameOrigin> = []
        var buffer = FrameBuffer()
        while case .frame = try source.next(into: &buffer) { origins.insert(buffer.origin) }
        return origins
    }

    @Test(arguments: [true, false])
    func itKeepsTheContractOfSources(watches: Bool) throws {
        let texts = (0..<7).map { "frame \($0)" }
        for (index, text) in texts.enumerated() { try folder.write("\(index).png", text) }
        let path = folder.path
        try FrameSourceContract(frames: texts.map { Array($0.utf8) }, endsByItself: !watches) { stop, recorded in
            try FolderSource(path: path, watches: watches, stop: stop, recorded: recorded)
        }.run()
    }

    @Test func picturesComeInTheOrderOfTheirBytes() throws {
        for name in ["b.png", "a/z.jpg", "a.JPEG", "B.Jpg", "a/b/c.png", "10.png", "9.png", "ä.png", "a-1.png"] {
            try folder.write(name, name)
        }
        #expect(
            try all(source()) == [
                "10.png", "9.png", "B.Jpg", "a-1.png", "a.JPEG", "a/b/c.png", "a/z.jpg", "b.png", "ä.png",
            ])
    }

    @Test func otherFilesAreLeftOut() throws {
        for name in [
            ".hidden.png", ".git/a.png", "a.png.partial", "a.png.tmp", "a.txt", "png", "a.pngx", "b.gif", ".png",
            "keep.png",
        ] {
            try folder.write(name, name)
        }
        try folder.makeFolder("folder.png")
        mkfifo("\(folder.path)/pipe.png", 0o644)
        #expect(try all(source()) == ["keep.png"])
    }

    @Test func linksToFilesAreFollowedAndLinksToFoldersAreNot() throws {
        try folder.write("real/a.png", "a")
        symlink("\(folder.path)/real/a.png", "\(folder.path)/link.png")
        symlink("\(folder.path)/real", "\(folder.path)/again")
        symlink(folder.path, "\(folder.path)/real/loop")
        symlink("/dev/zero", "\(folder.path)/zero.png")
        symlink("nowhere", "\(folder.path)/broken.png")
        #expect(try all(source()) == ["broken.png: frame.unreadable", "link.png", "real/a.png"])
    }

    @Test func theOriginTellsSizeAndTime() throws {
        try folder.write("a.png", "12345", modified: 1_234_567_890)
        let source = try source()
        var buffer = FrameBuffer()
        _ = try source.next(into: &buffer)
        #expect(
            buffer.origin
                == FrameOrigin(
                    source: "folder:\(folder.path)", name: "a.png", byteCount: 5,
                    modifiedNanoseconds: 1_234_567_890_000_000_000))
        #expect(buffer.encoded == Array("12345".utf8))
    }

    @Test func aFileWrittenAnewIsANewFrame() throws {
        try folder.write("a.png", "old")
        try folder.write("b.png", "same")
        let known = try origins(source())
        try folder.write("a.png", "new", modified: 1_600_000_001)
        #expect(try all(source { known.given($1, by: $0) }) == ["a.png"])
    }

    /// What is recorded is asked for many files at once, and some of these are looked at much later.
    @Test func aFileIsWhatItIsWhenItsTurnComes() throws {
        for name in ["a.png", "b.png", "c.png", "d.png"] { try folder.write(name, "old") }
        let known = try origins(source()).filter { $0.name != "a.png" }
        try folder.write("c.png", "new", modified: 1_600_000_001)
        let again = try source { known.given($1, by: $0) }
        var buffer = FrameBuffer()
        _ = try again.next(into: &buffer)
        #expect(buffer.origin.name == "a.png")
        try folder.write("b.png", "new", modified: 1_600_000_001)
        try folder.write("c.png", "old")
        #expect(try all(again) == ["b.png"])
    }

    @Test func whatIsRecordedIsAskedOnceOfEachFileAndOfManyAtOnce() throws {
        for index in 0..<600 { try folder.write("\(index).png", "x") }
        let known = try origins(source()).filter { $0.name.hasSuffix("7.png") }
        let asked = Mutex<[[Substring]]>([])
        let source = try source { source, names in
            asked.withLock { $0.append(names) }
            return known.given(names, by: source)
        }
        let given = try all(source)
        let pages = asked.withLock { $0 }
        #expect(pages.count == 3)
        #expect(pages.joined().elementsEqual((given + known.map { String($0.name) }).sorted()[...].map { $0[...] }))
        #expect(known.count == 60 && given.count == 540 && given.allSatisfy { !$0.hasSuffix("7.png") })
    }

    @Test func aQueueThatCannotBeReadEndsTheSource() throws {
        try folder.write("a.png", "a")
        let source = try source { _, _ in throw GleanerError(.fileSystem, "the disk is out") }
        #expect(throws: GleanerError.self) { try all(source) }
    }

    @Test func aBufferIsReusedForSmallerAndLargerFrames() throws {
        let texts = [String(repeating: "x", count: 3_000_000), "", "yy", String(repeating: "z", count: 5000)]
        for (index, text) in texts.enumerated() { try folder.write("\(index).png", text) }
        let source = try source()
        var buffer = FrameBuffer()
        for text in texts {
            guard case .frame = try source.next(into: &buffer) else {
                Issue.record("no frame")
                return
            }
            #expect(buffer.encoded == Array(text.utf8))
        }
    }

    // MARK: What cannot be read

    @Test func filesThatCannotBeReadAreToldOnceAndTheSourceGoesOn() throws {
        try folder.write("a.png", "a")
        try folder.write("b.png", "b")
        try folder.write("c.png", "c")
        truncate("\(folder.path)/b.png", off_t(FolderSource.byteCountMax) + 1)
        let source = try source()
        unlink("\(folder.path)/c.png")
        #expect(try all(source) == ["a.png", "b.png: frame.unreadable", "c.png: frame.unreadable"])
    }

    // The superuser may read everything.
    @Test(.enabled(if: geteuid() != 0)) func closedFilesAndSubfoldersAreUnreadable() throws {
        try folder.write("a.png", "a")
        try folder.write("closed/b.png", "b")
        try folder.write("c.png", "c")
        chmod("\(folder.path)/a.png", 0)
        chmod("\(folder.path)/closed", 0)
        #expect(try all(source()) == ["closed: source.unavailable", "a.png: frame.unreadable", "c.png"])
    }

    @Test func aMissingFolderIsAnErrorWithARemedy() throws {
        for (path, words) in [("\(folder.path)/none", "does not exist"), ("/dev/null", "is not a folder")] {
            let error = #expect(throws: GleanerError.self) {
                try FolderSource(path: path, watches: true, stop: stop) { _, _ in [] }
            }
            #expect(error?.code == .sourceUnavailable)
            #expect(error?.message.contains(words) == true)
            #expect(error?.remedy.isEmpty == false)
        }
    }

    @Test func aNameThatIsNoTextIsReadAllTheSame() throws {
        let name: [CChar] = Array(folder.path.utf8CString.dropLast()) + [47, -1, -2, 46, 112, 110, 103, 0]
        let descriptor = open(name, O_CREAT | O_WRONLY, 0o644)
        #expect(descriptor >= 0 && write(descriptor, "abc", 3) == 3)
        close(descriptor)
        let source = try source()
        var buffer = FrameBuffer()
        guard case .frame = try source.next(into: &buffer) else {
            Issue.record("no frame")
            return
        }
        #expect(buffer.encoded == Array("abc".utf8))
        #expect(buffer.origin.name == "\u{fffd}\u{fffd}.png")
    }

    @Test func thousandsOfFilesComeInOrderAndCountDown() throws {
        let names = (0..<3000).map { String($0, radix: 36) + ".png" }
        for name in names { close(creat("\(folder.path)/\(name)", 0o644)) }
        let source = try source()
        #expect(source.remainingCount == 3000)
        #expect(try all(source) == names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
        #expect(source.remainingCount == 0)
    }

    @Test func knownFilesAreNotEvenOpened() throws {
        try folder.write("a.png", "a")
        let known = try origins(source())
        mkfifo("\(folder.path)/pipe", 0o644)
        #expect(try all(source { known.given($1, by: $0) }) == [])
    }

    @Test func aStopEndsTheSearchThroughKnownFiles() throws {
        for index in 0..<100 { try folder.write("\(index).png", "x") }
        let known = try origins(source())
        let stop = stop
        let source = try source { source, names in
            stop.raise()
            return known.given(names, by: source)
        }
        #expect(try all(source) == [])
        #expect(source.remainingCount == 99)
    }
}
