import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

@Suite struct RetentionTests {
    private static let quota = 6 << 20

    private func present(_ fixture: StoreFixture, _ id: SampleID) throws -> Bool {
        try fixture.state(id).pixels == .present
    }

    @Test(arguments: [100, 1 << 20])
    func theQuotaHoldsAfterEveryCommitAndTheMostValuableStay(_ inline: Int) throws {
        let fixture = try StoreFixture(quota: Self.quota, inline: inline)
        var keys: [(id: SampleID, key: Double)] = []
        for group in 0..<60 {
            let frames = (0..<4).map { fixture.kept(60_000, key: Double((group * 4 + $0) * 37 % 241)) }
            for frame in frames {
                guard case .stored(let record, _, let key) = frame.outcome else { continue }
                keys.append((record.id, key))
            }
            try fixture.commit(frames)
            #expect(fixture.walkedByteCount() <= Self.quota)
        }
        try fixture.expectConservation()
        let status = try fixture.store.status()
        #expect(status.disk.used <= Self.quota)
        #expect(status.evicted > 20)
        #expect(status.presentCount > 30)
        // What is left are those with the smallest keys, but for a few at the edge that their group decided.
        let rows = keys.compactMap { entry -> Double? in
            guard let sample = try? fixture.state(entry.id) else { return nil }
            return sample.pixels == .present ? entry.key : nil
        }
        let best = keys.map(\.key).sorted()[rows.count + 4]
        #expect(rows.allSatisfy { $0 <= best })
    }

    @Test func picturesOfBothHomesShareTheQuota() throws {
        let fixture = try StoreFixture(quota: Self.quota, inline: 50_000)
        for group in 0..<80 {
            // First all small, then all large, then mixed: pages that were freed serve the files that come.
            let size = group < 30 ? 40_000 : group < 60 ? 90_000 : [40_000, 90_000][group % 2]
            try fixture.commit((0..<3).map { fixture.kept(size, key: Double(1000 - group * 3 - $0)) })
            #expect(fixture.walkedByteCount() <= Self.quota)
        }
        let status = try fixture.store.status()
        #expect(status.stored > 150)
        #expect(status.presentCount > 25)
        try fixture.expectConservation()
    }

    @Test func aSampleThatIsWorthLessThanAllOthersIsDropped() throws {
        let fixture = try StoreFixture(quota: 3 << 20, inline: 100)
        while try fixture.commit([fixture.kept(200_000, key: 5)]).refused.isEmpty {
            if try fixture.store.status().evicted > 0 { break }
        }
        let evicted = try fixture.store.status().evicted
        let report = try fixture.commit([fixture.kept(200_000, key: 6)])
        #expect(report.droppedCount == 1)
        #expect(Array(report.refused.values) == [StoreDropReason.noSpace])
        #expect(try fixture.store.status().evicted == evicted)
        let better = try fixture.commit([fixture.kept(200_000, key: 4)])
        #expect(better.storedCount == 1)
        #expect(better.evictedCount == 1)
        try fixture.expectConservation()
    }

    @Test func acknowledgedPixelsStayForTheDaysInWhichTheReceiptMayTurnOutToBeALie() throws {
        // The fixture's clock goes on by a second with every commit.
        let fixture = try StoreFixture(quota: 3 << 20, inline: 100, deleteAfterDays: 30 / 86_400)
        let delivered = try fixture.keep(200_000, utility: 0.9, key: 9)
        try fixture.deliver(.labeling)
        #expect(try fixture.state(delivered).labelState == .exported)
        var stayed = 0
        while try present(fixture, delivered) {
            try fixture.commit([fixture.kept(200_000, key: 5)])
            stayed += 1
            guard stayed < 100 else { break }
        }
        // Others went in its place, and then it was the first.
        #expect((29...32).contains(stayed))
        #expect(try fixture.store.status().evicted > 10)
        #expect(try fixture.store.read { try Int.fetchOne($0, sql: "SELECT sum(held) FROM sample") } == 0)
    }

    @Test func acknowledgedPixelsGoFirstEvenForOneThatIsWorthLess() throws {
        let fixture = try StoreFixture(quota: 3 << 20, inline: 100)
        let delivered = try fixture.keep(200_000, utility: 0.9, key: 0.1)
        try fixture.deliver(.labeling)
        let other = try fixture.keep(200_000, key: 3)
        while try fixture.store.status().evicted == 0 { try fixture.commit([fixture.kept(200_000, key: 5)]) }
        #expect(try !present(fixture, delivered))
        #expect(try present(fixture, other))
        #expect(try fixture.state(delivered).labelState == .exported)
    }

