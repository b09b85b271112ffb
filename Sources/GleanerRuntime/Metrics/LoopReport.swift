import Foundation
public import GleanerCore
import GleanerStore

/// How fast the loop of the newest run is: part of `status`.
///
/// The collector writes it down while frames come, every half minute: other processes see nothing else of it.
public struct LoopReport: Sendable, Codable {
    public struct Line: Sendable, Codable {
        public var stage: String
        public var count: Int
        public var sumSeconds: Double
        /// In seconds; so many of all took at most that.
        public var p50: Double
        public var p95: Double
        public var p99: Double
        /// How many took at most each of ``LoopReport/boundsSeconds``.
        var counts: [Int]

        enum CodingKeys: String, CodingKey {
            case stage, count, p50, p95, p99, counts
            case sumSeconds = "sum_seconds"
        }
    }

    /// From 0.1 ms to 8 s, each twice the one before.
    static let boundsSeconds = doublings.map { 1e-6 * exp2(Double($0)) }
    private static let doublings = 7...23

    /// The wall clock, right or wrong: when the run began, and when this was written down.
    public var since: Timestamp
    public var at: Timestamp
    /// Lately.
    public var framesPerSecond: Double
    /// In the order of a frame's way, those that any frame came to.
    public var stages: [Line]

    enum CodingKeys: String, CodingKey {
        case since, at, stages
        case framesPerSecond = "frames_per_second"
    }

    init(_ times: StageTimes, since: Timestamp, framesPerSecond: Double) {
        self.since = since
        self.framesPerSecond = framesPerSecond
        at = .now()
        stages = Stage.allCases.compactMap { stage in
            let histogram = times[stage]
            guard let p50 = histogram.percentile(0.5), let p95 = histogram.percentile(0.95),
                let p99 = histogram.percentile(0.99)
            else { return nil }
            return Line(
                stage: stage.name, count: histogram.count, sumSeconds: histogram.sumSeconds, p50: p50, p95: p95,
                p99: p99,
                counts: histogram.cumulative(doublings: Self.doublings).map(\.count))
        }
    }
}

/// When the loop's report is due: soon after the start, then every half minute in which frames came, and once when
/// they cease.
struct LoopReporting {
    private static let firstSeconds = 5.0
    private static let intervalSeconds = 30.0

    private let since = Timestamp.now()
    private var at: Double
    private var frameCount = 0
    private var isFirst = true
    private var wasIdle = true

    init(at now: Instant) { at = now.seconds }

    /// - Parameter frameCount: so many frames in this run so far.
    mutating func report(_ times: StageTimes, frameCount: Int, at now: Instant, isLast: Bool = false) -> LoopReport? {
        let seconds = now.seconds - at
        guard isLast || seconds >= (isFirst ? Self.firstSeconds : Self.intervalSeconds) else { return nil }
        let rate = Double(frameCount - self.frameCount) / max(seconds, 1e-3)
        let isIdle = frameCount == self.frameCount
        defer {
            (at, isFirst, wasIdle) = (now.seconds, false, isIdle)
            self.frameCount = frameCount
        }
        return isIdle && wasIdle ? nil : LoopReport(times, since: since, framesPerSecond: rate)
    }
}

extension Deployment {
    /// What the newest run wrote down of its loop; `nil` if it had no frames long enough.
    func loopReport() throws -> LoopReport? {
        try store.loopReport().map { try CanonicalJSON.decode(LoopReport.self, from: $0, named: "the loop's report") }
    }
}
