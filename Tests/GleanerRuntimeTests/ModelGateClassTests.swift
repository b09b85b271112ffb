import GleanerCore
import Testing

@testable import GleanerRuntime

/// What the gate says of each class, and of labels that say nothing.
@Suite struct ModelGateClassTests {
    private func lines(_ answers: [ModelGate.Answer]) -> [String] {
        decide(answers).classes.map {
            "\($0.label) \(Int(($0.challenger.share * Double($0.count)).rounded())) "
                + "\(Int(($0.active.share * Double($0.count)).rounded())) of \($0.count)"
        }
    }

    private func decide(_ answers: [ModelGate.Answer]) -> ModelVerdict.Gate {
        ModelGate(settings: ModelSettings.Gate()).decide(
            answers, challenger: ModelID(name: "a", version: 2, digest: Digest(of: [2])),
            active: ModelID(name: "a", version: 1, digest: Digest(of: [1])))
    }

    // MARK: Classes

    private func said(_ label: String) -> PredictionRecord {
        PredictionRecord(.classification(probabilities: [0.9, 0.1]), labels: [label, "other"], scoreMin: nil)
    }

    private func answer(_ truth: String, _ challenger: String, _ active: String) -> ModelGate.Answer {
        ModelGate.Answer(label: .classified(truth), challenger: said(challenger), active: said(active))
    }

    @Test func theMostFrequentClassComesFirst() {
        let answers = [
            answer("7", "7", "7"), answer("3", "3", "5"), answer("3", "3", "3"), answer("3", "5", "5"),
            answer("5", "3", "5"), answer("5", "5", "5"), answer("9", "9", "1"),
        ]
        #expect(lines(answers) == ["3 2 1 of 3", "5 1 2 of 2", "7 1 1 of 1", "9 1 0 of 1"])
    }

    @Test func aClassLineHasItsInterval() throws {
        let line = try #require(decide([answer("3", "3", "5")]).classes.first)
        // Wilson's: 1 of 1 and 0 of 1.
        #expect(line.challenger.share == 1 && abs(line.challenger.low - 0.206_5) < 1e-4 && line.challenger.high == 1)
        #expect(line.active.share == 0 && line.active.low == 0 && abs(line.active.high - 0.793_5) < 1e-4)
    }

    @Test func aHundredClassesAreShown() {
        let answers = (0..<130).map { answer("\(1000 + $0)", "x", "\(1000 + $0)") }
        let classes = decide(answers).classes
        #expect(classes.map(\.label) == (0..<100).map { "\(1000 + $0)" })
    }

    @Test func eachOfSeveralClassesCounts() {
        func several(_ scores: [Float]) -> PredictionRecord {
            PredictionRecord(
                .classification(probabilities: scores), labels: ["rain", "snow", "fog"],
                scoreMin: 0.5)
        }
        let answers = [
            ModelGate.Answer(
                label: .classes(["fog", "rain"]), challenger: several([0.9, 0.1, 0.2]),
                active: several([0.6, 0.7, 0.8])),
            // A frame that shows none of them is a frame, and no class.
            ModelGate.Answer(label: .classes([]), challenger: several([0, 0, 0]), active: several([0.6, 0, 0])),
        ]
        #expect(lines(answers) == ["fog 0 1 of 1", "rain 1 1 of 1"])
        let gate = decide(answers)
        #expect(gate.labels == 2 && gate.wins == 1 && gate.losses == 0)
    }

    // MARK: Boxes

    private func found(_ boxes: (String, Float, Float)...) -> PredictionRecord {
        var record = PredictionRecord(.detection([]), labels: [], scoreMin: 0.5)
        record.boxes = boxes.map { label, x, score in
            .init(label: label, score: score, box: Box(x: x, y: 0, width: 10, height: 10))
        }
        return record
    }

    private func marked(_ boxes: (String, Float)...) -> LabelValue {
        .boxes(boxes.map { LabeledBox(label: $0, box: Box(x: $1, y: 0, width: 10, height: 10)) })
    }

    @Test func aClassIsFoundWhenAllItsBoxesAre() {
        let answers = [
            // Both bees and the wasp; and one bee, with a wasp too many.
            ModelGate.Answer(
                label: marked(("bee", 0), ("bee", 50), ("wasp", 100)),
                challenger: found(("bee", 1, 0.9), ("bee", 51, 0.6), ("wasp", 100, 0.7)),
                active: found(("bee", 1, 0.9), ("wasp", 100, 0.7), ("wasp", 200, 0.9))),
            // At the same place, but not sure enough; and of another class.
            ModelGate.Answer(
                label: marked(("wasp", 0)), challenger: found(("wasp", 0, 0.4)), active: found(("bee", 0, 0.9))),
            // Half as far off as it is wide: 5 of 15 are shared, too few.
            ModelGate.Answer(
                label: marked(("wasp", 0)), challenger: found(("wasp", 5, 0.9)), active: found(("wasp", 3, 0.9))),
        ]
        #expect(lines(answers) == ["wasp 1 2 of 3", "bee 1 0 of 1"])
        let gate = decide(answers)
        #expect(gate.labels == 3 && gate.wins == 1 && gate.losses == 1)
    }

    @Test func aFrameOfNothingIsRightWhenNothingIsFound() {
        let answers = [ModelGate.Answer(label: .boxes([]), challenger: found(), active: found(("bee", 0, 0.9)))]
        let gate = decide(answers)
        #expect(gate.labels == 1 && gate.wins == 1 && gate.classes.isEmpty)
    }

    // MARK: Labels that say nothing

    @Test func whatNobodyCanLabelAndWhatIsOfAnotherTaskIsLeftOut() {
        let answers = [
            ModelGate.Answer(label: .unusable, challenger: said("3"), active: said("5")),
            ModelGate.Answer(label: marked(("bee", 0)), challenger: said("3"), active: said("5")),
            ModelGate.Answer(label: .classified("3"), challenger: found(), active: said("3")),
        ]
        let gate = decide(answers)
        #expect(gate.labels == 0 && gate.outcome == .tooFewLabels && gate.classes.isEmpty)
    }
}
