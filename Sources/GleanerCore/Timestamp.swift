import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A moment of the wall clock, for people to read: milliseconds since 1970, written as RFC 3339 in UTC.
///
/// Nothing is ordered, named or expired by it: an edge device may boot in 1970 and jump. Decisions use ``Instant``.
public struct Timestamp: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    public let milliseconds: Int64
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// What the wall clock says now, right or wrong.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Reads RFC 3339 with or without a fraction and with any offset, as labeling tools write it; `nil` otherwise.
    public init?(_ text: String) {
        guard let date = Self.parse(text) else { return nil }
        let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
        guard milliseconds.magnitude < 1e15 else { return nil }
        self.milliseconds = Int64(milliseconds)
    }

    private static func parse(_ text: String) -> Date? {
        let whole = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
        let fraction = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        return (try? whole.parse(text)) ?? (try? fraction.parse(text))
    }

    public var description: String {
        // A date is a binary fraction of seconds, which loses a millisecond here and there: only whole seconds go
        // through it.
        let fraction = (milliseconds % 1000 + 1000) % 1000
        let date = Date(timeIntervalSince1970: Double((milliseconds - fraction) / 1000))
        let whole = date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: false)).dropLast()
        let digits = String(fraction)
        return "\(whole).\(String(repeating: "0", count: 3 - digits.count))\(digits)Z"
    }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

    public init(from decoder: any Decoder) throws {
        self = try decodeDescription(from: decoder, "an RFC 3339 time") { Timestamp($0) }
    }
    public func encode(to encoder: any Encoder) throws { try encodeDescription(description, to: encoder) }
}

/// A moment of collecting time: seconds that this deployment's collector has run, over all its runs.
///
/// It only grows, stands still while the collector is off, and knows nothing of the wall clock, so a budget in
/// labels a day means a day of collecting.
public struct Instant: Hashable, Comparable, Sendable, Codable {
    public let seconds: Double
    public init(seconds: Double) { self.seconds = seconds }
    public static func < (a: Instant, b: Instant) -> Bool { a.seconds < b.seconds }
}
