import GleanerCore

/// Collecting time: goes on where the last run stopped and grows with the machine's monotonic clock.
struct CollectingClock: Sendable {
    private let base: Double
    private let origin = ContinuousClock.now

    init(start: Instant) { base = start.seconds }

    func now() -> Instant {
        let elapsed = ContinuousClock.now - origin
        let (seconds, attoseconds) = elapsed.components
        return Instant(seconds: base + Double(seconds) + Double(attoseconds) * 1e-18)
    }
}
