import Foundation
import GleanerCore
import Testing

@testable import GleanerStore

@Suite struct BatchTests {
    private func open(
        _ fixture: StoreFixture, _ purpose: BatchPurpose = .labeling, limit: Int = 100, to destination: String = "stick"
    ) throws -> StoredBatch? {
        try fixture.store.openBatch(purpose, destination: destination, limit: limit, formats: ["coco", "csv"])
    }

    private func members(_ fixture: StoreFixture, _ batch: StoredBatch) throws -> [UInt64] {
        try fixture.store.members(of: batch.number, from: 0, limit: 1000).map(\.id.sequence)
    }

    private func id(_ text: String) -> BatchID { BatchID(Digest(of: Array(text.utf8))) }

    @Test func thereIsNoBatchOfNothing() throws {
        let fixture = try StoreFixture()
        #expect(try open(fixture) == nil)
        #expect(try open(fixture, .training) == nil)
        try fixture.keep()
        #expect(try open(fixture, limit: 0) == nil)
        #expect(try open(fixture, .training) == nil)
    }

    @Test func aBatchTakesTheBestAndItsShareOfAudit() throws {
        let fixture = try StoreFixture()
        // 1…12 by utility, 13…18 audit.
        try fixture.commit((1...12).map { fixture.kept(10, utility: Double($0) / 20) })
        try fixture.commit((13...18).map { _ in fixture.kept(10, utility: 1, reason: .audit) })
        let batch = try #require(try open(fixture, limit: 7))
        let chosen = try members(fixture, batch)
        // A fifth of 7, rounded up, is 2.
        #expect(chosen.count == 7)
        #expect(chosen.filter { $0 > 12 }.count == 2)
        #expect(chosen.filter { $0 <= 12 } == [12, 11, 10, 9, 8])
        // The audit samples' order is theirs for good, and is not that of their sequence alone.
        let audit = chosen.filter { $0 > 12 }
        try fixture.store.discardBatch(batch.number)
        let again = try #require(try open(fixture, limit: 7))
        #expect(try members(fixture, again).filter { $0 > 12 } == audit)
        // The next batch goes on where this one ended.
        let next = try #require(try open(fixture, limit: 7))
        #expect(try members(fixture, next).filter { $0 <= 12 } == [7, 6, 5, 4, 3])
        let last = try #require(try open(fixture, limit: 7))
        #expect(try members(fixture, last).count == 4)
        #expect(try open(fixture) == nil)
    }

    @Test func placesThatStayFreeGoToAuditSamples() throws {
        let fixture = try StoreFixture()
        try fixture.commit((0..<8).map { _ in fixture.kept(10, reason: .audit) } + [fixture.kept(10)])
        let batch = try #require(try open(fixture, limit: 6))
        let chosen = try members(fixture, batch)
        #expect(chosen.count == 6)
        #expect(Set(chosen).count == 6)
        #expect(chosen.contains(9))
    }

    @Test func samplesLeaveWithWhatTheyStandForAndTrainingBatchesWithWeights() throws {
        let fixture = try StoreFixture()
        let audit = try fixture.keep(reason: .audit)
        try fixture.keep()
        var like = fixture.frame(.rejected(reason: "duplicate"))
        like.duplicateOf = audit.local
        try fixture.commit([like, like])
        let labeling = try #require(try open(fixture))
        let asked = try fixture.store.members(of: labeling.number, from: 0, limit: 9)
        #expect(asked.map(\.represents) == [2, nil] && asked.map(\.weight) == [nil, nil])
        for record in asked { _ = try fixture.label(record.id, .classified("3")) }
        let training = try #require(try open(fixture, .training))
        // The coin's 0.02 would give 50.
        let labeled = try fixture.store.members(of: training.number, from: 0, limit: 9)
        #expect(labeled.map(\.weight) == [10, 1])
    }

