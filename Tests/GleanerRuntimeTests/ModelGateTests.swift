import Foundation
import GleanerCore
import GleanerStore
import Testing

@testable import GleanerRuntime

@Suite struct ModelGateTests {
    typealias Gate = ModelVerdict.Gate

    private func manifest(trainedOn: [BatchID]? = nil, onTest: Bool? = nil) -> ModelManifest {
        var manifest = ModelManifest(
            name: "digits", version: 1, task: .classification, bytes: 1, sha256: Digest(of: [1]), labels: ["3", "5"],
            input: InputSpec(width: 2, height: 2), decoder: DecoderSpec(name: "classification"))
        manifest.trainedOn = trainedOn?.map(\.description)
        manifest.trainedOnTest = onTest
        return manifest
    }

    private static let batches = (1...3).map { BatchID(Digest(of: [UInt8($0)])) }

    private func sample(_ sequence: UInt64 = 1, in batches: BatchID...) -> LabeledAuditSample {
        LabeledAuditSample(
            id: SampleID(device: DeviceID(rawValue: 1), run: RunID(counter: 1, nonce: 1), sequence: sequence),
            label: .classified("3"), trainingBatches: Set(batches))
    }

    // MARK: Which samples count

    /// What a manifest says, and what it makes of a sample that is in the first batch, and of one that is in none.
    @Test(
        arguments: [
            // Nobody knows what it was trained on.
            (nil, nil, .unknown, .unknown), (nil, false, .unknown, .unknown), (nil, true, nil, nil),
            // On the first batch: without its samples of the split `test`, unless it says otherwise.
            ([1], nil, .heldOut, .disjoint), ([1], false, .heldOut, .disjoint), ([1], true, nil, .disjoint),
            ([2, 1], true, nil, .disjoint),
            // On others, or none.
            ([2], nil, .disjoint, .disjoint), ([2, 3], true, .disjoint, .disjoint), ([], true, .disjoint, .disjoint),
        ] as [([Int]?, Bool?, Gate.Lineage?, Gate.Lineage?)])
    func whatAModelWasTrainedOnSaysNothingOfIt(
        trainedOn: [Int]?, onTest: Bool?, inFirst: Gate.Lineage?, inNone: Gate.Lineage?
    ) {
        let manifest = manifest(trainedOn: trainedOn?.map { Self.batches[$0 - 1] }, onTest: onTest)
        #expect(ModelGate.lineage(of: sample(in: Self.batches[0]), for: manifest) == inFirst)
        #expect(ModelGate.lineage(of: sample(), for: manifest) == inNone)
    }

    @Test func onlySamplesThatSaySomethingOfBothCount() {
        let (first, second, third) = (Self.batches[0], Self.batches[1], Self.batches[2])
        let samples = [sample(1, in: first), sample(2, in: second), sample(3, in: third, first), sample(4)]
        let challenger = manifest(trainedOn: [first], onTest: true)
        let active = manifest(trainedOn: [second])
        let usable = ModelGate.usable(samples, challenger: challenger, active: active)
        #expect(usable.samples.map(\.id.sequence) == [2, 4])
        #expect(usable.challenger == .disjoint && usable.active == .heldOut)
        // Without the second, nothing is left that the active model was trained beside.
        let fewer = ModelGate.usable([samples[0], samples[3]], challenger: challenger, active: active)
        #expect(fewer.samples.map(\.id.sequence) == [4] && fewer.active == .disjoint)
    }

    @Test func whereNobodyKnowsTheLineageIsUnknownEvenWithoutSamples() {
        let unknown = manifest()
        let none = ModelGate.usable([], challenger: unknown, active: manifest(trainedOn: []))
        #expect(none.samples.isEmpty && none.challenger == .unknown && none.active == .disjoint)
        let all = ModelGate.usable([sample()], challenger: manifest(trainedOn: Self.batches), active: unknown)
        #expect(all.samples.count == 1 && all.challenger == .disjoint && all.active == .unknown)
    }

    // MARK: Decisions

    private func said(_ label: String) -> PredictionRecord {
        PredictionRecord(.classification(probabilities: [0.9]), labels: [label], scoreMin: nil)
    }

    /// Frames that show a 3: of `wins` only the challenger is right, of `losses` only the active model, of `rights` both.
    private func answers(wins: Int, losses: Int, rights: Int = 0, wrongs: Int = 0) -> [ModelGate.Answer] {
        func times(_ count: Int, _ challenger: String, _ active: String) -> [ModelGate.Answer] {
            let answer = ModelGate.Answer(
                label: .classified("3"), challenger: said(challenger), active: said(active))
            return Array(repeating: answer, count: count)
        }
        return times(wins, "3", "5") + times(losses, "5", "3") + times(rights, "3", "3") + times(wrongs, "5", "5")
    }

    private func decide(
        _ answers: [ModelGate.Answer], _ requirement: ModelSettings.Gate.Requirement, accepts: Bool = false,
        margin: Double = 0.1, labelCountMin: Int = 30
    ) -> Gate {
        var settings = ModelSettings.Gate()
        (settings.requirement, settings.margin, settings.labelCountMin) = (requirement, margin, labelCountMin)
        let gate = ModelGate(settings: settings, accepts: accepts)
        return gate.decide(
            answers, challenger: ModelID(name: "digits", version: 2, digest: Digest(of: [2])),
            active: ModelID(name: "digits", version: 1, digest: Digest(of: [1])))
    }

