import GleanerCore
import Testing

@Suite("Embeddings")
struct EmbeddingTests {
    private func embedding(_ features: [Float]) throws -> Embedding { try #require(Embedding(features)) }

    @Test func distancesAreThoseOfDirections() throws {
        let east = try embedding([2, 0])
        #expect(try east.squaredDistance(to: embedding([7, 0])) < 1e-6)
        #expect(abs(try east.squaredDistance(to: embedding([0, 3])) - 2) < 1e-6)
        #expect(abs(try east.squaredDistance(to: embedding([-1, 0])) - 4) < 1e-6)
        #expect(try east.squaredDistance(to: embedding([1, 0, 0])) == .infinity)
    }

    @Test func anotherIsMadeOfItsMemoryAndOneThatIsKeptStays() throws {
        var former = Embedding([3, 4])
        let kept = former
        for features: [Float] in [[1, 2, 3], [5], [Float](repeating: 2, count: 300)] {
            former = Embedding(count: features.count, reusing: &former) { features[$0] }
            #expect(former == Embedding(features))
        }
        #expect(kept == Embedding([3, 4]))
        former = Embedding(count: 2, reusing: &former) { _ in 0 }
        #expect(former == nil)
    }

    @Test(arguments: [[], [0, 0], [.nan, 1], [.infinity], [1, -.infinity]] as [[Float]])
    func whatHasNoDirectionIsNone(features: [Float]) {
        #expect(Embedding(features) == nil)
    }

    @Test func whatIsStoredAndReadIsTheSame() throws {
        for seed in 1...50 {
            let features = (0..<128).map { Float(($0 * 7919 + seed * 104_729) % 1000) / 500 - 1 }
            let made = try embedding(features)
            #expect(made.encoded.count == 128)
            #expect(Embedding(encoded: made.encoded) == made)
        }
        #expect(Embedding(encoded: [UInt8](repeating: 1, count: 129)) == nil)
        #expect(Embedding(encoded: [UInt8]()) == nil)
        #expect(Embedding(encoded: [0, 0]) == nil)
    }

    @Test func manyFeaturesAreFoldedAndAnglesRoughlyStay() throws {
        // Two vectors of 1,280 numbers at 60 degrees: squared distance 1.
        let a = (0..<1280).map { Float($0.isMultiple(of: 2) ? 1 : 0) }
        let b = (0..<1280).map { Float($0.isMultiple(of: 2) == ($0 < 640) ? 1 : 0) }
        let distance = try embedding(a).squaredDistance(to: embedding(b))
        #expect(try embedding(a).values.count == Embedding.dimensionMax)
        #expect(abs(distance - 1) < 0.35, "\(distance)")
    }
}

@Suite("Assessments")
struct AssessmentTests {
    private func box(_ label: String, _ x: Float, score: Float = 0.9) -> PredictionRecord.BoxScore {
        .init(label: label, score: score, box: Box(x: x, y: 0, width: 10, height: 10))
    }
    private func truth(_ label: String, _ x: Float) -> LabeledBox {
        LabeledBox(label: label, box: Box(x: x, y: 0, width: 10, height: 10))
    }
    private func detection(_ boxes: [PredictionRecord.BoxScore]) -> PredictionRecord {
        var record = PredictionRecord(.detection([]), labels: [], scoreMin: 0.5)
        record.boxes = boxes
        return record
    }

    @Test func aClassIsRightOrWrong() {
        let record = PredictionRecord(.classification(probabilities: [0.2, 0.8]), labels: ["a", "b"], scoreMin: nil)
        #expect(Assessment(of: record, against: .classified("b")) == Assessment(hits: 1, falseAlarms: 0, misses: 0))
        #expect(Assessment(of: record, against: .classified("a")) == Assessment(hits: 0, falseAlarms: 1, misses: 1))
        #expect(Assessment(of: record, against: .unusable) == nil)
        #expect(Assessment(of: record, against: .boxes([])) == nil)
    }

    /// Boxes of 10 × 10: shifted by 3 they overlap 7/13 = 0.54, by 4 6/14 = 0.43.
    @Test func boxesMatchWhereTheyOverlapByHalf() {
        let cases: [([PredictionRecord.BoxScore], [LabeledBox], [Int])] = [
            ([box("a", 0)], [truth("a", 3)], [1, 0, 0]),
            ([box("a", 0)], [truth("a", 4)], [0, 1, 1]),
            ([box("a", 0)], [truth("b", 0)], [0, 1, 1]),
            ([], [], [0, 0, 0]),
            ([box("a", 0), box("a", 1, score: 0.8)], [truth("a", 0)], [1, 1, 0]),
            // Below score_min it is not claimed.
            ([box("a", 0, score: 0.4)], [truth("a", 0)], [0, 0, 1]),
            // The surer box chooses first, and each truth is taken once.
            ([box("a", 3, score: 0.6), box("a", 0, score: 0.9)], [truth("a", 0), truth("a", 4)], [2, 0, 0]),
        ]
        for (claimed, truth, expected) in cases {
            let found = Assessment(of: detection(claimed), against: .boxes(truth))
            #expect(found == Assessment(hits: expected[0], falseAlarms: expected[1], misses: expected[2]))
        }
        #expect(Assessment(of: detection([]), against: .boxes([]))?.isRight == true)
    }
}
