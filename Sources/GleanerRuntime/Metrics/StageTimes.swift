import GleanerCore
import Synchronization

/// A part of a frame's way through the loop, in its order.
enum Stage: Int, CaseIterable, Sendable {
    /// The source: a file is read, a camera waited for.
    case read
    /// The picture becomes pixels.
    case decode
    /// What the frame looks like from afar: its perceptual hash.
    case hash
    /// The pixels become the model's input.
    case prepare
    /// Whether the frame is like one that was kept.
    case gate
    case infer
    /// The model's outputs become classes or boxes, and an embedding.
    case interpret
    /// Utility, likeness, budget.
    case select
    /// What a kept frame costs more: its picture encoded and hashed.
    case keep
    /// All of these but reading, and what a frame waited in between.
    case frame
    /// A group of frames made durable.
    case commit

    var name: String { "\(self)" }
}

/// How long the stages took since the collector began; used by all of its threads.
final class StageTimes: Sendable {
    private let histograms = Mutex([LatencyHistogram](repeating: LatencyHistogram(), count: Stage.allCases.count))

    func add(_ stage: Stage, _ duration: Duration) {
        let seconds = duration.seconds
        histograms.withLock { $0[stage.rawValue].add(seconds) }
    }

    /// Times what `body` does.
    func measure<Value>(_ stage: Stage, _ body: () throws -> Value) rethrows -> Value {
        let begin = ContinuousClock.now
        defer { add(stage, .now - begin) }
        return try body()
    }

    subscript(_ stage: Stage) -> LatencyHistogram { histograms.withLock { $0[stage.rawValue] } }
}

/// A stopwatch that goes from stage to stage.
struct StageWatch {
    private let times: StageTimes?
    private let begin: ContinuousClock.Instant
    private var last: ContinuousClock.Instant

    /// - Parameter times: `nil` to measure nothing.
    init(_ times: StageTimes?) {
        self.times = times
        begin = .now
        last = begin
    }

    /// A stage ends here, and the next one begins.
    mutating func end(_ stage: Stage) {
        guard let times else { return }
        let now = ContinuousClock.now
        times.add(stage, now - last)
        last = now
    }

    /// Goes on after the frame has waited.
    mutating func resume() { last = .now }

    /// The frame ends here.
    func endFrame() { times?.add(.frame, .now - begin) }
}
