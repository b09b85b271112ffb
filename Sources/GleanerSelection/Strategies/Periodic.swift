public import GleanerCore

/// One frame in so many, or after so many seconds, whatever it shows: a diary of the scene.
///
/// The utility is 1 for a frame that is due, else 0.
public struct Periodic: ScoreStrategy {
    public static let entry = Registry<any QueryStrategy>.Entry(
        "periodic", "Both: a frame after so many frames or seconds, whatever it shows."
    ) { options in
        let frames = options.integer("every_frames", in: 1...1_000_000_000)
        let seconds = options.number("every_seconds", in: 0.001...1e9)
        if frames != nil, seconds != nil {
            options.problems.add(
                options.path, "has both 'every_frames' and 'every_seconds'", remedy: "keep the one that you mean")
        }
        return seconds.map { Periodic(everySeconds: $0) } ?? Periodic(everyFrames: frames ?? 1000)
    }

    private enum Step { case frames(Int), seconds(Double) }
    private let step: Step
    private var seen = 0
    private var dueAt: Double?

    /// - Parameter everyFrames: At least 1; the first frame is due, then every so manieth that is asked about.
    public init(everyFrames: Int) {
        precondition(everyFrames >= 1, "a step is at least one frame")
        step = .frames(everyFrames)
    }

    /// - Parameter everySeconds: Of collecting, more than 0.
    public init(everySeconds: Double) {
        precondition(everySeconds > 0, "a step is longer than nothing")
        step = .seconds(everySeconds)
    }

    public var measuresUncertainty: Bool { false }

    public mutating func utility(of frame: ScoredFrame, in context: StreamContext) -> Utility? {
        switch step {
        case .frames(let count):
            defer { seen += 1 }
            return Utility(seen.isMultiple(of: count) ? 1 : 0)
        case .seconds(let seconds):
            if let dueAt, context.now.seconds < dueAt { return Utility(0) }
            // From now, not from when it was due: after a gap there is no burst.
            dueAt = context.now.seconds + seconds
            return Utility(1)
        }
    }
}
