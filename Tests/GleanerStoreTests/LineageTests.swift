import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

@Suite struct LineageTests {
    private static let later = ModelFixture(2).id

    private func score(_ id: SampleID, _ top: String, by model: ModelID = LineageTests.later) -> SampleScore {
        SampleScore(
            id: id, model: model, prediction: StoreFixture.classified(top), utility: Utility(0.25), evictionKey: 0.1,
            embedding: nil)
    }

    /// As ``StoreFixture/deliver(_:limit:to:)`` makes it.
    private func batchID(_ number: Int) -> BatchID { BatchID(Digest(of: Array("batch \(number)".utf8))) }

    /// Five samples, one of them audit, leave; three are labeled and one cannot be; the three leave for training, and
    /// the later model scores the first anew.
    private func loop() throws -> (fixture: StoreFixture, ids: [SampleID]) {
        let fixture = try StoreFixture()
        let ids = try (0..<5).map { try fixture.keep(reason: $0 == 0 ? .audit : .strategy("margin")) }
        try fixture.deliver(.labeling)
        for (id, value) in zip(ids, ["3", "3", "8"]) { _ = try fixture.label(id, .classified(value), revision: 1) }
        _ = try fixture.label(ids[3], .unusable)
        try fixture.deliver(.training)
        try fixture.store.record([score(ids[0], "8")])
        return (fixture, ids)
    }

    @Test func aSampleIsFollowedToItsBatchesLabelsAndLaterModels() throws {
        let (fixture, ids) = try loop()
        let lineage = try fixture.store.lineage(of: ids[0])
        #expect(lineage.scores == [.init(model: Self.later, prediction: StoreFixture.classified("8"))])
        #expect(lineage.batches.map(\.link.id) == [batchID(1), batchID(2)])
        #expect(lineage.batches.map(\.link.purpose) == [.labeling, .training])
        #expect(lineage.batches.map(\.link.state) == [.delivered, .delivered])
        #expect(lineage.batches.allSatisfy { $0.link.destination == "stick" && $0.link.deliveredAt != nil })
        #expect(lineage.batches.map(\.label?.value) == [nil, .classified("3")])
        #expect(lineage.labels.map(\.isCurrent) == [true])
        // One that stayed unlabeled ends with its first batch.
        let last = try fixture.store.lineage(of: ids[4])
        #expect(last.scores.isEmpty && last.labels.isEmpty && last.batches.map(\.link.id) == [batchID(1)])
    }

    @Test func aCorrectionCountsAndABatchKeepsTheLabelThatItLeftWith() throws {
        let (fixture, ids) = try loop()
        _ = try fixture.label(ids[1], .classified("8"), revision: 3)
        _ = try fixture.label(ids[1], .classified("5"), revision: 2)
        let lineage = try fixture.store.lineage(of: ids[1])
        #expect(lineage.labels.map(\.record.value) == [.classified("3"), .classified("8"), .classified("5")])
        #expect(lineage.labels.map(\.record.revision) == [1, 3, 2])
        #expect(lineage.labels.map(\.isCurrent) == [false, true, false])
        #expect(lineage.batches.last?.label?.value == .classified("3"))
    }

    @Test func ofManyCorrectionsTheOneThatCountsIsAlwaysTold() throws {
        let (fixture, ids) = try loop()
        _ = try fixture.label(ids[1], .classified("8"), revision: 1000)
        for revision in 2...130 { _ = try fixture.label(ids[1], .classified("3"), revision: Int64(revision)) }
        let labels = try fixture.store.lineage(of: ids[1]).labels
        #expect(labels.count == DeploymentStore.labelHistoryCountMax)
        #expect(labels.first?.record.revision == 1000 && labels.first?.isCurrent == true)
        #expect(labels.last?.record.revision == 130)
    }

