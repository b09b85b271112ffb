import Foundation
public import GleanerCore

/// Several sources as one, which take turns: with one model for all of them, each has its share of it.
///
/// Each lives on a thread of its own, so that a camera that is silent holds no other one up. It is asked for one frame
/// ahead, which waits for its turn: a live frame grows no older than one frame of each other source takes.
///
/// `@unchecked Sendable`: what threads share is touched under `condition`; a lane's source and buffer belong to its own
/// thread while it was asked, and to whoever takes frames otherwise.
public final class CombinedSource: FrameSource, @unchecked Sendable {
    /// One of the sources, and what it gave.
    private final class Lane {
        enum State {
            case idle, asked
            case answered(SourceEvent)
            case failed(any Error)
            case ended
        }

        var source: any FrameSource
        var buffer = FrameBuffer()
        var state = State.idle
        var remainingCount: Int?

        init(_ source: any FrameSource) {
            self.source = source
            remainingCount = source.remainingCount
        }

        var isIdle: Bool { if case .idle = state { true } else { false } }
        var hasEnded: Bool { if case .ended = state { true } else { false } }
        /// Whether a frame waits for its turn.
        var holdsFrame: Bool {
            switch state {
            case .answered(.frame), .answered(.unreadable): true
            default: false
            }
        }
    }

    /// Frames are recorded with the number of their source.
    public static let sourceCountMax = 16

    private let stop: StopSignal
    private let lanes: [Lane]
    private let condition = NSCondition()
    private var isStarted = false
    /// Whose turn it is, if it has something.
    private var turn = 0
    public let isLive: Bool

    /// - Parameter sources: At least one and at most ``sourceCountMax``, whose frames bring no predictions along.
    public init(_ sources: [any FrameSource], stop: StopSignal) {
        precondition((1...Self.sourceCountMax).contains(sources.count), "\(sources.count) sources cannot be one")
        self.stop = stop
        lanes = sources.map(Lane.init)
        isLive = sources.contains(where: \.isLive)
    }

    public var remainingCount: Int? {
        condition.withLock {
            lanes.reduce(0) { sum, lane in
                sum.flatMap { sum in lane.remainingCount.map { sum + $0 + (lane.holdsFrame ? 1 : 0) } }
            }
        }
    }

    public func next(into buffer: inout FrameBuffer) throws -> SourceEvent {
        condition.lock()
        defer { condition.unlock() }
        start()
        while !stop.isRaised {
            for lane in lanes where lane.isIdle { lane.state = .asked }
            condition.broadcast()
            if let (lane, event) = try takeTurn() {
                swap(&lane.buffer, &buffer)
                return event
            }
            if lanes.allSatisfy(\.hasEnded) { return .end }
            _ = condition.wait(until: Date(timeIntervalSinceNow: 0.2))
        }
        return .end
    }

    public func close() async { for lane in lanes { await lane.source.close() } }

    /// The first source that has something, from the one whose turn it is.
    private func takeTurn() throws -> (Lane, SourceEvent)? {
        for step in lanes.indices {
            let number = (turn + step) % lanes.count
            let lane = lanes[number]
            switch lane.state {
            case .idle, .asked, .ended: continue
            case .failed(let error): throw error
            case .answered(.end): lane.state = .ended
            case .answered(let event):
                lane.state = .idle
                lane.buffer.sourceNumber = number
                turn = (number + 1) % lanes.count
                return (lane, event)
            }
        }
        return nil
    }

    // MARK: The threads of the sources

    private func start() {
        guard !isStarted else { return }
        isStarted = true
        for (number, lane) in lanes.enumerated() {
            nonisolated(unsafe) let lane = lane
            let thread = Thread { [self] in run(lane) }
            thread.name = "source \(number)"
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// Ends with its source, which ends soon after it is told to stop.
    private func run(_ lane: Lane) {
        while waitUntilAsked(lane) {
            let state: Lane.State
            do {
                state = .answered(try lane.source.next(into: &lane.buffer))
            } catch {
                state = .failed(error)
            }
            let remainingCount = lane.source.remainingCount
            condition.withLock {
                lane.state = state
                lane.remainingCount = remainingCount
                condition.broadcast()
            }
        }
    }

    private func waitUntilAsked(_ lane: Lane) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while !stop.isRaised {
            switch lane.state {
            case .asked: return true
            case .ended, .failed: return false
            case .idle, .answered: _ = condition.wait(until: Date(timeIntervalSinceNow: 0.2))
            }
        }
        return false
    }
}