    @Test func keptAndHeldSamplesStayWhateverComes() throws {
        let fixture = try StoreFixture(quota: 3 << 20, inline: 100)
        let kept = try fixture.keep(200_000, key: 100)
        try fixture.store.setKept(kept, true)
        let held = try fixture.keep(200_000, utility: 1, key: 99)
        let batch = try #require(
            try fixture.store.openBatch(.labeling, destination: "stick", limit: 2, formats: []))
        try fixture.store.sealBatch(batch.number, id: BatchID(Digest(of: Array("b".utf8))))
        for _ in 0..<20 { try fixture.commit([fixture.kept(200_000, key: 1)]) }
        #expect(try fixture.store.status().evicted > 0)
        #expect(try present(fixture, kept))
        #expect(try present(fixture, held))
        let error = try #require(throws: GleanerError.self) { try fixture.store.drop(held) }
        #expect(error.code == .sampleHeld)
    }

    @Test func whenNothingMayGoTheNewcomerIsDropped() throws {
        let fixture = try StoreFixture(quota: 3 << 20, inline: 100)
        var dropped = 0
        while dropped < 3 {
            let frame = fixture.kept(200_000, key: 0)
            let report = try fixture.commit([frame])
            if report.storedCount == 1, case .stored(let record, _, _) = frame.outcome {
                try fixture.store.setKept(record.id, true)
            }
            dropped += report.droppedCount
        }
        #expect(try fixture.store.status().reasons["dropped"] == [StoreDropReason.noSpace: 3])
        #expect(fixture.walkedByteCount() <= 3 << 20)
        try fixture.expectConservation()
    }

    @Test func auditSamplesReplaceEachOtherOnlyWithinTheirShare() throws {
        let fixture = try StoreFixture(quota: 4 << 20, inline: 100, auditShare: 0.2)
        // A fifth of 4 MiB holds 8 of 100 KB.
        var audit: [SampleID] = []
        for number in 0..<10 {
            audit.append(try fixture.keep(98_304, key: Double(number < 2 ? 90 : 50), reason: .audit))
        }
        #expect(try audit.filter { try present(fixture, $0) } == Array(audit[2...]))
        for _ in 0..<40 { try fixture.commit([fixture.kept(98_304, key: 1)]) }
        #expect(try audit.filter { try present(fixture, $0) } == Array(audit[2...]))
        // A newcomer that is worth less than every audit sample finds no room among them.
        #expect(try fixture.commit([fixture.kept(98_304, key: 51, reason: .audit)]).droppedCount == 1)
        #expect(try fixture.commit([fixture.kept(98_304, key: 49, reason: .audit)]).storedCount == 1)
        try fixture.expectConservation()
    }

    @Test func aSmallerQuotaIsMetByTheNextCommitWhateverItBrings() throws {
        let fixture = try StoreFixture(inline: 100)
        for _ in 0..<10 { try fixture.commit((0..<5).map { _ in fixture.kept(98_304, key: 1) }) }
        var settings = StoreFixture.settings
        settings.quotaByteCount = 4 << 20
        let store = try DeploymentStore.open(fixture.path, settings: settings)
        #expect(try store.diskUse().used > 4 << 20)
        let reject = fixture.frame(.rejected(reason: "budget"))
        let report = try store.commit([reject], collectorState: nil, at: Instant(seconds: 20))
        #expect(report.evictedCount > 10)
        #expect(try store.diskUse().used <= 4 << 20)
        try fixture.expectConservation()
    }

    @Test func theFloorOfTheVolumeIsKept() throws {
        let fixture = try StoreFixture()
        let free = try fixture.store.diskUse().volumeFree
        var settings = StoreFixture.settings
        settings.keepFreeByteCount = free + (1 << 40)
        let store = try DeploymentStore.open(fixture.path, settings: settings)
        let report = try store.commit([fixture.kept()], collectorState: nil, at: Instant(seconds: 1))
        #expect(report.droppedCount == 1)
        #expect(try store.status().reasons["dropped"] == [StoreDropReason.noSpace: 1])
    }

    @Test func theLastOfAClassStayWhateverTheyAreWorth() throws {
        let fixture = try StoreFixture(quota: Self.quota, inline: 100)
        func commit(_ topClass: String, key: Double) throws -> (id: SampleID, report: CommitReport) {
            let frame = fixture.kept(60_000, key: key, prediction: StoreFixture.classified(topClass))
            let report = try fixture.commit([frame])
            return (SampleID(device: fixture.device, run: fixture.run, sequence: frame.sequence), report)
        }
        let rare = try (0..<3).map { _ in try commit("rare", key: 900).id }
        let common = try (0..<200).map { try commit("common", key: Double(500 - $0)).id }
        #expect(try rare.allSatisfy { try present(fixture, $0) })
        #expect(try common.contains { try !present(fixture, $0) })
        // The first five of a new class come in though they are worth least; the sixth has to be worth more.
        let new = try (0..<7).map { try commit("new", key: 999 + Double($0)) }
        #expect(new.map(\.report.refused.isEmpty) == [true, true, true, true, true, false, false])
        #expect(try new.prefix(5).allSatisfy { try present(fixture, $0.id) })
        #expect(fixture.walkedByteCount() <= Self.quota)
        try fixture.expectConservation()
    }

    @Test func whatStayedOnAFullDiskIsWeightedByItsChance() throws {
        let fixture = try StoreFixture(quota: Self.quota, inline: 100)
        let light = try fixture.keep(60_000, utility: 0, key: 0.01)
        let heavy = try fixture.keep(60_000, utility: 0.95, key: 0.01)
        let audit = try fixture.keep(60_000, utility: 0, key: 0.01, reason: .audit)
        // Keys fall from 10 to 2.
        for step in 0...200 { try fixture.keep(60_000, utility: 0.5, key: 10 - Double(step) * 0.04) }
        let smallest = try #require(
            try fixture.store.read { try Double.fetchOne($0, sql: "SELECT smallest FROM evicted_key") })
        #expect((2...10).contains(smallest))
        for id in [light, heavy, audit] { _ = try fixture.label(id, .classified("3")) }
        let batch = try #require(
            try fixture.store.openBatch(.training, destination: "stick", limit: 9, formats: ["csv"]))
        let weights = try fixture.store.members(of: batch.number, from: 0, limit: 9).map(\.weight)
        // 1 / (0.05 · τ), 1 because 1 · τ is more, and the coin's 0.02, which gives at most 10.
        #expect(weights == [min(10, 1 / (0.05 * smallest)), 1, 10])
    }

    @Test func aCommitNamesThoseThatNobodyWillLabelAnyMore() throws {
        let fixture = try StoreFixture(quota: Self.quota, inline: 100)
        let asked = try fixture.keep(60_000, key: 9)
        _ = try fixture.deliver(.labeling)
        var expired: Set<LocalSampleID> = []
        var evictedCount = 0
        for step in 0..<200 {
            let report = try fixture.commit([fixture.kept(60_000, key: Double(1000 - step))])
            expired.formUnion(report.expired)
            evictedCount += report.evictedCount
        }
        // The one that is away for labeling went too, and may still get its label.
        #expect(try !present(fixture, asked))
        #expect(!expired.contains(asked.local) && expired.count == evictedCount - 1 && evictedCount > 50)
    }

    @Test func whatWasNeverExportedExpiresWithItsPixels() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        try fixture.store.drop(id)
        let sample = try fixture.state(id)
        #expect(sample.pixels == .evicted)
        #expect(sample.labelState == .expired)
        let error = try #require(throws: GleanerError.self) { try fixture.store.picture(of: id) }
        #expect(error.code == .sampleEvicted)
        try fixture.store.drop(id)
        #expect(try fixture.store.status().reasons["evicted"] == ["operator": 1])
        try fixture.expectConservation()
    }

    @Test func roomIsMadeForAModelAndRetiredModelsGiveTheirs() throws {
        let fixture = try StoreFixture(quota: 4 << 20, inline: 100)
        let store = fixture.store
        for version in 1...3 {
            try ModelFixture(version).place(in: store)
            try store.activate(ModelFixture(version).id)
            try ModelFixture(version).confirm(in: store)
        }
        for _ in 0..<20 { try fixture.commit([fixture.kept(150_000, key: 1)]) }
        try store.makeRoom(forModelOf: 1 << 20)
        #expect(try store.diskUse().used <= 3 << 20)
        #expect(try store.model(named: "digits@1").folderName == nil)
        let error = try #require(throws: GleanerError.self) { try store.activate(ModelFixture(1).id) }
        #expect(error.remedy.contains("import"))
        #expect(try store.activeModel()?.manifest.version == 3)
        try ModelFixture(1).place(in: store)
        try store.activate(ModelFixture(1).id)
        #expect(throws: GleanerError.self) { try store.makeRoom(forModelOf: 5 << 20) }
    }

    @Test func aFullDeviceStillExports() throws {
        let fixture = try StoreFixture(quota: 8 << 20, inline: 100)
        let store = fixture.store
        while try store.status().evicted == 0 { try fixture.commit([fixture.kept(150_000, key: 1)]) }
        // All of it is in one batch, so that nothing may be evicted for the batch's own files.
        let batch = try #require(
            try store.openBatch(.labeling, destination: "stick", limit: 1000, formats: ["csv"]))
        #expect(batch.header.sampleCount > 20)
        try store.makeRoom(forBatch: batch.number)
        let outbox = try store.diskUse().outbox
        #expect(outbox == 0 && fixture.walkedByteCount() <= (8 << 20) - (8 << 20) / 64)
        // Samples never take what is reserved for batches.
        let report = try fixture.commit([fixture.kept(150_000, key: 0)])
        #expect(report.droppedCount == 1)
    }

    @Test func aBatchThatFindsNoRoomSaysHowToSucceed() throws {
        let fixture = try StoreFixture(quota: 4 << 20, inline: 64 << 10)
        let store = fixture.store
        while try store.status().evicted == 0 { try fixture.commit([fixture.kept(1000, key: 1)]) }
        let batch = try #require(
            try store.openBatch(.labeling, destination: "stick", limit: 1000, formats: ["csv", "coco"]))
        let error = try #require(throws: GleanerError.self) { try store.makeRoom(forBatch: batch.number) }
        #expect(error.code == .storeFull && error.remedy.contains("--limit"))
        try store.discardBatch(batch.number)
        let smaller = try #require(
            try store.openBatch(.labeling, destination: "stick", limit: 4, formats: ["csv", "coco"]))
        try store.makeRoom(forBatch: smaller.number)
    }
}
