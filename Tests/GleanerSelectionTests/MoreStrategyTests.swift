import GleanerCore
import GleanerTesting
import Testing

@testable import GleanerSelection

@Suite("Query strategies with rules and memories")
struct MoreStrategyTests {
    private func values(_ strategy: some QueryStrategy, _ candidates: [Candidate]) -> [Double?] {
        var strategy = strategy
        return candidates.map { strategy.utility(of: $0, in: .test)?.value }
    }

    // MARK: Rules

    @Test func emptyFramesCanBeAskedFor() {
        let rule = ClassRule(lessThan: 1)
        // Below 0.65 nothing is claimed.
        #expect(values(rule, [.detected([]), .detected([0.6]), .detected([0.7])]) == [1, 1, 0])
    }

    @Test func objectsOfSomeClassesAreCounted() {
        let rule = ClassRule(classes: ["leaf"], moreThan: 1, lessThan: 4)
        func frame(_ leaves: Int) -> Candidate {
            .detected(
                [Float](repeating: 0.9, count: leaves + 2), classIndices: [0, 0] + [Int](repeating: 1, count: leaves))
        }
        #expect(values(rule, (0...4).map(frame)) == [0, 0, 1, 1, 0])
    }

    @Test func aClassifierCountsItsBestClass() {
        let rule = ClassRule(classes: ["class 1"], moreThan: 0)
        #expect(values(rule, [.classified([0.2, 0.8]), .classified([0.8, 0.2])]) == [1, 0])
    }

    @Test func aRuleWithoutANumberIsAProblem() throws {
        let problems = ProblemList()
        let reader = OptionReader(.object([:]), path: "here", problems: problems)
        _ = try StrategyTests.registry.make("class-rule", options: reader)
        #expect(problems.problems.map(\.path) == ["here"])
    }

