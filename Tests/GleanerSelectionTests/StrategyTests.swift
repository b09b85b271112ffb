import GleanerCore
import GleanerSelection
import GleanerTesting
import Testing

@Suite("Query strategies")
struct StrategyTests {
    @Test(
        "a margin is large where two classes are close",
        arguments: [
            ([0.5, 0.5, 0], 1.0), ([0.6, 0.3, 0.1], 0.7), ([0.1, 0.3, 0.6], 0.7), ([1, 0, 0], 0),
            ([0.25, 0.25, 0.25, 0.25], 1), ([0, 1], 0),
        ] as [([Float], Double)])
    func margin(probabilities: [Float], expected: Double) throws {
        try expectUtility(Margin(), .classified(probabilities), expected)
    }

    @Test(
        "least confidence is scaled by the number of classes",
        arguments: [
            ([0.5, 0.5], 1.0), ([0.5, 0.5, 0], 0.75), ([0.6, 0.3, 0.1], 0.6), ([1, 0, 0], 0),
            ([0.25, 0.25, 0.25, 0.25], 1),
        ] as [([Float], Double)])
    func leastConfidence(probabilities: [Float], expected: Double) throws {
        try expectUtility(LeastConfidence(), .classified(probabilities), expected)
    }

    @Test(
        "entropy is 1 for equal probabilities and 0 for a certain class",
        arguments: [
            ([0.5, 0.5], 1.0), ([1, 0], 0), ([0.5, 0.5, 0, 0], 0.5), ([0.9, 0.1], 0.468_995_6),
        ] as [([Float], Double)])
    func entropy(probabilities: [Float], expected: Double) throws {
        try expectUtility(Entropy(), .classified(probabilities), expected)
    }

    @Test(
        "boxes near a half are uncertain, and what was almost seen counts",
        arguments: [
            // 1 − |2s − 1| of the three least certain claims, averaged.
            ([0.75], 0.5), ([0.75, 0.95], 0.3), ([1, 0.9, 0.8, 0.7], (0.2 + 0.4 + 0.6) / 3),
            // 0.8 s of the best below 0.65.
            ([0.6], 0.48), ([0.5, 0.25], 0.4), ([1, 0.5], 0.4), ([0.05], 0.04),
            ([], 0), ([1], 0),
        ] as [([Float], Double)])
    func boxUncertainty(scores: [Float], expected: Double) throws {
        try expectUtility(BoxUncertainty(), .detected(scores), expected)
    }

    @Test func theNumberOfAveragedBoxesIsAnOption() throws {
        let strategy = try make(BoxUncertainty.entry, ["k": .integer(1)])
        try expectUtility(strategy, .detected([1, 1, 0.75]), 0.5)
    }

    @Test(
        "the utility falls with the distance from the threshold",
        arguments: [([0.75, 0.25], 1.0), ([0.8, 0.2], 0.5), ([0.7, 0.3], 0.5), ([0.95, 0.05], 0)] as [([Float], Double)]
    )
    func closeToThreshold(probabilities: [Float], expected: Double) throws {
        let strategy = try make(CloseToThreshold.entry, ["threshold": .number(0.75)])
        try expectUtility(strategy, .classified(probabilities), expected)
    }

    @Test func theClosestBoxOfTheNamedClassesCounts() throws {
        let frame = Candidate.detected([0.9, 0.56, 0.5], classIndices: [0, 0, 1])
        try expectUtility(CloseToThreshold(), frame, 1)
        try expectUtility(CloseToThreshold(classes: ["apple"]), frame, 0.4)
        try expectUtility(CloseToThreshold(classes: ["pear"]), frame, 0)
        try expectUtility(CloseToThreshold(), .detected([]), 0)
    }

    @Test func energyRanksFramesByHowLittleIsKnownInThem() {
        var energy = Energy()
        func utility(_ logSumExp: Float?) -> Double? {
            let prediction = Prediction.classification(probabilities: [0.5, 0.5], logSumExp: logSumExp)
            var candidate = Candidate.classified([0.5, 0.5])
            candidate.prediction = prediction
            return energy.utility(of: candidate, in: .test)?.value
        }
        // Nothing to compare with; then stranger than all, more familiar than all, between, and as familiar as one.
        #expect([5, 2, 9, 4, 9].map { utility($0) } == [0.5, 1, 0, 2.0 / 3, 0.125])
        #expect(utility(nil) == nil && utility(.nan) == nil)
    }