    @Test func onlySealedBatchesAreFollowed() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        let open = try #require(
            try fixture.store.openBatch(.labeling, destination: "stick", limit: 9, formats: []))
        #expect(try fixture.store.lineage(of: id).batches.isEmpty)
        #expect(try fixture.store.lineage(of: StoreFixture.model).batches.isEmpty)
        try fixture.store.sealBatch(open.number, id: batchID(1))
        #expect(try fixture.store.lineage(of: id).batches.map(\.link.state) == [.sealed])
        #expect(try fixture.store.lineage(of: id).batches.first?.link.deliveredAt == nil)
    }

    @Test func aModelIsFollowedToWhatBecameOfItsPredictions() throws {
        let (fixture, _) = try loop()
        let first = try fixture.store.lineage(of: StoreFixture.model)
        #expect(first.predictedCount == 5)
        #expect(first.labeledCount == 3 && first.unusableCount == 1)
        #expect(first.batches.map(\.link.id) == [batchID(2), batchID(1)])
        #expect(first.batches.map(\.predictedCount) == [3, 5])
        #expect(first.batches.map(\.scoredAnewCount) == [0, 0])
        let second = try fixture.store.lineage(of: Self.later)
        #expect(second.predictedCount == 0 && second.labeledCount == 0)
        #expect(second.batches.map(\.predictedCount) == [0, 0])
        #expect(second.batches.map(\.scoredAnewCount) == [1, 1])
        #expect(try fixture.store.lineage(of: ModelFixture(9).id) == ModelLineage())
    }

    @Test func aBatchIsFollowedBackToLabelsAndPredictors() throws {
        let (fixture, _) = try loop()
        // Another model predicts two more, which are labeled and leave.
        let more = [fixture.kept(model: Self.later), fixture.kept(model: Self.later)]
        try fixture.commit(more)
        for frame in more {
            let id = SampleID(device: fixture.device, run: fixture.run, sequence: frame.sequence)
            _ = try fixture.label(id, .classified("5"))
        }
        try fixture.deliver(.training, to: "elsewhere")
        let first = try #require(try fixture.store.lineage(of: batchID(2)))
        #expect(first.link.number == 2 && first.sampleCount == 3 && first.testCount == 1)
        #expect(first.labelCounts == ["3": 2, "8": 1])
        #expect(first.predictors == [.init(model: StoreFixture.model, sampleCount: 3)])
        let second = try #require(try fixture.store.lineage(of: batchID(3)))
        #expect(second.labelCounts == ["3": 2, "8": 1, "5": 2])
        #expect(
            second.predictors == [
                .init(model: Self.later, sampleCount: 2), .init(model: StoreFixture.model, sampleCount: 3),
            ])
        #expect(try fixture.store.lineage(of: batchID(77)) == nil)
    }

    @Test func aClassCountsOncePerSampleHoweverOftenTheLabelShowsIt() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep(prediction: StoreFixture.detected)
        let boxes = (0..<3).map { place in
            LabeledBox(
                label: place == 2 ? "pear" : "apple", box: Box(x: Float(place), y: 0, width: 10, height: 10))
        }
        _ = try fixture.label(id, .boxes(boxes))
        try fixture.deliver(.training)
        #expect(try fixture.store.lineage(of: batchID(1))?.labelCounts == ["apple": 1, "pear": 1])
    }

    @Test func aModelsHistoryIsItsOwn() throws {
        let fixture = try StoreFixture()
        for version in [1, 12] { try ModelFixture(version).place(in: fixture.store) }
        try fixture.store.activate(ModelFixture(1).id)
        try fixture.store.record("model.rejected", "model digits@12 is rejected: worse than digits@1 on labels")
        #expect(try fixture.store.events(of: ModelFixture(1).id).map(\.kind) == ["model.staged", "model.activated"])
        #expect(try fixture.store.events(of: ModelFixture(12).id).map(\.kind) == ["model.staged", "model.rejected"])
    }

    @Test func noQuestionLooksAtAllSamples() throws {
        let (fixture, ids) = try loop()
        let plans = try fixture.store.read { db in
            try StoreFixture.plans(db) {
                let key = try SampleRow.find(named: ids[0].description, db).key
                _ = try DeploymentStore.lineage(ofSample: key, db)
                _ = try DeploymentStore.lineage(ofModel: 1, db)
                _ = try DeploymentStore.lineage(ofBatch: batchID(2), db)
            }
        }
        // The tables by their names, and by those that the questions give them.
        let scanned = plans.filter { $0.contains(/^SCAN (sample|s|label|l|record|rescore|r)( |$)/) }
        #expect(scanned == [])
        #expect(plans.contains { $0.hasPrefix("SEARCH") })
    }
}
