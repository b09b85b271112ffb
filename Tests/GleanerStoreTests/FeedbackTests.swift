import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

@Suite struct FeedbackTests {
    private static let later = ModelID(name: "digits", version: 2, digest: Digest(of: Array("model 2".utf8)))

    private func embedding(_ features: [Float]) throws -> Embedding { try #require(Embedding(features)) }

    private func score(
        _ id: SampleID, _ top: String, utility: Double = 0.25, embedding: Embedding? = nil
    ) -> SampleScore {
        SampleScore(
            id: id, model: Self.later, prediction: StoreFixture.classified(top), utility: Utility(utility),
            evictionKey: 0.125, embedding: embedding)
    }

    @Test func aLaterModelsScoreReplacesTheUtilityAndKeepsTheFirstPrediction() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep(utility: 0.5)
        #expect(try fixture.store.unscored(by: StoreFixture.model, limit: 9).samples == [])
        #expect(try fixture.store.unscored(by: Self.later, limit: 9).samples == [id])
        try fixture.store.record([score(id, "8", embedding: embedding([1, 2]))])
        #expect(try fixture.store.unscored(by: Self.later, limit: 9).samples == [])
        let utility = try fixture.store.read { try Double.fetchOne($0, sql: "SELECT utility FROM sample") }
        #expect(utility == 0.25)
        #expect(try fixture.state(id).record.prediction.top?.label == "3")
        let known = try fixture.store.embeddings(by: Self.later, limit: 9)
        #expect(known.map(\.sample) == [id.local])
        #expect(try known.map(\.embedding) == [embedding([1, 2])])
        #expect(try fixture.store.embeddings(by: StoreFixture.model, limit: 9).isEmpty)
    }

    @Test func scoringAnewLeavesTheFateOfAuditSamplesToChance() throws {
        let fixture = try StoreFixture()
        let audit = try fixture.keep(key: 0.75, reason: .audit)
        let chosen = try fixture.keep(key: 0.75)
        try fixture.store.record([score(audit, "8"), score(chosen, "8")])
        let keys = try fixture.store.read { try Double.fetchAll($0, sql: "SELECT eviction_key FROM sample") }
        #expect(keys == [0.75, 0.125])
    }

    @Test func unscoredSamplesComeInPagesNewestFirstAndWithPixelsOnly() throws {
        let fixture = try StoreFixture()
        let ids = try (0..<5).map { _ in try fixture.keep() }
        try fixture.store.drop(ids[3])
        let first = try fixture.store.unscored(by: Self.later, limit: 2)
        #expect(first.samples == [ids[4], ids[2]])
        let second = try fixture.store.unscored(by: Self.later, below: first.next, limit: 2)
        #expect(second.samples == [ids[1], ids[0]])
        #expect(try fixture.store.unscored(by: Self.later, below: second.next, limit: 2).samples == [])
    }

