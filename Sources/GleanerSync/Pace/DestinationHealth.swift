import Foundation
public import GleanerCore

/// How it goes with a destination, and how long to leave it alone.
///
/// A value without a clock or dice of its own: times and draws are arguments.
public struct DestinationHealth: Sendable, Hashable, Codable {
    /// What kind of failure it was, which decides when to try again.
    public enum Trouble: String, Sendable, Codable, CaseIterable {
        /// Nobody answers.
        case offline
        /// The other side asked for patience.
        case throttled
        /// One batch is not taken; others were.
        case rejected
        /// Nothing is taken until somebody changes something.
        case refused
        /// Something on this device: a full disk, a busy queue.
        case failed
    }

    /// The latest failure, as long as nothing went well after it.
    public struct Failure: Sendable, Hashable, Codable {
        public var trouble: Trouble
        public var code: String
        public var message: String
        public var remedy: String
        /// By the wall clock, right or wrong.
        public var at: Timestamp
        /// Failures in a row.
        public var count: Int
    }

    /// By the wall clock, right or wrong: when the other side last answered as it should.
    public var reachedAt: Timestamp?
    /// The same for the last batch that it has.
    public var deliveredAt: Timestamp?
    public var failure: Failure?
    /// How fast the latest batches went, in bytes a second; `nil` before the first.
    public var bytesPerSecond: Double?

    public init() {}

    enum CodingKeys: String, CodingKey {
        case failure
        case reachedAt = "reached_at"
        case deliveredAt = "delivered_at"
        case bytesPerSecond = "bytes_per_second"
    }

    private static let firstSeconds = 2.0
    /// Somebody must act first: looking more often only costs.
    private static let refusedSeconds = 900.0
    /// Whatever a server asks for, it is asked again after a day.
    private static let throttledSecondsMax = 86_400.0
    /// The weight of the newest batch in the mean rate.
    private static let rateWeight = 0.3

    /// The other side answered as it should.
    public mutating func reached(at now: Timestamp) {
        reachedAt = now
        failure = nil
    }

    public mutating func delivered(byteCount: Int, seconds: Double, at now: Timestamp) {
        reached(at: now)
        deliveredAt = now
        guard byteCount > 0, seconds > 0 else { return }
        let rate = Double(byteCount) / seconds
        bytesPerSecond = bytesPerSecond.map { $0 + (rate - $0) * Self.rateWeight } ?? rate
    }

    /// Takes note of a failure.
    ///
    /// - Parameters:
    ///   - absenceSecondsMax: a destination that comes back is noticed within so many seconds.
    ///   - draw: in 0..<1: devices that lost one server together come back one by one.
    /// - Returns: for how many seconds to leave the destination alone.
    public mutating func failed(_ error: GleanerError, at now: Timestamp, absenceSecondsMax: Double, draw: Double)
        -> Double
    {
        let trouble = Self.trouble(of: error)
        let count = failure.map { $0.trouble == trouble ? $0.count + 1 : 1 } ?? 1
        failure = Failure(
            trouble: trouble, code: error.code.rawValue, message: error.message, remedy: error.remedy, at: now,
            count: count)
        let doubled = Self.firstSeconds * pow(2, Double(min(count - 1, 20)))
        switch trouble {
        case .offline, .failed: return min(doubled, absenceSecondsMax) * (0.5 + 0.5 * draw)
        case .throttled:
            let asked = (error.cause as? ServerAnswer)?.retryAfterSeconds
            return min(max(asked ?? 0, doubled), Self.throttledSecondsMax) * (1 + 0.25 * draw)
        case .refused, .rejected: return Self.refusedSeconds * (0.5 + 0.5 * draw)
        }
    }

    static func trouble(of error: GleanerError) -> Trouble {
        switch error.code {
        case .destinationOffline: .offline
        case .destinationThrottled: .throttled
        case .destinationRejected, .batchConflict: .rejected
        case .destinationRefused: .refused
        default: .failed
        }
    }
}

/// What a server said instead of doing what it was asked.
public struct ServerAnswer: Error, Hashable, Sendable, CustomStringConvertible {
    public var status: Int
    /// For how long it asked to be left alone.
    public var retryAfterSeconds: Double?
    /// The beginning of what it wrote, on one line.
    public var text: String
    public init(status: Int, retryAfterSeconds: Double? = nil, text: String = "") {
        self.status = status
        self.retryAfterSeconds = retryAfterSeconds
        self.text = PathName.printable(text)
    }
    public var description: String { text.isEmpty ? "it answered \(status)" : "it answered \(status): \(text)" }
}
