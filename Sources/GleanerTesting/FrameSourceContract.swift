import Foundation
public import GleanerCore
import Testing

/// What every ``FrameSource`` promises. The tests of each source run the whole contract.
public struct FrameSourceContract: Sendable {
    /// Makes the source under test from the start, as after a restart.
    public typealias Maker =
        @Sendable (_ stop: StopSignal, _ recorded: @escaping RecordedOrigins) throws -> any FrameSource

    private let frames: [[UInt8]]
    private let endsByItself: Bool
    private let make: Maker

    /// - Parameters:
    ///   - frames: The bytes of the frames that the source has, or their pixels, in its order. At least two.
    ///   - endsByItself: Whether it ends after the last of them; otherwise it waits for more.
    public init(frames: [[UInt8]], endsByItself: Bool, make: @escaping Maker) {
        self.frames = frames
        self.endsByItself = endsByItself
        self.make = make
    }

    public func run() throws {
        try everyFrameIsGivenOnceInOrder()
        try framesRecordedInAnEarlierRunAreNotGivenAgain()
        try remainingFramesCountDown()
        try aStopBeforeTheFirstFrameEndsIt()
        try aStopEndsItWithinHalfASecond()
    }

    func everyFrameIsGivenOnceInOrder() throws {
        var source = try make(StopSignal()) { _, _ in [] }
        let given = try take(frames.count, from: &source)
        #expect(given.map(\.bytes) == frames)
        #expect(Set(given.map(\.origin)).count == frames.count, "two frames have one origin")
        #expect(given.allSatisfy { !$0.origin.source.isEmpty })
        guard endsByItself else { return }
        for _ in 0..<2 {
            var buffer = FrameBuffer()
            guard case .end = try source.next(into: &buffer) else {
                Issue.record("the source gives more than its \(frames.count) frames")
                return
            }
        }
    }

    func framesRecordedInAnEarlierRunAreNotGivenAgain() throws {
        var first = try make(StopSignal()) { _, _ in [] }
        let all = try take(frames.count, from: &first)
        for count in 0...frames.count {
            let known = Set(all.prefix(count).map(\.origin))
            var source = try make(StopSignal()) { known.given($1, by: $0) }
            #expect(try take(frames.count - count, from: &source).map(\.bytes) == Array(frames.dropFirst(count)))
        }
        // A crash may leave holes: what was not recorded comes again, wherever it stands.
        let known = Set(stride(from: 0, to: all.count, by: 2).map { all[$0].origin })
        var source = try make(StopSignal()) { known.given($1, by: $0) }
        let rest = stride(from: 1, to: frames.count, by: 2).map { frames[$0] }
        #expect(try take(rest.count, from: &source).map(\.bytes) == rest)
    }

    func remainingFramesCountDown() throws {
        var source = try make(StopSignal()) { _, _ in [] }
        guard let before = source.remainingCount else { return }
        #expect(before == frames.count)
        _ = try take(1, from: &source)
        #expect(source.remainingCount == frames.count - 1)
    }

    func aStopBeforeTheFirstFrameEndsIt() throws {
        let stop = StopSignal()
        var source = try make(stop) { _, _ in [] }
        stop.raise()
        var buffer = FrameBuffer()
        guard case .end = try source.next(into: &buffer) else {
            Issue.record("the source goes on after its stop signal was raised")
            return
        }
    }

    /// The quickest of three must do: a busy machine may hold up one.
    func aStopEndsItWithinHalfASecond() throws {
        var quickest = Double.infinity
        for _ in 0..<3 where quickest > 0.5 { quickest = min(quickest, try secondsToStop()) }
        #expect(quickest <= 0.5)
    }

    /// From raising the signal to the end, with all frames taken.
    private func secondsToStop() throws -> Double {
        let stop = StopSignal()
        let source = try make(stop) { _, _ in [] }
        let isDrained = DispatchSemaphore(value: 0)
        let hasEnded = DispatchSemaphore(value: 0)
        let count = frames.count
        Thread.detachNewThread {
            var source = source
            var buffer = FrameBuffer()
            for _ in 0..<count { _ = try? source.next(into: &buffer) }
            isDrained.signal()
            _ = try? source.next(into: &buffer)
            hasEnded.signal()
        }
        isDrained.wait()
        let start = ContinuousClock.now
        stop.raise()
        guard hasEnded.wait(timeout: .now() + 5) == .success else { return .infinity }
        return start.duration(to: .now) / .seconds(1)
    }

    private func take(
        _ count: Int, from source: inout any FrameSource
    ) throws -> [(origin: FrameOrigin, bytes: [UInt8])] {
        var given: [(FrameOrigin, [UInt8])] = []
        var buffer = FrameBuffer()
        while given.count < count {
            switch try source.next(into: &buffer) {
            case .frame: given.append((buffer.origin, buffer.content == .encoded ? buffer.encoded : buffer.pixelBytes))
            case .unreadable(let error):
                Issue.record("\(buffer.origin.name) is unreadable: \(error)")
                return given
            case .interrupted: continue
            case .end:
                Issue.record("the source ends after \(given.count) of \(count) frames")
                return given
            }
        }
        return given
    }
}

extension Set<FrameOrigin> {
    /// Those of a source that have one of some names: what a ``RecordedOrigins`` answers.
    public func given(_ names: [Substring], by source: String) -> Self {
        filter { $0.source == source && names.contains($0.name) }
    }
}

extension FrameBuffer {
    fileprivate var pixelBytes: [UInt8] { pixels.withBytes { Array($0) } }
}
