import GleanerCore

/// Times of the day at which something may happen, by the device's clock.
public struct DailyWindows: Sendable {
    /// Minutes of the day from 0; a window that ends before it begins goes on past midnight.
    private let windows: [(begin: Int, end: Int)]
    private static let minutesOfDay = 24 * 60

    /// Reads windows such as `22:00-06:00`; `nil` when there are none.
    ///
    /// - Throws: ``GleanerError`` naming the first that is none.
    public init?(_ texts: [String]) throws {
        guard !texts.isEmpty else { return nil }
        windows = try texts.map { text in
            let ends = text.split(separator: "-").map(Self.minute)
            guard ends.count == 2, let begin = ends[0], let end = ends[1], begin != end else {
                throw GleanerError(
                    .malformed, "'\(PathName.printable(text))' is no part of a day",
                    remedy: "write two times, as in 22:00-06:00")
            }
            return (begin, end)
        }
    }

    private static func minute(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].count == 2, let hour = Int(parts[0]), let minute = Int(parts[1]),
            (0..<60).contains(minute), (0..<24).contains(hour) || hour == 24 && minute == 0
        else { return nil }
        return hour * 60 + minute
    }

    /// Minutes until a window is open: 0 inside one.
    ///
    /// - Parameter minute: of the day, from 0.
    public func minutesUntilOpen(at minute: Int) -> Int {
        windows.map { window in
            let begin = window.begin % Self.minutesOfDay
            let isInside =
                window.begin < window.end
                ? (window.begin..<window.end).contains(minute) : minute >= window.begin || minute < window.end
            return isInside ? 0 : (begin - minute + Self.minutesOfDay) % Self.minutesOfDay
        }.min() ?? 0
    }
}