    /// The label may come before the later model's score or after it: the outcome is the same.
    @Test(arguments: [true, false]) func aLabelCountsForEveryModelThatSaidSomething(scoredFirst: Bool) throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep(reason: .audit)
        if scoredFirst { try fixture.store.record([score(id, "8")]) }
        _ = try fixture.label(id, .classified("8"))
        if !scoredFirst { try fixture.store.record([score(id, "8")]) }
        // The first model said 3.
        #expect(try fixture.store.auditHits(of: StoreFixture.model) == (0, 1))
        #expect(try fixture.store.auditHits(of: Self.later) == (1, 1))
        let pairs = try fixture.store.auditPairs(StoreFixture.model, Self.later)
        #expect(pairs.map(\.first) == [false] && pairs.map(\.second) == [true])
        // A correction turns it round, and what cannot be labeled counts for nobody.
        _ = try fixture.label(id, .classified("3"))
        #expect(try fixture.store.auditHits(of: StoreFixture.model) == (1, 1))
        #expect(try fixture.store.auditHits(of: Self.later) == (0, 1))
        _ = try fixture.label(id, .unusable)
        #expect(try fixture.store.auditHits(of: Self.later) == (0, 0))
    }

    @Test func labelsOfChosenSamplesMeasureNothing() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep(reason: .strategy("margin"))
        _ = try fixture.label(id, .classified("3"))
        #expect(try fixture.store.auditHits(of: StoreFixture.model) == (0, 0))
    }

    @Test func everyFrameThatAModelWasOfferedIsCounted() throws {
        let fixture = try StoreFixture()
        let original = try fixture.keep()
        var fresh = fixture.frame(.rejected(reason: "below_budget", model: StoreFixture.model, utility: 0.1))
        fresh.exposure = .init(model: StoreFixture.model, confidence: 0.75)
        var duplicate = fixture.frame(.rejected(reason: "duplicate"))
        duplicate.exposure = .init(model: StoreFixture.model, confidence: nil)
        duplicate.duplicateOf = original.local
        try fixture.commit([fresh, duplicate, duplicate, fixture.frame(.dropped(reason: "picture.broken"))])
        let feedback = try #require(try fixture.store.feedback().first)
        #expect((feedback.freshCount, feedback.duplicateCount) == (1, 2))
        #expect(feedback.freshConfidenceSum == 0.75)
        let represents = try fixture.store.read { try Int.fetchOne($0, sql: "SELECT represents FROM sample") }
        #expect(represents == 2)
    }

    @Test func answersAreCountedByStratum() throws {
        let fixture = try StoreFixture()
        let audit = try (0..<4).map { _ in try fixture.keep(reason: .audit) }
        let chosen = try (0..<3).map { _ in try fixture.keep() }
        var frame = fixture.frame(.rejected(reason: "duplicate"))
        frame.exposure = .init(model: StoreFixture.model, confidence: nil)
        try fixture.commit([frame])
        #expect(try fixture.deliver(.labeling).count == 7)
        _ = try fixture.label(audit[0], .classified("3"))
        _ = try fixture.label(audit[1], .unusable)
        _ = try fixture.label(chosen[0], .classified("5"))
        let feedback = try #require(try fixture.store.feedback().first)
        #expect(feedback.sentCount == [true: 4, false: 3])
        #expect(feedback.answeredCount == [true: 2, false: 1])
        #expect(feedback.audit.count == 4 && feedback.audit.count { $0.assessment != nil } == 1)
        #expect((feedback.chosenLabelCount, feedback.chosenRightCount) == (1, 0))
    }

    @Test func aLabelThatDoesNotComeIsGivenUpInCollectingTimeAndCountsWhenItComesAfterAll() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        _ = try fixture.deliver(.labeling)
        // It left in the first second of collecting.
        #expect(try fixture.store.expire(exportedBefore: Instant(seconds: 1)) == [])
        #expect(try fixture.store.expire(exportedBefore: Instant(seconds: 1.5)) == [id.local])
        #expect(try fixture.state(id).labelState == .expired)
        #expect(try fixture.store.expire(exportedBefore: Instant(seconds: 9)) == [])
        _ = try fixture.label(id, .classified("3"))
        #expect(try fixture.state(id).labelState == .labeled)
    }

    @Test func whatLeavesForLabelingIsChosenFromOutside() throws {
        let fixture = try StoreFixture()
        let chosen = try (0..<6).map { try fixture.keep(utility: Double($0) / 10) }
        let audit = try fixture.keep(reason: .audit)
        var seen: LabelingChoice?
        let batch = try #require(
            try fixture.store.openBatch(.labeling, destination: "stick", limit: 3, formats: []) { choice in
                seen = choice
                // The least certain first would be 5, 4, …
                return Array(choice.waiting.map(\.key).sorted().prefix(choice.count))
            })
        #expect(seen?.waiting.count == 6 && seen?.count == 2)
        let members = try fixture.store.members(of: batch.number, from: 0, limit: 9)
        #expect(members.map(\.id) == [audit, chosen[0], chosen[1]])
    }

    @Test func classesCountByTheirLabelsAndElseByTheModel() throws {
        let fixture = try StoreFixture()
        let labeled = try fixture.keep()
        try fixture.deliver(.labeling)
        _ = try fixture.label(labeled, .classified("rare"))
        _ = try fixture.keep()
        try fixture.deliver(.labeling)
        // It leaves with the batch that is chosen: it counts already.
        _ = try fixture.keep(reason: .audit)
        _ = try fixture.keep()
        var seen: LabelingChoice?
        _ = try fixture.store.openBatch(.labeling, destination: "stick", limit: 1, formats: []) { choice in
            seen = choice
            return []
        }
        #expect(seen?.classCounts == ["rare": 1, "3": 2])
        #expect(seen?.waiting.map(\.topClass) == ["3"])
    }

    @Test func whatChangedSinceItWasChosenDoesNotLeave() throws {
        let fixture = try StoreFixture()
        let chosen = try (0..<3).map { _ in try fixture.keep() }
        let batch = try fixture.store.openBatch(.labeling, destination: "stick", limit: 3, formats: []) { choice in
            _ = try? fixture.store.drop(chosen[1])
            return choice.waiting.map(\.key)
        }
        let number = try #require(batch).number
        #expect(try fixture.store.members(of: number, from: 0, limit: 9).map(\.id) == [chosen[0], chosen[2]])
    }

    @Test func aQueueOfTheFirstSchemaIsBroughtUp() throws {
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let pool = try DatabasePool(path: path + "/queue.sqlite")
        try Schema.migrator.migrate(pool, upTo: "1")
        try pool.write { db in
            try db.execute(
                sql: """
                    INSERT INTO device VALUES (1, 1, NULL);
                    INSERT INTO run VALUES (1, 1, 1, 1, 1, 1, 0);
                    INSERT INTO model VALUES (1, 'digits', 1, zeroblob(32), 'classification');
                    INSERT INTO sample (run_key, sequence, model_key, reason, audit, utility, coin, eviction_key, sha256,
                      bytes, disk_bytes, encoding, home, width, height)
                    VALUES (1, 1, 1, 'margin', 0, 0.5, 1, 1, zeroblob(32), 1, 512, 'png', 'inline', 1, 1);
                    """)
        }
        try pool.close()
        let store = try DeploymentStore.open(path, settings: StoreFixture.settings)
        #expect(store.openingNotes.isEmpty)
        let model = ModelID(
            name: "digits", version: 1, digest: try #require(Digest(bytes: [UInt8](repeating: 0, count: 32))))
        #expect(try store.status().queue[.queued] == 1)
        #expect(try store.unscored(by: model, limit: 9).samples == [])
        #expect(try store.unscored(by: Self.later, limit: 9).samples.count == 1)
    }
}
