import GleanerCore

/// The first frames of a model that was swapped in: what it may do wrong before its predecessor serves again.
///
/// A value: what happened goes in, and the outcome comes out as soon as there is one. What a hang or a growing process
/// means is seen from outside the frame loop, and what a crash means at the next start.
struct Probation {
    struct Limits {
        /// Frames to serve without a fault.
        var frameCount = 200
        var failedFrameCountMax = 3
        /// How many times its predecessor's time a frame may take.
        var slowdownMax = 4.0
        /// No frame is so fast that this is too slow.
        var latencyFloorSeconds = 0.02
        /// Memory that the second half of the frames may add to the process: by then everything is there.
        var growthByteCountMax = 64 << 20
    }

    enum Outcome: Equatable {
        case confirmed
        case rejected(String)
    }

    /// What is looked at of an answer.
    struct Answer: Equatable {
        /// `nil` for a frame of which nothing is claimed.
        var topClass: String?
        var confidence: Float
        var seconds: Double
    }

    /// Frames in a row that decide whether it is slow, or says the same of all.
    private static let slowCountMax = 15
    private static let sameCountMax = 20
    private static let oneClassCountMax = 40

    let limits: Limits
    private(set) var servedCount: Int
    private(set) var failedCount = 0
    private var recent: [Answer] = []
    /// With the number of the frame that each is of.
    private var predecessor: [(frame: Int, answer: Answer)] = []
    /// What a frame took before the swap, in seconds; `nil` if nobody knows.
    private let latencyBefore: Double?
    private var memoryAtHalf: Int?

    /// - Parameter servedCount: Frames of the probation that earlier runs have seen.
    init(limits: Limits, servedCount: Int = 0, latencyBefore: Double? = nil) {
        self.limits = limits
        self.servedCount = servedCount
        self.latencyBefore = latencyBefore
    }

    /// Whether the predecessor is to be asked about the next frame too: often at first, when most is found out.
    var asksPredecessor: Bool { servedCount < 3 || servedCount % 4 == 0 }

    /// What the predecessor said of the frame, and how long it took.
    mutating func predecessorServed(_ answer: Answer) {
        predecessor.append((servedCount, answer))
        if predecessor.count > Self.oneClassCountMax { predecessor.removeFirst() }
    }

    /// A frame could not be judged, and its predecessor could judge it.
    ///
    /// - Parameter isAlone: There is no predecessor at hand that could go on judging such frames.
    mutating func failed(_ reason: String, isAlone: Bool = false) -> Outcome? {
        failedCount += 1
        guard failedCount >= limits.failedFrameCountMax || isAlone else { return nil }
        return .rejected("\(failedCount) of its first \(servedCount + failedCount) frames failed: \(reason)")
    }

    mutating func served(_ answer: Answer) -> Outcome? {
        servedCount += 1
        recent.append(answer)
        if recent.count > Self.oneClassCountMax { recent.removeFirst() }
        if let reason = slowness ?? sameness { return .rejected(reason) }
        return servedCount >= limits.frameCount ? .confirmed : nil
    }

    /// The memory of the process, now and then.
    mutating func memory(_ byteCount: Int) -> Outcome? {
        guard servedCount >= limits.frameCount / 2 else { return nil }
        guard let before = memoryAtHalf else {
            memoryAtHalf = byteCount
            return nil
        }
        guard byteCount - before > limits.growthByteCountMax else { return nil }
        return .rejected("it leaks: \(ByteCount.format(byteCount - before)) since half of its probation")
    }

    // MARK: Slow

    private var baselineSeconds: Double? {
        predecessor.count >= 3 ? Self.median(predecessor.suffix(9).map(\.answer.seconds)) : latencyBefore
    }

    private var slowness: String? {
        guard let baseline = baselineSeconds else { return nil }
        let allowed = max(baseline * limits.slowdownMax, limits.latencyFloorSeconds)
        let lately = recent.suffix(Self.slowCountMax).map(\.seconds)
        let middle = Self.median(lately)
        let last = recent.suffix(3).map(\.seconds)
        // Some slow frames can be the machine's; many are not, and three that cost a second are not waited for.
        let costs = last.count == 3 && last.allSatisfy { $0 > allowed } && last.reduce(0, +) - 3 * allowed > 1
        guard costs || lately.count == Self.slowCountMax && middle > allowed else { return nil }
        let times = (Self.median(costs ? last : lately) / max(baseline, 1e-6)).rounded()
        return
            "it is slow: a frame takes \(Self.milliseconds(costs ? Self.median(last) : middle)), \(Int(times)) times as long as its predecessor"
    }

    private static func milliseconds(_ seconds: Double) -> String { "\((seconds * 10_000).rounded() / 10) ms" }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }

    // MARK: The same of everything

    private var sameness: String? {
        guard let last = recent.last else { return nil }
        let lately = recent.suffix(Self.sameCountMax)
        let said = last.topClass.map { "'\($0)'" } ?? "nothing"
        if lately.count == Self.sameCountMax,
            lately.allSatisfy({ $0.topClass == last.topClass && ($0.confidence - last.confidence).magnitude < 1e-6 }),
            Self.vary(predecessorOfLast(Self.sameCountMax))
        {
            return "its scores collapsed: it says \(said) of \(lately.count) frames with the same score"
        }
        let before = predecessorOfLast(Self.oneClassCountMax)
        guard recent.count == Self.oneClassCountMax, recent.allSatisfy({ $0.topClass == last.topClass }),
            before.count >= 10
        else { return nil }
        let agreeing = before.count { $0.topClass == last.topClass }
        guard agreeing * 2 < before.count else { return nil }
        return
            "its scores collapsed: it says \(said) of \(recent.count) frames, its predecessor of \(agreeing) of \(before.count)"
    }

    /// What the predecessor said of the latest frames alone: earlier ones may have been of another scene.
    private func predecessorOfLast(_ frameCount: Int) -> [Answer] {
        predecessor.filter { $0.frame >= servedCount - frameCount }.map(\.answer)
    }

    private static func vary(_ answers: [Answer]) -> Bool {
        guard answers.count >= 5, let first = answers.first else { return false }
        return answers.contains {
            $0.topClass != first.topClass || ($0.confidence - first.confidence).magnitude > 1e-3
        }
    }
}
