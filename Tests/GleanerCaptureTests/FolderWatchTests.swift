import Foundation
import GleanerCore
import GleanerTesting
import Glibc
import Synchronization
import Testing

@testable import GleanerCapture

/// A watched folder. Nothing here waits for a time to pass, except for the source that has to.
@Suite struct FolderWatchTests {
    let folder: TemporaryFolder
    let stop = StopSignal()
    init() throws { folder = try TemporaryFolder() }

    func source(settleSeconds: Double = 2) throws -> FolderSource {
        try FolderSource(path: folder.path, watches: true, stop: stop, settleSeconds: settleSeconds) { _, _ in [] }
    }

    /// The next events, by name.
    func take(_ count: Int, from source: FolderSource) throws -> [String] {
        var buffer = FrameBuffer()
        return try (0..<count).map { _ in
            switch try source.next(into: &buffer) {
            case .frame: "\(buffer.origin.name)=\(String(decoding: buffer.encoded, as: UTF8.self))"
            case .unreadable(let error): "\(buffer.origin.name): \(error.code)"
            case .interrupted(let error): throw error
            case .end: "end"
            }
        }
    }

    @Test func newFilesComeInNameOrderOnceTheyAreClosed() throws {
        try folder.write("old.png", "o")
        let source = try source()
        for name in ["c.png", "a.png", "b.txt", "b.png"] { try folder.writeNow(name, name) }
        #expect(try take(4, from: source) == ["old.png=o", "a.png=a.png", "b.png=b.png", "c.png=c.png"])
        try folder.writeNow("0.png", "late")
        #expect(try take(1, from: source) == ["0.png=late"])
    }

    @Test func aFileIsTakenWhenItIsClosedAndNotWhenItIsMade() throws {
        let source = try source()
        let descriptor = open("\(folder.path)/slow.png", O_CREAT | O_WRONLY, 0o644)
        #expect(write(descriptor, "half ", 5) == 5)
        try folder.writeNow("quick.png", "q")
        #expect(try take(1, from: source) == ["quick.png=q"])
        #expect(write(descriptor, "whole", 5) == 5)
        close(descriptor)
        #expect(try take(1, from: source) == ["slow.png=half whole"])
    }

    @Test func aFileThatIsBeingWrittenAtTheStartComesOnceAndWhole() throws {
        let descriptor = open("\(folder.path)/slow.png", O_CREAT | O_WRONLY, 0o644)
        #expect(write(descriptor, "half ", 5) == 5)
        let source = try source(settleSeconds: 60)
        try folder.writeNow("quick.png", "q")
        #expect(try take(1, from: source) == ["quick.png=q"])
        #expect(write(descriptor, "whole", 5) == 5)
        close(descriptor)
        try folder.writeNow("z.png", "z")
        #expect(try take(2, from: source) == ["slow.png=half whole", "z.png=z"])
    }

    @Test func aFreshFileThatNobodyClosesAgainComesAfterItsRest() throws {
        try folder.writeNow("fresh.png", "f")
        try folder.write("old.png", "o")
        let source = try source(settleSeconds: 0.2)
        #expect(try take(2, from: source) == ["old.png=o", "fresh.png=f"])
    }

    @Test func aFileRenamedInCounts() throws {
        let source = try source()
        try folder.writeNow("a.png.partial", "whole")
        try folder.rename("a.png.partial", to: "a.png")
        #expect(try take(1, from: source) == ["a.png=whole"])
    }

    @Test func aFileLinkedInCounts() throws {
        let outside = try TemporaryFolder()
        try outside.write("x", "linked")
        let source = try source()
        link("\(outside.path)/x", "\(folder.path)/hard.png")
        #expect(try take(1, from: source) == ["hard.png=linked"])
        symlink("\(outside.path)/x", "\(folder.path)/soft.png")
        #expect(try take(1, from: source) == ["soft.png=linked"])
    }

    @Test func newSubfoldersAreWatchedWithWhatTheyHold() throws {
        let source = try source()
        try folder.write("new/deep/a.png", "a")
        #expect(try take(1, from: source) == ["new/deep/a.png=a"])
        try folder.writeNow("new/deep/b.png", "b")
        #expect(try take(1, from: source) == ["new/deep/b.png=b"])
    }

