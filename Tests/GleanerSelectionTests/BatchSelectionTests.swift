import GleanerCore
import Testing

@testable import GleanerSelection

@Suite("What leaves for labeling")
struct BatchSelectionTests {
    /// Ten groups of ten, each within some degrees of a direction of its own; the later a group the more uncertain.
    private func candidates() throws -> [BatchSelection.Candidate] {
        try (0..<100).map { index in
            let group = index / 10
            return BatchSelection.Candidate(
                key: Int64(index), utility: Double(group) / 10 + noise(index) / 100,
                embedding: try EmbeddingBankTests.direction(36 * Double(group) + 4 * noise(index, salt: 1)),
                draw: noise(index, salt: 2))
        }
    }

    private func groups(_ keys: [Int64]) -> [Int64] { keys.map { $0 / 10 } }

    @Test func aGoodModelGetsTheMostUncertainOfEachKind() throws {
        let keys = BatchSelection(weight: 1, distanceMax: 0.05).choose(3, of: try candidates(), covered: [])
        // A neighbour 36 degrees away is not wholly new: 0.8 · 0.19 / 0.5 is less than 0.7.
        #expect(groups(keys) == [9, 7, 5])
    }

    @Test func aPoorModelGetsOneOfEachKindByChance() throws {
        let keys = BatchSelection(weight: 0, distanceMax: 0.05).choose(10, of: try candidates(), covered: [])
        #expect(Set(groups(keys)) == Set(0..<10))
        let draws = try candidates().map(\.draw)
        #expect(draws[Int(keys[0])] == draws.min())
    }

    @Test func coverageAsksAboutThePresentFirst() throws {
        var all = try candidates()
        for index in all.indices { all[index].isRecent = index >= 50 }
        let keys = BatchSelection(weight: 0, distanceMax: 0.05).choose(7, of: all, covered: [])
        #expect(groups(keys).prefix(5).allSatisfy { $0 >= 5 } && groups(keys).suffix(2).allSatisfy { $0 < 5 })
    }

    /// Four alike in all but their class, which is theirs to tell: one of two apples, three of nothing.
    private func ofClasses(_ classes: [String?], utilities: [Double]) -> [BatchSelection.Candidate] {
        zip(classes, utilities).enumerated().map { index, each in
            BatchSelection.Candidate(
                key: Int64(index), utility: each.1, embedding: nil, draw: 0.5, topClass: each.0)
        }
    }

    @Test func scarceClassesAreUncertainEnoughSooner() {
        let candidates = ofClasses(["cat", "dog", "owl", nil], utilities: [0.9, 0.5, 0.2, 0.3])
        // 0.9 / √9 = 0.3, 0.5 / √1 = 0.5, 0.2 / √1 = 0.2, 0.3 / √4 = 0.15: dog, cat, owl, none.
        let counts: [String?: Int] = ["cat": 8, nil: 3]
        let selection = BatchSelection(weight: 1, distanceMax: 0.12)
        #expect(selection.choose(3, of: candidates, covered: [], classCounts: counts) == [1, 0, 2])
        #expect(selection.choose(2, of: candidates, covered: []) == [0, 1])
    }

    @Test func utilitiesOfTwoModelsCompareByRank() {
        // The old model was unsure of everything, the new one of hardly anything.
        var candidates = ofClasses(["a", "b", "c", "d"], utilities: [0.9, 0.8, 0.2, 0.1])
        let selection = BatchSelection(weight: 1, distanceMax: nil)
        #expect(Set(selection.choose(2, of: candidates, covered: [])) == [0, 1])
        for index in candidates.indices { candidates[index].scorer = index < 2 ? 7 : 9 }
        #expect(Set(selection.choose(2, of: candidates, covered: [])) == [0, 2])
    }

    @Test func coverageGivesScarceClassesTheBetterChance() {
        // With equal draws the order is that of the counts; the third cat waits as long as the first owl.
        let candidates = ofClasses(["cat", "cat", "owl", "dog"], utilities: [0, 0, 0, 0])
        let keys = BatchSelection(weight: 0, distanceMax: 0.12).choose(
            3, of: candidates, covered: [], classCounts: ["owl": 5, "cat": 1])
        #expect(keys == [3, 0, 1])
    }

    @Test func whatIsCoveredIsAskedForLast() throws {
        let covered = try (0..<5).map { try EmbeddingBankTests.direction(36 * Double($0) + 2) }
        for weight in [0, 0.5, 1] {
            let keys = BatchSelection(weight: weight, distanceMax: 0.05).choose(
                7, of: try candidates(), covered: covered)
            #expect(keys.count == 7)
            #expect(Set(groups(keys).prefix(5)) == Set(5..<10), "weight \(weight)")
        }
    }

    @Test func placesAreSharedByCompetence() throws {
        let keys = BatchSelection(weight: 0.3, distanceMax: 0.05).choose(10, of: try candidates(), covered: [])
        #expect(groups(keys).prefix(3) == [9, 7, 5])
        #expect(Set(groups(keys)) == Set(0..<10) && Set(keys).count == 10)
    }

    @Test func everyoneLeavesWhenThereIsRoomForAll() throws {
        let keys = BatchSelection(weight: 0, distanceMax: 0.12).choose(100, of: try candidates(), covered: [])
        #expect(Set(keys) == Set(0..<100))
    }

    @Test func withoutEmbeddingsChanceCovers() throws {
        let blind = try candidates().map {
            BatchSelection.Candidate(key: $0.key, utility: $0.utility, embedding: nil, draw: $0.draw)
        }
        let keys = BatchSelection(weight: 0, distanceMax: 0.12).choose(10, of: blind, covered: [])
        #expect(keys == blind.sorted { $0.draw < $1.draw }.prefix(10).map(\.key))
    }

    @Test func theSameQueueGivesTheSameBatch() throws {
        let selection = BatchSelection(weight: 0.4, distanceMax: 0.12)
        let first = selection.choose(20, of: try candidates(), covered: [])
        #expect(selection.choose(20, of: try candidates().reversed(), covered: []) == first)
    }
}