    @Test(
        "a class that could as well be there as not is in doubt",
        arguments: [([0.9, 0.9], 0.2), ([1, 0, 0.5], 1), ([1, 0], 0), ([0.3], 0.6)] as [([Float], Double)])
    func multiLabel(probabilities: [Float], expected: Double) throws {
        try expectUtility(MultiLabel(), .classified(probabilities), expected)
    }

    @Test func hardClassesWeighMoreInRelationToTheHardest() throws {
        var candidate = Candidate.detected([0.7, 0.8], classIndices: [0, 1])
        // 0.6 and 0.4, on the mean 0.5.
        try expectUtility(BoxUncertainty(), candidate, 0.5)
        candidate.manifest.difficulty = ["leaf": 2]
        // Apples weigh half of leaves: 0.3 and 0.4.
        try expectUtility(BoxUncertainty(), candidate, 0.35)
        try expectUtility(BoxUncertainty(aggregation: .max), candidate, 0.4)
        try expectUtility(BoxUncertainty(aggregation: .sum), candidate, 0.7)
    }

    @Test(
        arguments: [
            ([1, 0], [0, 1], 1.0), ([0.5, 0.5], [0.5, 0.5], 0), ([0.75, 0.25, 0], [0.5, 0.25, 0.25], 0.25),
        ] as [([Float], [Float], Double)])
    func twoClassifiersDisagreeByWhatTheyGiveToOtherClasses(one: [Float], other: [Float], expected: Double) {
        let found = Disagreement.between(.classification(probabilities: one), .classification(probabilities: other))
        #expect(found == Utility(expected))
    }

    @Test func twoDetectorsDisagreeByTheBoxesThatTheOtherDoesNotClaim() {
        func box(_ x: Float, _ classIndex: Int, _ score: Float = 0.9) -> Detection {
            Detection(box: Box(x: x, y: 0, width: 10, height: 10), classIndex: classIndex, score: score)
        }
        let one = Prediction.detection([box(0, 0), box(50, 1), box(90, 0, 0.2)])
        // The first agrees (an overlap of 8 / 12), the second is of another class, the third is claimed by nobody.
        let other = Prediction.detection([box(2, 0), box(50, 0), box(90, 0, 0.1)])
        #expect(Disagreement.between(one, other, scoreMin: 0.5) == Utility(0.5))
        #expect(Disagreement.between(one, one, scoreMin: 0.5) == Utility(0))
        #expect(Disagreement.between(.detection([]), other, scoreMin: 0.5) == Utility(1))
        #expect(Disagreement.between(.detection([]), .detection([])) == Utility(0))
        #expect(Disagreement.between(one, .classification(probabilities: [1, 0])) == nil)
    }

    @Test func aProbabilityLooksAtThatShareOfTheFrames() {
        let strategy = CloseToThreshold(probability: 0.3)
        let looked = (1...4000).count {
            strategy.utility(of: .classified([0.5, 0.5], sequence: $0), in: .test) == Utility(1)
        }
        #expect((1100...1300).contains(looked))
    }

    @Test func randomUtilitiesAreUniformAndRepeatable() {
        var strategy = RandomUtility()
        let utilities = (1...4000).compactMap { strategy.utility(of: .detected([], sequence: $0), in: .test) }
        let mean = utilities.map(\.value).reduce(0, +) / 4000
        #expect((0.48...0.52).contains(mean))
        #expect(Set(utilities).count == 4000)
        let ofAnother = strategy.utility(of: .classified([1, 0], sequence: 1), in: .test)
        #expect(ofAnother == utilities.first)
    }

    @Test func aSingleClassHasNoUncertainty() {
        for strategy in [Margin(), LeastConfidence(), Entropy()] as [any QueryStrategy] {
            var strategy = strategy
            #expect(strategy.utility(of: .classified([1]), in: .test) == nil)
        }
    }

