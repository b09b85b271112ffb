import Synchronization

/// Spreads bytes over time: so many a second, counted for all who send to one destination.
public final class BandwidthLimit: Sendable {
    private let bytesPerSecond: Double
    private let free: Mutex<ContinuousClock.Instant>

    public init(bytesPerSecond: Int) {
        self.bytesPerSecond = Double(bytesPerSecond)
        free = Mutex(.now)
    }

    /// Returns when the link has carried all that was admitted before.
    public func admit(_ byteCount: Int) async throws {
        let seconds = Double(byteCount) / bytesPerSecond
        let start = free.withLock { free in
            let start = max(free, .now)
            free = start + .seconds(seconds)
            return start
        }
        if start > .now { try await Task.sleep(until: start, clock: .continuous) }
    }
}
