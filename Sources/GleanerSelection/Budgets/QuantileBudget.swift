public import GleanerCore

/// Keeps the most valuable frames that a label budget pays for, whatever range the utilities have.
///
/// A frame is kept when its utility lies above the quantile of the last utilities that the budget means:
/// `θ = quantile(1 − b / passrate)` for a share `b` of all frames of which only `passrate` reach the budget. A fixed
/// threshold would starve or flood when the scene or the model changes; a quantile follows.
///
/// A line of labels earned keeps it honest: `θ` falls by a 50th of the utilities' spread (95th − 5th percentile) for
/// every label behind the line and rises for every label ahead, at most two are spent ahead, and credit that nothing
/// was worth spending on is bounded. So a scene in which nothing new happens spends less than its budget. Labels that
/// the audit coin spends come off the same line.
///
/// Source: Kottke, Krempl, Spiliopoulou, *Probabilistic active learning in datastreams*, IDA 2015 (balanced
/// incremental quantile filter). There the window is 100 whatever the budget, which makes θ the maximum at 1 %.
public struct QuantileBudget: BudgetManager {
    public static let entry = Registry<any BudgetManager>.Entry(
        "quantile", "The best frames that a share of all frames, or a number of labels a day, pays for."
    ) { options in
        let share = options.share("share", in: 0.000_01...1)
        let day = options.number("labels_per_day", in: 0.01...10_000_000)
        let window = options.integer("window", in: 50...UtilityWindow.capacityMax)
        if share != nil, day != nil {
            options.problems.add(
                options.path, "has both 'share' and 'labels_per_day'", remedy: "keep the one that you mean")
        }
        if let day { return QuantileBudget(labelsPerDay: day, window: window) }
        return QuantileBudget(share: share ?? standardShare, window: window)
    }

    public static let standardShare = 0.02

    /// The labels behind the line that lower θ by the whole spread, with a full window.
    private static let tolerance = 50.0

    private var line: LabelLine
    private var utilities = UtilityWindow()

    /// Keeps a share of all offered frames.
    ///
    /// - Parameters:
    ///   - share: More than 0, at most 1.
    ///   - window: How many utilities the quantile is taken over; `clamp(10 / share, 400, 4096)` when `nil`.
    public init(share: Double = Self.standardShare, window: Int? = nil) {
        precondition(share > 0 && share <= 1, "a share is more than 0 and at most 1")
        line = LabelLine(pace: .share(share), window: window)
    }

    /// Keeps a number of frames for each day that the collector runs, however many are offered.
    public init(labelsPerDay: Double, window: Int? = nil) {
        precondition(labelsPerDay > 0 && labelsPerDay.isFinite, "a budget is more than 0 labels a day")
        line = LabelLine(pace: .labelsPerDay(labelsPerDay), window: window)
    }

    public var share: Double { line.labelShare }
    public var labelsEarned: Double { line.labelsEarned }
    public var keepFactor: Double {
        get { line.keepFactor }
        set { line.keepFactor = max(newValue, 1) }
    }

    public mutating func frameOffered(at now: Instant) { line.frameOffered(at: now) }

    public mutating func spent(at now: Instant) { line.spendElsewhere() }

    /// Ranks start anew; the line goes on, so that a model change neither grants nor costs a label.
    public mutating func modelChanged() {
        utilities.removeAll()
        line.modelChanged()
    }

    public mutating func admits(_ utility: Utility, at now: Instant) -> Bool {
        line.frameReached()
        let value = Float(utility.value)
        let admitted = line.hasRoom && isWorthOne(Double(value))
        if admitted { line.spend() }
        utilities.append(value, capacity: line.window)
        return admitted
    }

    private func isWorthOne(_ value: Double) -> Bool {
        // Either there is nothing to choose from, or the credit is full: then the history says nothing about now.
        if line.share >= 1 || line.level >= 1 || line.credit >= line.creditMax { return true }
        // Equal utilities fill the line only when a label is due, so that the advance is left for better ones.
        let isDue = line.credit >= 0.5
        guard utilities.count > 0 else { return isDue }
        let threshold = utilities.quantile(1 - line.level)
        return value >= threshold - utilities.spread * pressure && (value > threshold || isDue)
    }

    /// How far θ is shifted, in spreads: up with the labels behind the line, without bound as credit fills
    /// up. The fewer utilities are known the less θ is worth, and the more the line leads.
    private var pressure: Double {
        let trust = min(1, Double(utilities.count) / Double(line.window))
        let linear = line.credit / (Self.tolerance * trust)
        return line.credit > 0 ? linear / (1 - line.credit / line.creditMax) : linear
    }
}

extension QuantileBudget {
    private static let stateKind = "quantile/1"

    public var state: JSONValue {
        var state = line.state
        state["kind"] = .string(Self.stateKind)
        state["utilities"] = .string(utilities.encoded)
        return .object(state)
    }

    /// A state of other options is taken too: its credit and its utilities mean the same under a new budget.
    public mutating func restore(_ state: JSONValue) {
        guard case .object(let values) = state, values["kind"] == .string(Self.stateKind),
            case .string(let text)? = values["utilities"], let window = UtilityWindow(encoded: text),
            line.restore(values)
        else { return }
        utilities = window
    }
}