    /// By hand, of 60 frames: 5 of 5 is 1 in 32, 4 of 4 is 1 in 16, 1 loss of 8 is 9 in 256, 2 of 10 are 56 in 1024; and
    /// 6 of 60 are the margin.
    @Test(
        arguments: [
            // wins, losses; requirement; outcome, and outcome when a person wants it
            (5, 0, .notWorse, .passed, .passed), (0, 0, .notWorse, .passed, .passed),
            (0, 4, .notWorse, .passed, .passed), (0, 5, .notWorse, .refused, .overruled),
            (1, 7, .notWorse, .refused, .overruled), (2, 8, .notWorse, .passed, .passed),
            (12, 18, .notWorse, .passed, .passed), (12, 19, .notWorse, .refused, .overruled),
            (5, 0, .better, .passed, .passed), (4, 0, .better, .refused, .overruled),
            (7, 1, .better, .passed, .passed), (8, 2, .better, .refused, .overruled),
            (0, 0, .better, .refused, .overruled), (0, 5, .better, .refused, .overruled),
            (5, 0, .operator, .waits, .passed), (0, 5, .operator, .waits, .passed),
            (5, 0, .nothing, .passed, .passed), (0, 30, .nothing, .passed, .passed),
        ] as [(Int, Int, ModelSettings.Gate.Requirement, Gate.Outcome, Gate.Outcome)])
    func labelsDecide(
        wins: Int, losses: Int, requirement: ModelSettings.Gate.Requirement, alone: Gate.Outcome, wanted: Gate.Outcome
    ) {
        let answers = answers(wins: wins, losses: losses, rights: 60 - wins - losses)
        let (gate, accepted) = (decide(answers, requirement), decide(answers, requirement, accepts: true))
        #expect(gate.outcome == alone && accepted.outcome == wanted, "\(gate.message)")
        #expect(gate.labels == 60 && gate.wins == wins && gate.losses == losses)
        #expect(gate.requirement == requirement.rawValue && gate.margin == 0.1)
    }

    @Test func withTooFewLabelsNothingIsRequired() {
        for requirement in [ModelSettings.Gate.Requirement.notWorse, .better] {
            for accepts in [false, true] {
                let few = decide(answers(wins: 0, losses: 29), requirement, accepts: accepts)
                #expect(few.outcome == .tooFewLabels && few.message.hasPrefix("30 labeled audit samples are needed"))
                #expect(few.labels == 29 && few.losses == 29)
            }
            #expect(decide(answers(wins: 0, losses: 30), requirement).outcome == .refused)
        }
        let none = decide([], .notWorse)
        #expect(none.outcome == .tooFewLabels && none.message.hasSuffix("there are none yet"))
        #expect(none.labels == 0 && none.challengerRight == nil && none.difference == nil && none.classes.isEmpty)
    }

    /// Many losses and wins prove little of either, and the share alone decides.
    @Test(arguments: [(0.0, Gate.Outcome.refused), (0.02, .refused), (0.033, .refused), (0.034, .passed), (1, .passed)])
    func theMarginIsAShareOfAllLabels(margin: Double, expected: Gate.Outcome) {
        let gate = decide(answers(wins: 8, losses: 10, rights: 20, wrongs: 22), .notWorse, margin: margin)
        #expect(gate.outcome == expected, "2 of 60 is a thirtieth: \(gate.message)")
    }

    @Test func figuresAreToldToPeople() throws {
        let gate = decide(answers(wins: 9, losses: 1, rights: 40, wrongs: 10), .better)
        #expect(
            gate.outcome == .passed
                && gate.active == .init(ModelID(name: "digits", version: 1, digest: Digest(of: [1]))))
        #expect(gate.challengerRight?.share == 49.0 / 60 && gate.activeRight?.share == 41.0 / 60)
        #expect(abs((gate.pValue ?? 0) - 22.0 / 1024) < 1e-12)
        let difference = try #require(gate.difference)
        #expect(abs(difference.share - 8.0 / 60) < 1e-12)
        #expect(abs(difference.low - 0.029_227) < 1e-6 && abs(difference.high - 0.228_838) < 1e-6)
        // Wilson's: 49 of 60 and 41 of 60.
        let figures =
            "right of 81.7 % (70.1–89.4) of 60 labeled frames, the active model of 68.3 % (55.8–78.7); "
            + "only it 9, only the active one 1, p 0.021"
        #expect(gate.message.hasSuffix(": " + figures), "\(gate.message)")
        let sure = decide(answers(wins: 30, losses: 0), .notWorse)
        #expect(sure.message.contains("is better than") && sure.message.hasSuffix("p < 0.001"))
    }

    /// The active model cannot be asked: what needs a comparison waits for a person, and nothing else does.
    @Test(arguments: [
        (ModelSettings.Gate.Requirement.notWorse, ModelVerdict.Gate.Outcome.alone), (.nothing, .alone),
        (.better, .waits), (.operator, .waits),
    ])
    func withoutAComparisonWhatNeedsOneWaits(
        requirement: ModelSettings.Gate.Requirement, outcome: ModelVerdict.Gate.Outcome
    ) {
        var settings = ModelSettings.Gate()
        settings.requirement = requirement
        #expect(ModelGate(settings: settings).withoutComparison("it hangs").outcome == outcome)
        #expect(ModelGate(settings: settings, accepts: true).withoutComparison("it hangs").outcome == .alone)
        #expect(ModelGate(settings: settings).withoutComparison("it hangs").message == "it hangs")
    }
}
