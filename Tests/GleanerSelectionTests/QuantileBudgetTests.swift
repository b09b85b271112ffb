import GleanerCore
import GleanerSelection
import GleanerTesting
import Testing

@Suite("Quantile budget")
struct QuantileBudgetTests {
    /// The share that the coin takes is never quite the share that it was meant to take.
    @Test(arguments: [(1.0, 1.0), (0.4, 3)]) func aBudgetForEverythingKeepsEverything(share: Double, factor: Double) {
        for seed in 1...20 as ClosedRange<UInt64> {
            var budget = QuantileBudget(share: share)
            budget.keepFactor = factor
            let kept = (0..<400).count { frame in
                let now = Instant(seconds: Double(frame))
                budget.frameOffered(at: now)
                if noise(frame, salt: seed) < 0.2 {
                    budget.spent(at: now)
                    return true
                }
                return budget.admits(Utility(noise(frame, salt: seed + 100)), at: now)
            }
            #expect(kept == 400)
        }
    }

    @Test("a share is held on every stream, across restarts", arguments: [0.02, 0.1, 0.5])
    func share(share: Double) throws {
        let broken = try BudgetManagerContract.brokenPromises(share: share) { QuantileBudget(share: share) }
        #expect(broken == [])
    }

    @Test(
        "labels a day are held on every stream, across restarts",
        arguments: [
            // 200,000 frames a day at 2.3 frames a second, and one frame every 20 seconds.
            (4000.0, 86_400.0 / 200_000), (200, 20),
        ])
    func labelsPerDay(labels: Double, secondsPerFrame: Double) throws {
        let broken = try BudgetManagerContract.brokenPromises(
            share: labels * secondsPerFrame / 86_400, secondsPerFrame: secondsPerFrame
        ) { QuantileBudget(labelsPerDay: labels) }
        #expect(broken == [])
    }

    @Test func everyFrameOfAFullBudgetIsAdmitted() {
        var stream = Stream(QuantileBudget(share: 1))
        let keptCount = (0..<3000).count { stream.offer(noise($0)) }
        #expect(keptCount == 3000)
    }

    @Test(
        "a short stream spends about its share", arguments: [(0.02, 50, 0...2), (0.1, 50, 3...7), (0.02, 200, 2...6)])
    func shortStream(share: Double, frames: Int, expected: ClosedRange<Int>) {
        var total = 0
        for seed in 0..<40 {
            var stream = Stream(QuantileBudget(share: share))
            let kept = (0..<frames).count { stream.offer(noise($0, salt: UInt64(seed))) }
            #expect(expected.contains(kept), "seed \(seed): \(kept)")
            total += kept
        }
        let due = share * Double(frames) * 40
        #expect((0.6 * due...1.4 * due).contains(Double(total)), "\(total) of \(due)")
    }

    @Test func neverMoreThanTwoLabelsAreSpentAhead() {
        var stream = Stream(QuantileBudget(share: 0.02))
        var kept = 0
        for frame in 0..<5000 {
            // Every frame is better than all before.
            if stream.offer(Double(frame) / 5000) { kept += 1 }
            #expect(Double(kept) <= 0.02 * Double(frame + 1) + 2.000_001)
        }
        #expect((98...102).contains(kept))
    }

    @Test func aSlowFallLagsByLessThanTwoWindows() {
        var stream = Stream(QuantileBudget(share: 0.005))
        let kept = (0..<20_000).count { stream.offer(0.9 - 0.04 * Double($0) / 1000 + 0.1 * noise($0)) }
        #expect((80...102).contains(kept))
    }

    @Test func theBestFramesAreTheOnesAdmitted() {
        var stream = Stream(QuantileBudget(share: 0.02))
        let utilities = (0..<20_000).map { noise($0) }
        let kept = utilities.filter { stream.offer($0) }
        // The best 2 % have a mean of 0.99, a random choice 0.5.
        #expect(kept.reduce(0, +) / Double(kept.count) > 0.97)
    }

    @Test func rareGoodFramesAreNotCrowdedOutByEqualOnes() {
        var stream = Stream(QuantileBudget(share: 0.02))
        let isGood = (0..<20_000).map { noise($0) < 0.005 }
        let kept = isGood.indices.filter { stream.offer(isGood[$0] ? 1 : 0) }
        let goodCount = isGood.count { $0 }
        #expect(Double(kept.count { isGood[$0] }) > 0.85 * Double(goodCount))
    }

    @Test func aSceneWithNothingNewSpendsLess() {
        var budget = QuantileBudget(share: 0.02)
        var kept = 0
        for frame in 0..<20_000 {
            let now = Instant(seconds: Double(frame))
            budget.frameOffered(at: now)
            // One frame in 200 is not a duplicate.
            if frame.isMultiple(of: 200), budget.admits(Utility(noise(frame)), at: now) { kept += 1 }
        }
        #expect((99...100).contains(kept))
        // What was not spent is not paid out at once: at most two windows' worth, 20 labels.
        let burst = (20_000..<20_200).count { frame in
            budget.frameOffered(at: Instant(seconds: Double(frame)))
            return budget.admits(Utility(noise(frame)), at: Instant(seconds: Double(frame)))
        }
        #expect(burst <= 20 + 4 + 2)
    }

