import Foundation
import GleanerCore
import Testing

@Suite struct SeveralClassesTests {
    private func record(_ probabilities: [Float], scoreMin: Float? = 0.5) -> PredictionRecord {
        PredictionRecord(
            .classification(probabilities: probabilities), labels: ["wet", "dark", "mud"], scoreMin: scoreMin)
    }

    @Test func everyClassFromTheScoreOnIsClaimed() {
        #expect(record([0.9, 0.2, 0.5]).claimedClasses.map(\.label) == ["wet", "mud"])
        #expect(record([0.1, 0.2, 0.3]).claimedClasses.isEmpty)
        #expect(record([0.1, 0.2, 0.7], scoreMin: nil).claimedClasses.map(\.label) == ["mud"])
    }

    @Test(arguments: [
        (LabelValue.classes(["mud", "wet"]), Assessment(hits: 2, falseAlarms: 0, misses: 0)),
        (.classes(["dark", "wet"]), Assessment(hits: 1, falseAlarms: 1, misses: 1)),
        (.classes([]), Assessment(hits: 0, falseAlarms: 2, misses: 0)),
        (.classified("wet"), Assessment(hits: 1, falseAlarms: 1, misses: 0)),
    ])
    func everyClassIsAssessedByItself(label: LabelValue, assessment: Assessment) {
        #expect(Assessment(of: record([0.9, 0.2, 0.6]), against: label) == assessment)
    }

    @Test func oneClassAgainstOneIsRightOrWrong() {
        let one = record([0.1, 0.2, 0.7], scoreMin: nil)
        #expect(Assessment(of: one, against: .classified("mud")) == Assessment(hits: 1, falseAlarms: 0, misses: 0))
        #expect(Assessment(of: one, against: .classified("wet")) == Assessment(hits: 0, falseAlarms: 1, misses: 1))
        #expect(Assessment(of: one, against: .classes(["mud"]))?.isRight == true)
    }

    @Test func confidenceIsTheChanceToBeRightOfAll() throws {
        let prediction = Prediction.classification(probabilities: [0.9, 0.2, 0.5])
        #expect(abs(prediction.confidence(scoreMin: 0.5) - 0.9 * 0.8 * 0.5) < 1e-6)
        #expect(prediction.confidence(scoreMin: nil) == 0.9)
        #expect(abs(try #require(record([0.9, 0.2, 0.5]).confidence) - 0.36) < 1e-6)
    }

    @Test func aLabelOfClassesIsWrittenAndReadAgain() throws {
        let label = LabelRecord(value: .classes(["mud", "wet"]), revision: 3)
        let json = try CanonicalJSON.encode(label)
        #expect(String(decoding: json, as: UTF8.self) == #"{"classes":["mud","wet"],"kind":"classes","revision":3}"#)
        #expect(try JSONDecoder().decode(LabelRecord.self, from: json) == label)
    }
}
