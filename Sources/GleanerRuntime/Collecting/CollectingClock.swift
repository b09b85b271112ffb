import GleanerCore

/// Collecting time: goes on where the last run stopped and grows with the machine's monotonic clock.
struct CollectingClock: Sendable {
    private let base: Double
    private let origin = ContinuousClock.now

    init(start: Instant) { base = start.seconds }

    func now() -> Instant {
        Instant(seconds: base + (ContinuousClock.now - origin).seconds)
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
