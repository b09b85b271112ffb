import Foundation

/// How often something took how long, in steps of 2 %: from a microsecond to half an hour, in a fixed memory.
///
/// Percentiles come out at most a step too large. Adding allocates nothing.
struct LatencyHistogram: Sendable {
    /// So many steps double the time.
    private static let stepsPerDoubling = 32
    private static let shortestSeconds = 1e-6
    private static let doublings = 31

    private var counts = [Int](repeating: 0, count: doublings * stepsPerDoubling)
    private(set) var count = 0
    private(set) var sumSeconds = 0.0
    private(set) var maxSeconds = 0.0

    mutating func add(_ seconds: Double) {
        let steps = log2(max(seconds, Self.shortestSeconds) / Self.shortestSeconds) * Double(Self.stepsPerDoubling)
        counts[min(Int(steps), counts.count - 1)] += 1
        count += 1
        sumSeconds += seconds
        maxSeconds = max(maxSeconds, seconds)
    }

    /// The time within which this share of them was done, 0…1; `nil` before there is any.
    func percentile(_ share: Double) -> Double? {
        guard count > 0 else { return nil }
        let wanted = max(1, Int((share * Double(count)).rounded(.up)))
        var seen = 0
        for (step, count) in counts.enumerated() {
            seen += count
            // The last step has everything that took longer, too.
            if seen >= wanted, step < counts.count - 1 { return min(Self.upperEnd(of: step), maxSeconds) }
        }
        return maxSeconds
    }

    /// How many took at most a doubling of the shortest time, for each doubling from `first` to `last`.
    func cumulative(doublings: ClosedRange<Int>) -> [(seconds: Double, count: Int)] {
        doublings.map { doubling in
            let step = doubling * Self.stepsPerDoubling
            return (Self.shortestSeconds * exp2(Double(doubling)), counts[..<step].reduce(0, +))
        }
    }

    private static func upperEnd(of step: Int) -> Double {
        shortestSeconds * exp2(Double(step + 1) / Double(stepsPerDoubling))
    }
}