    @Test func aRuleKeepsTheContract() throws {
        #expect(
            try QueryStrategyContract.brokenPromises(tasks: [.classification, .detection]) { ClassRule(lessThan: 1) }
                == [])
    }

    // MARK: Memories

    /// By hand, without fading to speak of: nothing is known at first; then class 0 was seen 1, 2, … times.
    @Test func whatWasSeldomSeenIsRare() {
        let often = Candidate.classified([0.9, 0.1])
        let seldom = Candidate.classified([0.1, 0.9])
        let found = values(RareClass(window: 10_000_000), [often, often, often, often, seldom, seldom, often])
            .map { ($0 ?? -1) }
        // A class never seen 1; seen once beside four 0.75; the most frequent 0.
        #expect(zip(found, [0, 0, 0, 0, 1, 0.75, 0]).allSatisfy { ($0 - $1).magnitude < 1e-4 }, "\(found)")
    }

    @Test func rarityFades() {
        let a = Candidate.classified([0.9, 0.1])
        let b = Candidate.classified([0.1, 0.9])
        // A hundred of a, then a hundred of b with a window of ten: a is rare now.
        let found = values(
            RareClass(window: 10), [Candidate](repeating: a, count: 100) + [Candidate](repeating: b, count: 100) + [a])
        #expect((found.last ?? 0) ?? 0 > 0.99)
    }

    @Test func everySoManiethFrameIsDue() {
        let frames = (0..<7).map { _ in Candidate.classified([1, 0]) }
        #expect(values(Periodic(everyFrames: 3), frames) == [1, 0, 0, 1, 0, 0, 1])
    }

    @Test func afterAGapThereIsNoBurst() {
        var strategy = Periodic(everySeconds: 10)
        let found = [0.0, 5, 10, 100, 105, 110].map { seconds in
            strategy.utility(
                of: .classified([1, 0]),
                in: StreamContext(run: .test, now: Instant(seconds: seconds), draw: SeededDraw(seed: 1)))?.value
        }
        #expect(found == [1, 0, 1, 1, 0, 1])
    }

    @Test func noveltyIsTheDistanceToWhatWasKept() {
        func utility(_ distance: Double?) -> Double? {
            var novelty = Novelty()
            return novelty.utility(
                of: .classified([1, 0]),
                in: StreamContext(run: .test, now: Instant(seconds: 0), draw: SeededDraw(seed: 1), distance: distance))?
                .value
        }
        #expect([0, 0.25, 0.5, 3, nil].map(utility) == [0, 0.5, 1, 1, 1])
    }

    @Test func diversityHoldsItsTargetRatio() {
        var strategy = Diversity(targetRatio: 0.1)
        let taken = (0..<20_000).count { step in
            let context = StreamContext(
                run: .test, now: Instant(seconds: 0), draw: SeededDraw(seed: 1), distance: noise(step))
            return strategy.utility(of: .classified([1, 0]), in: context) == Utility(1)
        }
        #expect(abs(Double(taken) / 20_000 - 0.1) < 0.01, "\(taken)")
    }

    // MARK: Boxes

    /// Uncertainties by hand: scores 0.75, 0.8, 1 give 0.5, 0.4, 0.
    @Test(arguments: [
        (BoxUncertainty.Aggregation.topK, 0.3), (.max, 0.5), (.sum, 0.9), (.noisyOr, 0.7),
    ])
    func boxesTogether(aggregation: BoxUncertainty.Aggregation, expected: Double) throws {
        let found = BoxUncertainty(aggregation: aggregation).utility(of: .detected([0.75, 0.8, 1]), in: .test)
        #expect(abs(try #require(found).value - expected) < 1e-6)
    }

    /// A frame of 100 × 100 with boxes of 10 × 10 whose left edges are these.
    private func boxes(_ lefts: [Float], classIndex: Int = 0, extra: [Detection] = []) -> Candidate {
        var candidate = Candidate.detected([])
        candidate.frameSize = FrameSize(width: 100, height: 100)
        candidate.prediction = .detection(
            lefts.map {
                Detection(box: Box(x: $0, y: 45, width: 10, height: 10), classIndex: classIndex, score: 0.9)
            } + extra)
        return candidate
    }

    @Test func whatVanishesInTheMiddleFlickers() {
        // Two boxes; one vanishes (1 of 3), nothing changes (halved), it comes back (1 of 3 and a quarter of before).
        let found = values(MissedObjects(), [[20, 60], [20], [20], [20, 60]].map { boxes($0) }).map { $0 ?? -1 }
        let expected = [0, 1.0 / 6, 1.0 / 12, (1.0 / 12 + 1.0 / 3) / 2]
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "\(found)")
    }

    @Test func whatLeavesByTheEdgeOrMovesALittleDoesNot() {
        #expect(values(MissedObjects(), [[2, 50], [52], [55]].map { boxes($0) }) == [0, 0, 0])
    }

    @Test func aBoxThatChangesItsClassFlickers() {
        let found = values(MissedObjects(), [boxes([50]), boxes([50], classIndex: 1)])
        #expect(found == [0, 0.25])
    }

    @Test func whatWasAlmostSeenCountsToo() {
        let faint = Detection(box: Box(x: 0, y: 0, width: 5, height: 5), classIndex: 0, score: 0.5)
        let found = values(MissedObjects(), [boxes([50], extra: [faint])])
        #expect(found == [0.4])
    }

    // MARK: Together

    @Test func utilitiesAreAveragedByWeight() throws {
        // Margin 0.7, least confidence 0.6: (0.7 + 3 · 0.6) / 4.
        var weighted = Combination(
            [("margin", Margin()), ("least", LeastConfidence()), ("boxes", BoxUncertainty())], mode: .weighted,
            weights: [1, 3, 100])
        let found = weighted.best(of: .classified([0.6, 0.3, 0.1]), in: .test)
        let answer = try #require(found)
        #expect(abs(answer.utility.value - 0.625) < 1e-6)
        #expect(answer.name == "least")
    }

    @Test func theFirstThatAppliesCounts() throws {
        var first = Combination(
            [("rule", ClassRule(classes: ["class 2"], moreThan: 0)), ("margin", Margin())], mode: .first)
        let byRule = first.best(of: .classified([0, 0.1, 0.9]), in: .test)
        let byMargin = first.best(of: .classified([0.6, 0.3, 0.1]), in: .test)
        let nothing = first.best(of: .classified([1, 0, 0]), in: .test)
        #expect(byRule?.name == "rule" && byRule?.utility == Utility(1))
        #expect(byMargin?.name == "margin")
        #expect(nothing?.name == "rule" && nothing?.utility == Utility(0))
    }
}

@Suite("Limits")
struct RateLimitTests {
    private func kept(_ limits: RateLimits, at seconds: [Double], of topClass: String? = nil) -> [Double] {
        var limits = limits
        return seconds.filter { second in
            let now = Instant(seconds: second)
            guard limits.allow(topClass, at: now) else { return false }
            limits.record(topClass, at: now)
            return true
        }
    }

    @Test func soManyInASpanAndNoMore() {
        let limits = RateLimits(limits: [.init(count: 2, seconds: 60)])
        #expect(kept(limits, at: [0, 10, 20, 59, 60, 65, 70, 120]) == [0, 10, 60, 70, 120])
    }

