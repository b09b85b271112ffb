public import GleanerCore

/// The promises of ``BudgetManager``, checked against any implementation.
///
/// In a test, expect that ``brokenPromises(share:secondsPerFrame:of:)`` is empty.
public struct BudgetManagerContract {
    private let share: Double
    private let secondsPerFrame: Double
    private let make: () throws -> any BudgetManager

    /// How far from the budget it may end after ``frameCount`` frames: 2 %, or three labels if that is more.
    public static let deviationMax = 0.02
    public static let frameCount = 20_000

    /// Lets budgets spend on streams of many kinds: constant, drifting, in two groups, tiny.
    ///
    /// - Parameters:
    ///   - share: The share of all frames that the budget means when one comes every `secondsPerFrame`.
    ///   - make: A new budget each time, always the same.
    /// - Returns: A sentence for each promise that does not hold.
    public static func brokenPromises(
        share: Double, secondsPerFrame: Double = 0.1, of make: @escaping () throws -> any BudgetManager
    ) throws -> [String] {
        let contract = Self(share: share, secondsPerFrame: secondsPerFrame, make: make)
        var broken: [String] = []
        broken += try contract.wrongSpending(on: .uniform, auditShare: 0)
        for stream in UtilityStream.all { broken += try contract.wrongSpending(on: stream, auditShare: 0.2) }
        if try !contract.goesOnAfterRestart() { broken.append("a restart with its state changes nothing") }
        return try broken + contract.harmfulStates()
    }

    /// The frames of a stream that are kept, by number: audit samples and admitted ones.
    private func play(
        _ stream: UtilityStream, auditShare: Double, frames: Range<Int>, on budget: inout any BudgetManager
    ) -> [Int] {
        let draw = SeededDraw(seed: 11)
        let run = RunID(counter: 1, nonce: 5)
        return frames.filter { frame in
            let now = Instant(seconds: Double(frame) * secondsPerFrame)
            budget.frameOffered(at: now)
            if draw.uniform(.audit, run: run, sequence: UInt64(frame)) < auditShare * budget.share {
                budget.spent(at: now)
                return true
            }
            return budget.admits(Utility(stream.utility(frame)), at: now)
        }
    }

    private func wrongSpending(on stream: UtilityStream, auditShare: Double) throws -> [String] {
        var budget = try make()
        let kept = play(stream, auditShare: auditShare, frames: 0..<Self.frameCount, on: &budget).count
        let due = share * Double(Self.frameCount)
        let place = "on \(stream.name) with an audit share of \(auditShare)"
        var broken: [String] = []
        if (Double(kept) - due).magnitude > max(Self.deviationMax * due, 3) {
            broken.append("the budget is held \(place): it spent \(kept) labels of \(due)")
        }
        if (budget.share - share).magnitude > 0.01 * share {
            broken.append("the share is the budget's \(place): it says \(budget.share), not \(share)")
        }
        return broken
    }

    /// A restart goes on as if there had been none, with the state written as JSON and read back.
    private func goesOnAfterRestart() throws -> Bool {
        let stream = UtilityStream.uniform
        let middle = Self.frameCount / 4
        var first = try make()
        _ = play(stream, auditShare: 0.2, frames: 0..<middle, on: &first)
        var second = try make()
        second.restore(try CanonicalJSON.decode(from: CanonicalJSON.encode(first.state), named: "the state"))
        let rest = middle..<2 * middle
        let went = play(stream, auditShare: 0.2, frames: rest, on: &first)
        return play(stream, auditShare: 0.2, frames: rest, on: &second) == went
    }

    /// A state that it does not understand leaves it as it was.
    private func harmfulStates() throws -> [String] {
        let stream = UtilityStream.uniform
        let nonsense: [JSONValue] = [
            .null, .bool(true), .integer(.min), .string("\u{0}"), .array([.number(.infinity)]), .object([:]),
            .object(["kind": .string("of another budget")]),
        ]
        var untouched = try make()
        let expected = play(stream, auditShare: 0, frames: 0..<2000, on: &untouched)
        return try nonsense.compactMap { state in
            var budget = try make()
            budget.restore(state)
            let kept = play(stream, auditShare: 0, frames: 0..<2000, on: &budget)
            return kept == expected ? nil : "a state that is not its own is ignored: \(state)"
        }
    }
}

/// Utilities as streams of frames have them, frame by frame and without randomness of their own.
struct UtilityStream: Sendable {
    let name: String
    /// The utility of a frame, in 0…1.
    let utility: @Sendable (Int) -> Double

    static let uniform = UtilityStream(name: "uniform utilities") { noise($0) }

    static let all = [
        uniform,
        UtilityStream(name: "a confident model") { cube(cube(noise($0))) },
        UtilityStream(name: "a narrow range") { 0.9 + 0.01 * noise($0) },
        UtilityStream(name: "tiny utilities") { 1e-6 * noise($0) },
        UtilityStream(name: "utilities all 0") { _ in 0 },
        UtilityStream(name: "utilities all 1") { _ in 1 },
        UtilityStream(name: "few ones among zeros") { noise($0) < 0.005 ? 1 : 0 },
        UtilityStream(name: "as many ones as zeros") { noise($0) < 0.5 ? 1 : 0 },
        UtilityStream(name: "two groups") { noise($0) < 0.1 ? 0.8 + 0.2 * noise(-$0) : 0.1 * noise(-$0) },
        UtilityStream(name: "a sudden fall") { ($0 < 10_000 ? 1 : 0.3) * noise($0) },
        UtilityStream(name: "a sudden rise") { ($0 < 10_000 ? 0.3 : 1) * noise($0) },
        UtilityStream(name: "days and nights") {
            0.1 * noise($0) + (($0 / 1500).isMultiple(of: 2) ? 0.6 : 0.1)
        },
        UtilityStream(name: "a slow fall") { 0.9 - 0.04 * Double($0) / 1000 + 0.1 * noise($0) },
    ]

    /// A number in 0..<1 for each frame.
    private static func noise(_ frame: Int) -> Double {
        SeededDraw(seed: 3).uniform(
            .strategy, run: RunID(counter: 1, nonce: 9), sequence: UInt64(bitPattern: Int64(frame)))
    }

    private static func cube(_ value: Double) -> Double { value * value * value }
}
