import GleanerCore

/// Notices when scenes become less familiar than they were: the model is less sure, or frames are less like what was
/// kept.
///
/// Each scene gives one value, its first frame's, because the frames of a scene say the same thing many times. A rise
/// of half a standard deviation over what is usual is added up, and the sum raises the alarm at ten (CUSUM). What is
/// usual follows slowly, as the bank fills and days go by. A step of one standard deviation is noticed after some
/// twenty scenes; on values without a step there were fewer than one alarm in 10,000 scenes (see the tests).
///
/// An alarm says nothing about the truth. It brings audit labels forward (see ``AuditPace``), which do.
///
/// Source: Page, *Continuous Inspection Schemes*, Biometrika 1954.
struct DriftWatch: Sendable {
    /// What rose.
    enum Signal: String, Sendable, CaseIterable { case uncertainty, novelty }

    private var levels: [Signal: RisingLevel] = [:]

    /// Takes a scene's value, 0…1; whether that raises the alarm.
    mutating func observe(_ value: Double, of signal: Signal) -> Bool {
        levels[signal, default: RisingLevel()].observe(value)
    }

    /// Another model is sure of other things; what is new to it has to be learned too.
    mutating func modelChanged() { levels = [:] }

    var state: JSONValue {
        .object(Dictionary(uniqueKeysWithValues: levels.map { ($0.key.rawValue, $0.value.state) }))
    }

    /// Goes on from a ``state``; one that it does not understand is ignored.
    mutating func restore(_ state: JSONValue?) {
        guard case .object(let values)? = state else { return }
        for signal in Signal.allCases { levels[signal] = values[signal.rawValue].flatMap { RisingLevel($0) } }
    }
}

/// What is usual of one signal, and how much more there was lately.
private struct RisingLevel: Sendable {
    /// Scenes that what is usual is learned from at first, and that it looks back over later.
    static let countMin = 100.0
    static let memory = 500.0
    static let slack = 0.5
    static let alarm = 10.0

    private var count = 0.0
    private var mean = 0.0
    private var variance = 0.0
    private var excess = 0.0

    init() {}

    mutating func observe(_ value: Double) -> Bool {
        guard value.isFinite else { return false }
        if count >= Self.countMin {
            // A signal that hardly moves makes no alarm of nothing, and one odd scene none alone.
            let step = (value - mean) / max(variance.squareRoot(), 0.02)
            excess = max(0, excess + min(max(step, -3), 3) - Self.slack)
            if excess > Self.alarm {
                self = RisingLevel()
                return true
            }
        }
        // While it rises, what is usual stands still: else it would follow the drift that is to be noticed.
        guard excess <= Self.alarm / 2 else { return false }
        count += 1
        let weight = 1 / min(count, Self.memory)
        let change = value - mean
        mean += weight * change
        variance = (1 - weight) * (variance + weight * change * change)
        return false
    }

    var state: JSONValue { .array([count, mean, variance, excess].map { .number($0) }) }

    init?(_ state: JSONValue) {
        guard case .array(let items) = state, items.count == 4 else { return nil }
        let numbers = items.compactMap { item -> Double? in
            switch item {
            case .number(let number): number
            case .integer(let number): Double(number)
            default: nil
            }
        }
        guard numbers.count == 4, numbers.allSatisfy({ $0.isFinite }), numbers[0] >= 0, numbers[2] >= 0 else {
            return nil
        }
        (count, mean, variance, excess) = (numbers[0], numbers[1], numbers[2], numbers[3])
    }
}
