import Foundation
import GleanerCapture
import GleanerCore
import GleanerTesting
import Glibc
import Synchronization
import Testing

@Suite struct CombinedSourceTests {
    let stop = StopSignal()

    @Test(arguments: [true, false])
    func itKeepsTheContractOfSources(watches: Bool) throws {
        let folder = try TemporaryFolder()
        let texts = (0..<7).map { "frame \($0)" }
        for (index, text) in texts.enumerated() { try folder.write("one/\(index).png", text) }
        try folder.makeFolder("two")
        let path = folder.path
        // The other one has nothing to give: which comes first of two that have is another test's.
        try FrameSourceContract(frames: texts.map { Array($0.utf8) }, endsByItself: !watches) { stop, recorded in
            CombinedSource(
                try ["two", "one"].map {
                    try FolderSource(path: "\(path)/\($0)", watches: watches, stop: stop, recorded: recorded)
                }, stop: stop)
        }.run()
    }

    /// Numbered frames, as many as there may be; counts how often it was asked.
    private struct Tireless: FrameSource {
        let name: String
        let askedCount: Box
        final class Box: Sendable { let value = Mutex(0) }
        var count = 0
        var remainingCount: Int? { nil }
        mutating func next(into buffer: inout FrameBuffer) throws -> SourceEvent {
            count += 1
            buffer.origin = FrameOrigin(source: name, name: "\(count)")
            askedCount.value.withLock { $0 += 1 }
            return .frame
        }
    }

    @Test func eachHasItsTurn() throws {
        let asked = Tireless.Box()
        let names = ["a", "b", "c"]
        var source: any FrameSource = CombinedSource(
            names.map { Tireless(name: $0, askedCount: asked) }, stop: stop)
        defer { stop.raise() }
        var given: [FrameOrigin] = []
        var buffer = FrameBuffer()
        for number in 0..<60 {
            // A judge takes its time; by then each has a frame ready.
            while number > 0, asked.value.withLock({ $0 < number + 2 }) { sched_yield() }
            guard case .frame = try source.next(into: &buffer) else {
                Issue.record("there is no frame \(number)")
                return
            }
            given.append(buffer.origin)
            #expect(names[buffer.sourceNumber] == buffer.origin.source)
        }
        for name in names {
            let own = given.filter { $0.source == name }
            #expect(own.map(\.name) == (1...own.count).map { "\($0)" })
        }
        for start in stride(from: 0, to: 60, by: 6) {
            let turns = given[start..<start + 6].map(\.source)
            #expect(Set(turns) == Set(names), "\(turns)")
        }
    }

    @Test func oneThatIsSilentHoldsNobodyUp() throws {
        let folder = try TemporaryFolder()
        for number in 0..<5 { try folder.write("busy/\(number).png", "x") }
        try folder.makeFolder("silent")
        let silent = try FolderSource(
            path: "\(folder.path)/silent", watches: true, stop: stop, recorded: { _, _ in [] })
        let busy = try FolderSource(path: "\(folder.path)/busy", watches: false, stop: stop, recorded: { _, _ in [] })
        var source: any FrameSource = CombinedSource([silent, busy], stop: stop)
        var buffer = FrameBuffer()
        for number in 0..<5 {
            guard case .frame = try source.next(into: &buffer) else {
                Issue.record("there is no frame \(number)")
                return
            }
            #expect(buffer.origin.name == "\(number).png")
            #expect(buffer.sourceNumber == 1)
        }
        stop.raise()
        guard case .end = try source.next(into: &buffer) else {
            Issue.record("it goes on after it was stopped")
            return
        }
    }

    /// Says that it is interrupted, gives a frame, and fails for good.
    private struct Unlucky: FrameSource {
        let name: String
        var step = 0
        var remainingCount: Int? { nil }
        mutating func next(into buffer: inout FrameBuffer) throws -> SourceEvent {
            step += 1
            buffer.origin = FrameOrigin(source: name, name: "\(name)\(step)")
            switch step {
            case 1: return .interrupted(GleanerError(.sourceUnavailable, "\(name) is away"))
            case 2: return .frame
            default: throw GleanerError(.fileSystem, "\(name) is gone for good")
            }
        }
    }

    @Test func whatBefallsASourceIsSaidOfThatSource() throws {
        let folder = try TemporaryFolder()
        let empty = try FolderSource(path: folder.path, watches: true, stop: stop, recorded: { _, _ in [] })
        var source: any FrameSource = CombinedSource([empty, Unlucky(name: "gate")], stop: stop)
        var buffer = FrameBuffer()
        guard case .interrupted(let error) = try source.next(into: &buffer) else {
            Issue.record("it does not say that a source is away")
            return
        }
        #expect(error.message == "gate is away")
        #expect(buffer.origin.source == "gate")
        guard case .frame = try source.next(into: &buffer) else {
            Issue.record("it gives no frame")
            return
        }
        #expect(buffer.origin.name == "gate2")
        let last = #expect(throws: GleanerError.self) { try source.next(into: &buffer) }
        #expect(last?.message == "gate is gone for good")
        stop.raise()
    }

    @Test func whatIsStillToComeIsTheSum() throws {
        let folder = try TemporaryFolder()
        for name in ["a/1", "a/2", "a/3", "b/1", "b/2"] { try folder.write("\(name).png", "x") }
        var source: any FrameSource = CombinedSource(
            try ["a", "b"].map {
                try FolderSource(path: "\(folder.path)/\($0)", watches: false, stop: stop, recorded: { _, _ in [] })
            }, stop: stop)
        var left = [source.remainingCount]
        var buffer = FrameBuffer()
        while case .frame = try source.next(into: &buffer) { left.append(source.remainingCount) }
        #expect(left == [5, 4, 3, 2, 1, 0])
        let camera = Unlucky(name: "camera")
        #expect(CombinedSource([source, camera], stop: stop).remainingCount == nil)
    }
}