    @Test func duplicatesDoNotCostTheirShare() {
        // Nine frames in ten are duplicates, and the tenth has to fill the budget.
        var budget = QuantileBudget(share: 0.02)
        let kept = (0..<20_000).count { frame in
            let now = Instant(seconds: Double(frame))
            budget.frameOffered(at: now)
            return frame % 10 == 3 && budget.admits(Utility(noise(frame)), at: now)
        }
        #expect((392...408).contains(kept))
    }

    @Test func aNewModelNeedsNoNewThresholdAndCostsNoLabel() {
        var stream = Stream(QuantileBudget(share: 0.02))
        var kept = (0..<5000).count { stream.offer(0.9 + 0.1 * noise($0)) }
        stream.budget.modelChanged()
        kept += (5000..<10_000).count { stream.offer(0.1 * noise($0)) }
        #expect((197...203).contains(kept))
    }

    @Test func anAbsentCameraNeitherFloodsNorRaisesTheShare() {
        var budget = QuantileBudget(labelsPerDay: 864)
        var seconds = 0.0
        var kept = 0
        func offer(_ frame: Int) {
            budget.frameOffered(at: Instant(seconds: seconds))
            if budget.admits(Utility(noise(frame)), at: Instant(seconds: seconds)) { kept += 1 }
        }
        for frame in 0..<5000 {
            seconds += 1
            offer(frame)
        }
        let before = budget.share
        seconds += 10 * 86_400
        offer(5000)
        #expect((before - 0.01).magnitude < 1e-9)
        #expect(budget.share < 1.05 * before)
        kept = 0
        for frame in 5001..<15_001 {
            seconds += 1
            offer(frame)
        }
        // 100 earned, as many from what nothing came of in ten days, and the credit.
        #expect((190...222).contains(kept))
    }

    @Test func timeThatStandsStillOrRunsBackEarnsNothing() {
        var budget = QuantileBudget(labelsPerDay: 1000)
        for seconds in [5, 5, 4, .nan, .infinity, -.infinity, -1e300, 5] {
            budget.frameOffered(at: Instant(seconds: seconds))
            let isAdmitted = budget.admits(Utility(1), at: Instant(seconds: seconds))
            #expect(!isAdmitted)
        }
        #expect(budget.share == 0)
    }

    @Test func aDamagedStateIsIgnoredAsAWhole() throws {
        var stream = Stream(QuantileBudget(share: 0.1))
        for frame in 0..<1000 { _ = stream.offer(noise(frame)) }
        guard case .object(let good) = stream.budget.state else {
            Issue.record("the state is no object")
            return
        }
        let damage: [(String, JSONValue?)] = [
            ("credit", .number(.nan)), ("credit", .string("3")), ("earned", .integer(-1)), ("frames", nil),
            ("utilities", .string("AAA")), ("utilities", .string("AAAAAAA=")), ("utilities", .string("//////8=")),
            ("utilities", nil), ("kind", .string("quantile/2")), ("pass_rate", .number(1e9)),
        ]
        for (key, value) in damage {
            var state = good
            state[key] = value
            var budget = QuantileBudget(share: 0.1)
            budget.restore(.object(state))
            #expect(budget.state == QuantileBudget(share: 0.1).state, "\(key) = \(String(describing: value))")
        }
        var whole = QuantileBudget(share: 0.1)
        whole.restore(.object(good))
        #expect(whole.state == .object(good))
    }

    @Test func oneBudgetAtATime() throws {
        func problems(_ options: [String: JSONValue]) throws -> [String] {
            let problems = ProblemList()
            let reader = OptionReader(.object(options), path: "selection.budget", problems: problems)
            _ = try Registry("budget", [QuantileBudget.entry]).make("quantile", options: reader)
            return problems.problems.map { "\($0.path): \($0.message)" }
        }
        #expect(try problems([:]) == [])
        #expect(try problems(["share": .string("2 %"), "window": .integer(1000)]) == [])
        #expect(try problems(["labels_per_day": .integer(200)]) == [])
        #expect(
            try problems(["labels_per_day": .integer(200), "share": .number(0.1)])
                == ["selection.budget: has both 'share' and 'labels_per_day'"])
        #expect(try problems(["share": .integer(0)]).count == 1)
        #expect(try problems(["labels_per_day": .number(.infinity)]).count == 1)
    }

    @Test func theOptionsReachTheBudget() throws {
        let reader = OptionReader(.object(["share": .string("5 %")]), path: "", problems: ProblemList())
        let budget = try Registry("budget", [QuantileBudget.entry]).make("quantile", options: reader)
        #expect(budget.share == 0.05)
        #expect(try Registry("budget", [QuantileBudget.entry]).make("quantile").share == 0.02)
    }
}

/// Offers frames to a budget, ten a second, all of which reach it.
private struct Stream {
    var budget: QuantileBudget
    private var frame = 0
    init(_ budget: QuantileBudget) { self.budget = budget }

    mutating func offer(_ utility: Double) -> Bool {
        frame += 1
        let now = Instant(seconds: Double(frame) / 10)
        budget.frameOffered(at: now)
        return budget.admits(Utility(utility), at: now)
    }
}
