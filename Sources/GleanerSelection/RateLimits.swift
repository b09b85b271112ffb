public import GleanerCore

/// Ends that the choice of frames never passes, whatever the budget: so many a minute, an hour, a day of collecting, a
/// least time between two, and between two of one class.
///
/// For what a person can look at, or a link can carry. Audit samples are exempt: a limit on them would bias every
/// measure.
public struct RateLimits: Hashable, Sendable {
    /// At most so many in a span of time.
    public struct Limit: Hashable, Sendable {
        public var count: Int
        public var seconds: Double
        public init(count: Int, seconds: Double) {
            self.count = count
            self.seconds = seconds
        }
    }

    public var limits: [Limit]
    public var secondsBetween: Double
    public var secondsBetweenOfClass: Double
    /// When frames were kept, as far back as the longest span, the newest last.
    private var kept: [Double] = []
    private var lastOfClass: [String: Double] = [:]

    public init(limits: [Limit] = [], secondsBetween: Double = 0, secondsBetweenOfClass: Double = 0) {
        self.limits = limits
        self.secondsBetween = secondsBetween
        self.secondsBetweenOfClass = secondsBetweenOfClass
    }

    /// Whether nothing is limited.
    public var isEmpty: Bool { limits.isEmpty && secondsBetween == 0 && secondsBetweenOfClass == 0 }

    /// Whether one more may be kept now.
    public func allow(_ topClass: String?, at now: Instant) -> Bool {
        if let last = kept.last, now.seconds - last < secondsBetween { return false }
        if let topClass, let last = lastOfClass[topClass], now.seconds - last < secondsBetweenOfClass { return false }
        return limits.allSatisfy { limit in
            // The one that many before this must lie outside the span.
            guard kept.count >= limit.count else { return true }
            return kept[kept.count - limit.count] <= now.seconds - limit.seconds
        }
    }

    /// One was kept.
    public mutating func record(_ topClass: String?, at now: Instant) {
        guard !isEmpty else { return }
        let longest = limits.map(\.count).max() ?? 1
        kept.append(now.seconds)
        if kept.count > longest { kept.removeFirst(kept.count - longest) }
        guard let topClass, secondsBetweenOfClass > 0 else { return }
        lastOfClass[topClass] = now.seconds
        if lastOfClass.count > 10_000 {
            lastOfClass = lastOfClass.filter { now.seconds - $0.value < secondsBetweenOfClass }
        }
    }

    /// What must survive a restart.
    public var state: JSONValue {
        .object([
            "kept": .array(kept.map { .number($0) }), "classes": .object(lastOfClass.mapValues { .number($0) }),
        ])
    }

    /// Goes on from a ``state``; one that it does not understand is ignored.
    public mutating func restore(_ state: JSONValue?) {
        guard case .object(let values)? = state, case .array(let times)? = values["kept"],
            case .object(let classes)? = values["classes"]
        else { return }
        let seconds = times.compactMap(Self.number)
        guard seconds.count == times.count, zip(seconds, seconds.dropFirst()).allSatisfy({ $0 <= $1 }) else { return }
        kept = Array(seconds.suffix(limits.map(\.count).max() ?? 1))
        lastOfClass = classes.compactMapValues(Self.number)
    }

    private static func number(_ value: JSONValue) -> Double? {
        switch value {
        case .number(let number): number
        case .integer(let number): Double(number)
        default: nil
        }
    }
}