    @Test func aSubfolderThatIsRenamedIsKnownByItsNewName() throws {
        try folder.write("one/a.png", "a")
        let source = try source()
        #expect(try take(1, from: source) == ["one/a.png=a"])
        try folder.rename("one", to: "two")
        try folder.write("two/b.png", "b")
        #expect(try take(2, from: source) == ["two/a.png=a", "two/b.png=b"])
    }

    @Test func aSubfolderThatLeavesIsForgotten() throws {
        try folder.makeFolder("sub")
        let outside = try TemporaryFolder()
        let source = try source()
        #expect(Glibc.rename("\(folder.path)/sub", "\(outside.path)/sub") == 0)
        try folder.write("a.png", "a")
        #expect(try take(1, from: source) == ["a.png=a"])
        try outside.writeNow("sub/b.png", "b")
        try folder.write("c.png", "c")
        #expect(try take(1, from: source) == ["c.png=c"])
    }

    @Test func closingAFileWithoutWritingGivesNothingNew() throws {
        try folder.write("a.png", "a")
        let source = try source()
        #expect(try take(1, from: source) == ["a.png=a"])
        close(open("\(folder.path)/a.png", O_WRONLY))
        try folder.writeNow("b.png", "b")
        #expect(try take(1, from: source) == ["b.png=b"])
    }

    @Test func aFileOverwrittenIsANewFrame() throws {
        try folder.write("a.png", "old")
        let source = try source()
        #expect(try take(1, from: source) == ["a.png=old"])
        try folder.writeNow("a.png", "new")
        #expect(try take(1, from: source) == ["a.png=new"])
    }

    @Test func aFileThatIsGoneBeforeItsTurnIsNoFrame() throws {
        let source = try source()
        try folder.writeNow("a.png", "a")
        unlink("\(folder.path)/a.png")
        try folder.writeNow("b.png", "b")
        #expect(try take(1, from: source) == ["b.png=b"])
    }

    @Test func aFolderThatVanishesIsAnError() throws {
        let source = try source()
        try FileManager.default.removeItem(atPath: folder.path)
        let error = #expect(throws: GleanerError.self) { try take(1, from: source) }
        #expect(error?.code == .sourceUnavailable)
    }

    @Test func nothingIsLostWhenTheKernelDropsEvents() throws {
        let limit = try String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8)
        let queueLength = try #require(Int(limit.trimmingCharacters(in: .whitespacesAndNewlines)))
        try #require(queueLength <= 1 << 17)
        let source = try source(settleSeconds: 0)
        // Two events a file: made and closed.
        let count = queueLength / 2 + 100
        for index in 0..<count { close(creat("\(folder.path)/\(index).png", 0o644)) }
        var buffer = FrameBuffer()
        var names: Set<String> = []
        while names.count < count {
            guard case .frame = try source.next(into: &buffer) else {
                Issue.record("the source stopped after \(names.count) of \(count)")
                return
            }
            #expect(names.insert(String(buffer.origin.name)).inserted, "given twice")
        }
        try folder.writeNow("last.png", "l")
        #expect(try take(1, from: source) == ["last.png=l"])
    }

    /// A writer and crashing readers at once: between them every file comes exactly once.
    @Test func aSourceThatIsStartedAgainAndAgainGivesEveryFileOnce() throws {
        let count = 400
        let folder = folder
        let isWritten = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            for index in 0..<count {
                let name = "\(index % 7)/\(index).png"
                try? folder.writeNow(name + ".partial", name)
                try? folder.rename(name + ".partial", to: name)
            }
            isWritten.signal()
        }
        let recorded = Mutex<Set<FrameOrigin>>([])
        var names: [String] = []
        while names.count < count {
            let source = try FolderSource(path: folder.path, watches: true, stop: stop, settleSeconds: 0) {
                source, names in
                recorded.withLock { $0.given(names, by: source) }
            }
            var buffer = FrameBuffer()
            for _ in 0..<min(17, count - names.count) {
                guard case .frame = try source.next(into: &buffer) else {
                    Issue.record("no frame after \(names.count)")
                    return
                }
                #expect(String(decoding: buffer.encoded, as: UTF8.self) == buffer.origin.name)
                let origin = buffer.origin
                recorded.withLock { _ = $0.insert(origin) }
                names.append(String(origin.name))
            }
        }
        isWritten.wait()
        #expect(Set(names).count == count)
    }
}
