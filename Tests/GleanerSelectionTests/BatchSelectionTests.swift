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
        // Without the distance, all three would be of the last group.
        #expect(groups(keys) == [9, 8, 7])
        let plain = BatchSelection(weight: 1, distanceMax: nil).choose(3, of: try candidates(), covered: [])
        #expect(groups(plain) == [9, 9, 9])
    }

    @Test func aPoorModelGetsOneOfEachKind() throws {
        let keys = BatchSelection(weight: 0, distanceMax: 0.05).choose(10, of: try candidates(), covered: [])
        #expect(Set(groups(keys)) == Set(0..<10))
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
        let keys = BatchSelection(weight: 0.5, distanceMax: nil).choose(10, of: try candidates(), covered: [])
        #expect(groups(keys).prefix(5) == [9, 9, 9, 9, 9])
        #expect(Set(groups(keys)).count > 4)
        #expect(Set(keys).count == 10)
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

    @Test func clustersAreTheGroupsThatThereAre() throws {
        let embeddings = try candidates().compactMap(\.embedding)
        let clusters = Clusters(of: embeddings, count: 10)
        for group in 0..<10 { #expect(Set(clusters.assignments[group * 10..<group * 10 + 10]).count == 1) }
        #expect(Set(clusters.assignments).count == 10)
    }
}