    @Test func theTightestLimitCounts() {
        let limits = RateLimits(limits: [.init(count: 2, seconds: 10), .init(count: 3, seconds: 100)])
        #expect(kept(limits, at: [0, 1, 2, 10, 11, 50, 99, 100, 101]) == [0, 1, 10, 100, 101])
    }

    @Test func framesKeepTheirDistance() {
        #expect(kept(RateLimits(secondsBetween: 5), at: [0, 1, 4, 5, 9, 10]) == [0, 5, 10])
    }

    @Test func classesCoolDownEachForItself() {
        var limits = RateLimits(secondsBetweenOfClass: 30)
        limits.record("wasp", at: Instant(seconds: 0))
        #expect(!limits.allow("wasp", at: Instant(seconds: 29)))
        #expect(limits.allow("wasp", at: Instant(seconds: 30)))
        #expect(limits.allow("bee", at: Instant(seconds: 1)) && limits.allow(nil, at: Instant(seconds: 1)))
    }

    @Test func aRestartGoesOn() throws {
        var limits = RateLimits(limits: [.init(count: 2, seconds: 60)], secondsBetweenOfClass: 30)
        limits.record("wasp", at: Instant(seconds: 0))
        limits.record("bee", at: Instant(seconds: 1))
        var restarted = RateLimits(limits: [.init(count: 2, seconds: 60)], secondsBetweenOfClass: 30)
        restarted.restore(try CanonicalJSON.decode(from: CanonicalJSON.encode(limits.state), named: "the state"))
        #expect(restarted == limits)
        for nonsense in [nil, .null, .object([:]), .object(["kept": .array([.string("x")]), "classes": .object([:])])]
            as [JSONValue?]
        {
            var fresh = RateLimits(limits: [.init(count: 2, seconds: 60)])
            fresh.restore(nonsense)
            #expect(fresh.allow(nil, at: Instant(seconds: 0)))
        }
    }

    @Test func auditSamplesAreExempt() {
        var selector = Selector(
            settings: SelectorSettings(
                strategies: Combination([("margin", Margin())]), budget: QuantileBudget(share: 1),
                limits: RateLimits(limits: [.init(count: 1, seconds: 1e9)]), auditShare: 0.5, hashDistanceMax: nil,
                fixedWeight: 1),
            draw: SeededDraw(seed: 1), run: .test)
        var reasons: [String: Int] = [:]
        for sequence in 1...200 {
            let candidate = Candidate.classified([0.5, 0.5], sequence: UInt64(sequence))
            let now = Instant(seconds: Double(sequence))
            let gate = selector.gate(sequence: candidate.sequence, hash: candidate.hash, at: now)
            switch selector.decide(candidate, gate: gate, at: now) {
            case .keep(let choice): reasons[choice.reason.description, default: 0] += 1
            case .reject(let reason, _, _): reasons[reason.rawValue, default: 0] += 1
            }
        }
        #expect(reasons["margin"] == 1)
        #expect(reasons["audit"] ?? 0 > 70)
        #expect(reasons["limited"] ?? 0 > 70)
    }
}

/// Classifiers whose classes do not exclude each other.
@Suite struct IndependentClassesStrategyTests {
    private func scores(_ probabilities: [Float]) -> FrameScores {
        FrameScores(.classification(probabilities: probabilities), scoreMin: 0.5)
    }

    @Test func theClassInMostDoubtStandsForAll() throws {
        guard case .classification(let topClass, let top, let second, let entropy) = scores([0.99, 0.3, 0.02]) else {
            Issue.record("no classification")
            return
        }
        #expect(topClass == 0)
        #expect(abs(top - 0.7) < 1e-6 && abs(second - 0.3) < 1e-6)
        // −(0.3 ln 0.3 + 0.7 ln 0.7) / ln 2
        #expect(abs(entropy - 0.8813) < 1e-4)
    }

    @Test func twoCertainClassesAreNoDoubt() {
        guard case .classification(_, let top, let second, _) = scores([1, 1, 0]) else {
            Issue.record("no classification")
            return
        }
        #expect(top == 1 && second == 0)
    }

    @Test func aSingleClassIsAQuestionToo() {
        guard case .classification(_, let top, _, _) = scores([0.4]) else {
            Issue.record("no classification")
            return
        }
        #expect(abs(top - 0.6) < 1e-6)
    }

    @Test func disagreementIsTheLargestDifference() throws {
        let difference = Disagreement.between(
            .classification(probabilities: [0.9, 0.9, 0.1]), .classification(probabilities: [0.9, 0.2, 0.3]))
        #expect(abs(try #require(difference).value - 0.7) < 1e-6)
    }
}
