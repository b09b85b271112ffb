import Synchronization

/// Since when each thread of the loop has been at its present step: seen from another thread, since one that hangs cannot
/// say so itself.
///
/// The reader is not among them: a camera may be silent and a folder empty for as long as they like.
final class LoopPulse: Sendable {
    enum Part: Int, CaseIterable, Sendable {
        case preparer, otherPreparer, judge, keeper, writer
        var name: String { self == .otherPreparer ? "preparer" : "\(self)" }
    }

    private let busySince = Mutex<[ContinuousClock.Instant?]>(.init(repeating: nil, count: Part.allCases.count))

    /// A step begins.
    func work(_ part: Part) { busySince.withLock { $0[part.rawValue] = .now } }
    /// It waits for others.
    func rest(_ part: Part) { busySince.withLock { $0[part.rawValue] = nil } }

    /// The part that has been at one step for the longest, and for how long; `nil` when all of them wait for frames.
    var longest: (part: Part, seconds: Double)? {
        let begun = busySince.withLock { $0 }
        let now = ContinuousClock.now
        return Part.allCases.compactMap { part in begun[part.rawValue].map { (part, (now - $0).seconds) } }
            .max { $0.1 < $1.1 }
    }
}