    @Test func theHeaderSaysWhatIsInTheBatch() throws {
        let fixture = try StoreFixture()
        try ModelFixture(1, labels: ["3", "8", "other"]).place(in: fixture.store)
        try fixture.store.activate(ModelFixture(1).id)
        try fixture.commit([fixture.kept(), fixture.kept(prediction: StoreFixture.classified("unknown"))])
        let batch = try #require(try open(fixture))
        #expect(batch.header.task == .classification)
        #expect(batch.header.classes == ["3", "8", "other", "unknown"])
        #expect(batch.header.sampleCount == 2)
        #expect(batch.header.device == fixture.device)
        #expect(batch.number == 1)
        #expect(batch.state == .open)
        #expect(batch.formats == ["coco", "csv"])
        #expect(batch.models == [SampleRecord.ModelReference(StoreFixture.model)])
        #expect(try fixture.store.unfinishedBatches() == [batch])
    }

    @Test func aBatchHasOneTask() throws {
        let fixture = try StoreFixture()
        let detector = ModelID(name: "apples", version: 1, digest: Digest(of: Array("d".utf8)))
        try fixture.commit([
            fixture.kept(), fixture.kept(model: detector, prediction: StoreFixture.detected), fixture.kept(),
        ])
        #expect(try members(fixture, #require(try open(fixture))) == [1, 3])
        let boxes = try #require(
            try fixture.store.openBatch(.labeling, destination: "d", limit: 9, formats: [], task: .detection))
        #expect(try members(fixture, boxes) == [2])
        #expect(boxes.header.classes == ["apple"])
    }

    @Test func aBatchGoesThroughItsStates() throws {
        let fixture = try StoreFixture()
        let sample = try fixture.keep()
        let batch = try #require(try open(fixture))
        #expect(try fixture.state(sample).isHeld)
        #expect(throws: GleanerError.self) {
            try fixture.store.acknowledge(batch.number, receipt: id("a").digest)
        }
        try fixture.store.sealBatch(batch.number, id: id("a"))
        #expect(throws: GleanerError.self) { try fixture.store.sealBatch(batch.number, id: id("b")) }
        #expect(try fixture.store.batch(batch.number).id == id("a"))
        let error = try #require(throws: GleanerError.self) {
            try fixture.store.acknowledge(batch.number, receipt: id("b").digest)
        }
        #expect(error.code == .batchReceipt)
        #expect(try fixture.state(sample).labelState == .queued)
        #expect(try fixture.state(sample).isHeld)
        for _ in 0..<2 { try fixture.store.acknowledge(batch.number, receipt: id("a").digest) }
        let delivered = try fixture.state(sample)
        #expect(delivered.labelState == .exported)
        #expect(!delivered.isHeld)
        #expect(
            delivered.deliveries == [
                SampleDelivery(batch: 1, purpose: .labeling, destination: "stick", state: .delivered)
            ])
        #expect(try fixture.store.unfinishedBatches().isEmpty)
        #expect(throws: GleanerError.self) { try fixture.store.discardBatch(batch.number) }
        #expect(try open(fixture) == nil)
        let missing = try #require(throws: GleanerError.self) { try fixture.store.batch(7) }
        #expect(missing.code == .notFound)
    }

    @Test func aDiscardedBatchFreesItsMembers() throws {
        let fixture = try StoreFixture()
        let sample = try fixture.keep()
        for seals in [false, true] {
            let batch = try #require(try open(fixture))
            if seals { try fixture.store.sealBatch(batch.number, id: id("x")) }
            try fixture.store.discardBatch(batch.number)
            #expect(throws: GleanerError.self) { try fixture.store.discardBatch(batch.number) }
            #expect(try !fixture.state(sample).isHeld)
            #expect(try fixture.state(sample).labelState == .queued)
        }
        #expect(try fixture.state(sample).deliveries.isEmpty)
        #expect(try open(fixture)?.number == 3)
    }

    @Test func aSampleThatWasLabeledMeanwhileStaysLabeled() throws {
        let fixture = try StoreFixture()
        let sample = try fixture.keep()
        let batch = try #require(try open(fixture))
        _ = try fixture.label(sample, .classified("3"))
        try fixture.store.sealBatch(batch.number, id: id("a"))
        try fixture.store.acknowledge(batch.number, receipt: id("a").digest)
        #expect(try fixture.state(sample).labelState == .labeled)
    }

    @Test func membersComeInPagesWithTheLabelsOfTheirTime() throws {
        let fixture = try StoreFixture()
        for _ in 0..<5 { _ = try fixture.label(fixture.keep(), .classified("3")) }
        let batch = try #require(try open(fixture, .training))
        _ = try fixture.label(try fixture.store.sample("1-1").record.id, .classified("8"))
        let first = try fixture.store.members(of: batch.number, from: 0, limit: 2)
        let rest = try fixture.store.members(of: batch.number, from: 2, limit: 10)
        #expect((first + rest).map(\.id.sequence) == [1, 2, 3, 4, 5])
        #expect((first + rest).allSatisfy { $0.label?.value == .classified("3") })
        #expect(try fixture.store.members(of: batch.number, from: 5, limit: 10).isEmpty)
    }

    @Test func trainingTakesEachLabelOnceForEachDestination() throws {
        let fixture = try StoreFixture()
        let ids = try (0..<4).map { _ in try fixture.keep() }
        _ = try fixture.label(ids[0], .classified("3"))
        _ = try fixture.label(ids[1], .classified("8"))
        _ = try fixture.label(ids[2], .unusable)
        #expect(try fixture.deliver(.training) == [ids[0], ids[1]])
        #expect(try fixture.deliver(.training) == [])
        #expect(try fixture.deliver(.training, to: "cloud") == [ids[0], ids[1]])
        // A corrected label goes again, and so does everything when asked for.
        _ = try fixture.label(ids[1], .classified("9"))
        #expect(try fixture.deliver(.training) == [ids[1]])
        let all = try fixture.store.openBatch(
            .training, destination: "stick", limit: 10, formats: [], againUpTo: .max)
        #expect(all?.header.sampleCount == 2)
        #expect(all?.header.classes == ["3", "9"])
        #expect(try fixture.state(ids[0]).labelState == .labeled)
        // Without pixels there is nothing to train on.
        #expect(throws: GleanerError.self) { try fixture.store.drop(ids[0]) }
    }

    @Test func evictedSamplesAreNotTrainedOn() throws {
        let fixture = try StoreFixture()
        let ids = try (0..<2).map { _ in try fixture.keep() }
        for id in ids { _ = try fixture.label(id, .classified("3")) }
        try fixture.store.drop(ids[0])
        #expect(try fixture.deliver(.training) == [ids[1]])
    }

    @Test func anExportThatDiedIsDiscardedByTheNext() throws {
        let fixture = try StoreFixture()
        let store = fixture.store
        let ids = try (0..<2).map { _ in try fixture.keep(10) }
        let sealed = try #require(try open(fixture, limit: 1))
        try store.sealBatch(sealed.number, id: id("sealed"))
        let died = try #require(try open(fixture, limit: 1))
        for name in [id("sealed").short, id("sealed").description, "half-written"] {
            try DurableFile.makeFolder(store.folder.outbox + "/" + name)
        }
        let lock = try store.beginExport()
        #expect(try store.batch(died.number).state == .discarded)
        #expect(try store.batch(sealed.number).state == .sealed)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: store.folder.outbox).sorted()
                == [id("sealed").short, id("sealed").description].sorted())
        let error = try #require(throws: GleanerError.self) { try store.beginExport() }
        #expect(error.code == .exportRunning)
        withExtendedLifetime(lock) {}
        #expect(try ids.filter { try fixture.state($0).isHeld }.count == 1)
    }
}