    @Test(
        "each keeps the contract of query strategies",
        arguments: [
            ("margin", [.classification]), ("least-confidence", [.classification]), ("entropy", [.classification]),
            ("energy", [.classification]), ("multi-label", [.classification]),
            ("close-to-threshold", [.classification, .detection]), ("random", [.classification, .detection]),
            ("box-uncertainty", [.detection]), ("missed-objects", [.detection]),
            ("rare-class", [.classification, .detection]), ("novelty", [.classification, .detection]),
            ("diversity", [.classification, .detection]), ("periodic", [.classification, .detection]),
        ] as [(String, Set<ModelTask>)])
    func contract(name: String, tasks: Set<ModelTask>) throws {
        #expect(try QueryStrategyContract.brokenPromises(tasks: tasks) { try Self.registry.make(name) } == [])
    }

    @Test func theContractFindsAStrategyThatSharesItsState() throws {
        final class Counter: @unchecked Sendable { var count = 0 }  // One thread only.
        struct Shared: QueryStrategy {
            let counter = Counter()
            let tasks: Set<ModelTask> = [.classification]
            let measuresUncertainty = false
            func utility(of candidate: Candidate, in context: StreamContext) -> Utility? {
                counter.count += 1
                return Utility(clamping: Double(counter.count) / 1000)
            }
        }
        let found = try QueryStrategyContract.brokenPromises(tasks: [.classification]) { Shared() }
        #expect(found.count == 9)
        #expect(found.first?.hasPrefix("a copy shares no state") == true)
    }

    @Test func theLargestUtilityCountsAndIsNamed() {
        var all = Combination([
            ("margin", Margin()), ("boxes", BoxUncertainty()), ("least", LeastConfidence()), ("again", Margin()),
        ])
        // Margin 0.7, least confidence 0.6; the same margin a second time does not take the name.
        let classified = all.best(of: .classified([0.6, 0.3, 0.1]), in: .test)
        #expect(classified?.name == "margin")
        let detected = all.best(of: .detected([0.75]), in: .test)
        #expect(detected?.name == "boxes")
        #expect(detected?.utility == Utility(0.5))
        #expect(all.best(of: .classified([1]), in: .test) == nil)
    }

    @Test func wrongOptionsAreProblemsAtTheirPlace() throws {
        let problems = ProblemList()
        let options = OptionReader(
            .object(["threshold": .integer(2), "epsilom": .number(0.1)]), path: "selection.strategies[0]",
            problems: problems)
        _ = try Self.registry.make("close-to-threshold", options: options)
        #expect(
            problems.problems.map(\.path)
                == ["selection.strategies[0].threshold", "selection.strategies[0].epsilom"])
        #expect(problems.problems.last?.remedy.contains("'epsilon'") == true)
    }

    static let registry = Registry<any QueryStrategy>(
        "query strategy",
        [
            Margin.entry, LeastConfidence.entry, Entropy.entry, Energy.entry, MultiLabel.entry, CloseToThreshold.entry,
            RandomUtility.entry,
            BoxUncertainty.entry, MissedObjects.entry, RareClass.entry, Novelty.entry, Diversity.entry,
            Periodic.entry, ClassRule.entry,
        ])

    private func make(
        _ entry: Registry<any QueryStrategy>.Entry, _ options: [String: JSONValue]
    ) throws -> any QueryStrategy {
        let problems = ProblemList()
        let reader = OptionReader(.object(options), path: "", problems: problems)
        let strategy = try Registry("query strategy", [entry]).make(entry.name, options: reader)
        try problems.throwFirst()
        return strategy
    }

    private func expectUtility(
        _ strategy: any QueryStrategy, _ candidate: Candidate, _ expected: Double,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var strategy = strategy
        let found = strategy.utility(of: candidate, in: .test)
        let utility = try #require(found, sourceLocation: sourceLocation)
        #expect((utility.value - expected).magnitude < 1e-6, "\(utility.value)", sourceLocation: sourceLocation)
    }
}
