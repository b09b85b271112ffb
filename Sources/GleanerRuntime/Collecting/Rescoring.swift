import GleanerCore

/// When kept samples are scored anew after a change of model: in the time that frames leave, and never more of it
/// than was allowed.
///
/// A device that judges every frame of a camera has seconds to spare at night and none at noon; a board without a fan
/// must not use all of them. So each second grants some milliseconds, which are saved up for a short while.
struct Rescoring {
    /// What to do next.
    enum Step: Equatable {
        /// Fetch the next samples below this place in the queue.
        case fetch(below: Int64?)
        case score(SampleID)
    }

    /// Grants are saved up for so long: a burst after a quiet time is short.
    private static let savingSeconds = 2.0

    /// Seconds of work that a second grants, 0…1.
    private let share: Double
    private var credit = 0.0
    private var grantedAt: Instant?
    private var cursor: Int64?
    private var waiting: [SampleID] = []
    private var isDone = true

    init(millisecondsPerSecond: Double) {
        share = min(max(millisecondsPerSecond / 1000, 0), 1)
    }

    /// Begins with the newest sample: another model serves, or an earlier run was cut short.
    mutating func begin() {
        cursor = nil
        waiting = []
        isDone = false
    }

    /// Whether nothing is left to do.
    var isComplete: Bool { isDone && waiting.isEmpty }

    /// Whether work waits that will be granted its time while frames are few.
    var isWaiting: Bool { !isComplete && share > 0 }

    /// The next step, if there is one and its time has come.
    ///
    /// - Parameter unbounded: Nothing else is to be done any more: work as fast as can be.
    mutating func next(at now: Instant, unbounded: Bool = false) -> Step? {
        grant(until: now)
        guard !isComplete, unbounded || credit > 0 else { return nil }
        if let sample = waiting.popLast() { return .score(sample) }
        return .fetch(below: cursor)
    }

    /// What a fetch brought, and where the next one goes on; `nil` after the last.
    mutating func fetched(_ samples: [SampleID], next: Int64?) {
        waiting = samples.reversed()
        cursor = next
        isDone = next == nil
    }

    /// A step took so long.
    mutating func spent(seconds: Double) { credit -= seconds }

    private mutating func grant(until now: Instant) {
        defer { grantedAt = now }
        guard let grantedAt, now > grantedAt else { return }
        credit = min(credit + share * (now.seconds - grantedAt.seconds), share * Self.savingSeconds)
    }
}
