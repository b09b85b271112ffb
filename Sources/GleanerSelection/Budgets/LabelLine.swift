import GleanerCore

/// How many labels there should have been by now, and how many there were.
///
/// Every frame (or every second) earns a part of a label, every kept frame spends one, and the difference is the
/// credit. It also knows what a quantile needs to follow the line: which share of all frames is wanted, and which
/// share of them reaches the budget at all.
struct LabelLine {
    /// How fast labels are earned.
    enum Pace: Hashable, Sendable {
        /// A part of every offered frame, in 0…1.
        case share(Double)
        /// Labels for every day that the collector runs, whatever the number of frames.
        case labelsPerDay(Double)
    }

    /// However well the utilities promise, never more labels than this before they are earned.
    static let aheadMax = 2.0
    static let secondsPerDay = 86_400.0

    let pace: Pace
    /// How many frames are kept for every label there will be, at least 1: which of them are labeled is chosen when
    /// they leave.
    var keepFactor = 1.0
    /// Frames that the averages below look back over; `nil` follows from the share.
    let windowOption: Int?

    /// Frames that may be kept and were not yet; negative when spent ahead. All that follows is counted in kept frames.
    private(set) var credit = 0.0
    private var reserve = 0.0
    /// Labels, without the factor.
    private(set) var labelsEarned = 0.0
    /// All that was ever earned, and what of it other rules spent.
    private var earned = 0.0
    private var spentElsewhere = 0.0
    /// Earned since utilities come from this model.
    private var earnedWithModel = 0.0
    /// Frames offered.
    private var frames = 0.0
    /// The running mean of frames that reached the budget.
    private var passRate = 0.0
    /// The running mean of seconds between two frames, and the moment of the last one.
    private var interval = 0.0
    private var lastSeconds: Double?

    init(pace: Pace, window: Int?) {
        self.pace = pace
        windowOption = window
    }

    /// The share of offered frames that the pace means to have labeled.
    var labelShare: Double {
        switch pace {
        case .share(let share): share
        case .labelsPerDay(let count): interval > 0 ? min(1, count * interval / Self.secondsPerDay) : 0
        }
    }

    /// The share of offered frames that is to be kept.
    var share: Double { min(1, labelShare * keepFactor) }

    /// `clamp(10 / share, 400, 4096)`: wide enough for some ten kept frames, so that the quantile is not the maximum.
    var window: Int {
        if let windowOption { return windowOption }
        let share = share
        return share > 10.0 / 4096 ? max(400, Int(10 / share)) : 4096
    }

    /// Credit never grows beyond this, so that a dull night does not become a burst: the labels of two windows.
    var creditMax: Double {
        let ofWindows = max(10, 2 * share * Double(window))
        return switch pace {
        case .share: ofWindows
        case .labelsPerDay(let count): min(ofWindows, max(1, count * keepFactor))
        }
    }

    /// What is beyond it waits here, up to a day's labels, and is paid out as fast as labels are earned. So the day
    /// after a dull night keeps at most twice as many. A share knows no day, and what is beyond expires.
    private var reserveMax: Double {
        switch pace {
        case .share: 0
        case .labelsPerDay(let count): max(0, count * keepFactor - creditMax)
        }
    }

    /// The share of those that reach the budget that must be kept to stay on the line; 1 and more means all of them.
    var level: Double {
        guard earned > 0 else { return 0 }
        let net = share * max(0, 1 - spentElsewhere / earned)
        return passRate > 0 ? net / passRate : 0
    }

    /// Whether one more may be spent. At first, and after a change of model, less than the full advance is allowed:
    /// the quantile of a few utilities is worth little.
    var hasRoom: Bool { credit - 1 >= -min(Self.aheadMax, earnedWithModel) }

    mutating func frameOffered(at now: Instant) {
        frames += 1
        let weight = 1 / min(frames, Double(window))
        passRate -= passRate * weight
        let labels = labelsEarned(at: now)
        labelsEarned += labels
        let frames =
            switch pace {
            case .share: share
            case .labelsPerDay: labels * keepFactor
            }
        earned += frames
        earnedWithModel += frames
        let paidOut = min(frames, reserve)
        let total = credit + frames + paidOut
        credit = min(total, creditMax)
        reserve = min(reserve - paidOut + (total - credit), reserveMax)
    }

    /// The offered frame came as far as the budget.
    mutating func frameReached() {
        passRate += 1 / min(max(frames, 1), Double(window))
    }

    mutating func spend() { credit -= 1 }

    mutating func spendElsewhere() {
        credit -= 1
        spentElsewhere += 1
    }

    mutating func modelChanged() { earnedWithModel = 0 }

    private mutating func labelsEarned(at now: Instant) -> Double {
        guard case .labelsPerDay(let count) = pace else { return labelShare }
        guard now.seconds.isFinite else { return 0 }
        defer { lastSeconds = max(now.seconds, lastSeconds ?? now.seconds) }
        guard let lastSeconds, now.seconds > lastSeconds else { return 0 }
        let passed = now.seconds - lastSeconds
        // One long gap (a camera that was away) must not pass for a slow stream.
        let typical = interval > 0 ? min(passed, 10 * interval) : passed
        interval += (typical - interval) / min(max(frames - 1, 1), Double(window))
        return count * passed / Self.secondsPerDay
    }
}

extension LabelLine {
    var state: [String: JSONValue] {
        var state: [String: JSONValue] = [
            "labels_earned": .number(labelsEarned), "credit": .number(credit), "reserve": .number(reserve),
            "earned": .number(earned),
            "spent_elsewhere": .number(spentElsewhere),
            "earned_with_model": .number(earnedWithModel), "frames": .number(frames),
            "pass_rate": .number(passRate), "interval_seconds": .number(interval),
        ]
        state["last_seconds"] = lastSeconds.map { .number($0) }
        return state
    }

    /// Goes on from a ``state``; `false`, and nothing changes, if that is none.
    mutating func restore(_ state: [String: JSONValue]) -> Bool {
        func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
            let value: Double
            switch state[key] {
            case .number(let number)?: value = number
            case .integer(let number)?: value = Double(number)
            default: return nil
            }
            return range.contains(value) ? value : nil
        }
        let large = 1e15
        guard let credit = number("credit", in: -large...large), let reserve = number("reserve", in: 0...large),
            let earned = number("earned", in: 0...large),
            let elsewhere = number("spent_elsewhere", in: 0...large),
            let earnedWithModel = number("earned_with_model", in: 0...large),
            let frames = number("frames", in: 0...large), let passRate = number("pass_rate", in: 0...2),
            let interval = number("interval_seconds", in: 0...large)
        else { return false }
        self.earned = earned
        labelsEarned = number("labels_earned", in: 0...large) ?? 0
        spentElsewhere = elsewhere
        self.earnedWithModel = earnedWithModel
        self.frames = frames
        self.passRate = passRate
        self.interval = interval
        lastSeconds = number("last_seconds", in: -large...large)
        self.credit = min(credit, creditMax)
        self.reserve = min(reserve, reserveMax)
        return true
    }
}
