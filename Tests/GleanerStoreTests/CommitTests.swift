import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

#if canImport(Glibc)
    import Glibc
#endif

@Suite struct CommitTests {
    @Test func everyCommitIsFlushed() throws {
        let fixture = try StoreFixture()
        let (level, journal) = try fixture.store.pool.writeWithoutTransaction { db in
            (try Int.fetchOne(db, sql: "PRAGMA synchronous"), try String.fetchOne(db, sql: "PRAGMA journal_mode"))
        }
        #expect(level == 2)
        #expect(journal == "wal")
    }

    /// They would lie outside the deployment, and outside its quota.
    @Test func whatACommitIsUndoneByIsNeverWrittenToTemporaryFiles() throws {
        let fixture = try StoreFixture()
        let place = try fixture.store.pool.writeWithoutTransaction { db in
            try Int.fetchOne(db, sql: "PRAGMA temp_store")
        }
        #expect(place == 2)
    }

    @Test func framesThatNobodyWasReadyForCountAsOfferedAndDropped() throws {
        let fixture = try StoreFixture()
        var frame = FrameOutcome(
            sequence: 1, origin: FrameOrigin(source: "rtsp://camera", name: "1"), outcome: .rejected(reason: "budget"))
        frame.lateCount = 3
        let report = try fixture.commit([frame])
        #expect(report.droppedCount == 3)
        let status = try fixture.store.status()
        #expect(status.offered == 4)
        #expect(status.rejected == 1)
        #expect(status.dropped == 3)
    }

    @Test func bothHomesGiveBackTheBytesThatWereStored() throws {
        let fixture = try StoreFixture(inline: 2000)
        let small = fixture.kept(2000)
        let large = fixture.kept(2001)
        let report = try fixture.commit([small, large])
        #expect(report.storedCount == 2)
        for frame in [small, large] {
            guard case .stored(let record, let picture, _) = frame.outcome else { continue }
            #expect(try fixture.store.picture(of: record.id) == picture.bytes)
            #expect(try fixture.state(record.id).record == record)
        }
        #expect(
            FileManager.default.fileExists(atPath: "\(fixture.path)/frames/\(fixture.run)/0/2.jpg"))
        #expect(
            !FileManager.default.fileExists(atPath: "\(fixture.path)/frames/\(fixture.run)/0/1.jpg"))
    }

    @Test func offeredIsStoredAndRejectedAndDropped() throws {
        let fixture = try StoreFixture()
        try fixture.commit([
            fixture.kept(),
            fixture.frame(.rejected(reason: "budget", topClass: "3", model: StoreFixture.model, utility: 0.1)),
            fixture.frame(.rejected(reason: "duplicate")), fixture.frame(.dropped(reason: "unreadable")),
            fixture.kept(reason: .audit),
        ])
        try fixture.commit([fixture.frame(.rejected(reason: "duplicate"))])
        let status = try fixture.store.status()
        #expect(status.offered == 6)
        #expect(status.stored == 2)
        #expect(status.reasons["stored"] == ["margin": 1, "audit": 1])
        #expect(status.reasons["rejected"] == ["budget": 1, "duplicate": 2])
        #expect(status.reasons["dropped"] == ["unreadable": 1])
        #expect(status.queue[.queued] == 2)
        try fixture.expectConservation()
    }

    @Test func theLedgerKeepsHoursClassesAndModelsApart() throws {
        let fixture = try StoreFixture()
        let outcome = FrameOutcome.Outcome.rejected(
            reason: "budget", topClass: "7", model: StoreFixture.model, utility: 0.5)
        _ = try fixture.store.commit([fixture.frame(outcome)], collectorState: nil, at: Instant(seconds: 3599))
        _ = try fixture.store.commit(
            [fixture.frame(outcome), fixture.frame(outcome)], collectorState: nil, at: Instant(seconds: 3600))
        let entries = try fixture.store.ledger()
        #expect(entries.map(\.hour) == [0, 1])
        #expect(entries.map(\.count) == [1, 2])
        #expect(entries.allSatisfy { $0.topClass == "7" && $0.model == "digits@1" })
        #expect(try fixture.store.ledger(since: 1).count == 1)
        let bins = try fixture.store.utilityHistogram(of: StoreFixture.model)
        #expect(bins[25] == 3)
        #expect(bins.reduce(0, +) == 3)
    }

    @Test func aFileIsSeenOnceAndAgainOnlyWhenItIsWrittenAnew() throws {
        let fixture = try StoreFixture()
        let frame = fixture.frame(.rejected(reason: "budget"))
        #expect(try !fixture.isSeen(frame.origin))
        try fixture.commit([frame])
        #expect(try fixture.isSeen(frame.origin))
        var other = frame.origin
        other.modifiedNanoseconds += 1
        #expect(try !fixture.isSeen(other))
        try fixture.commit([FrameOutcome(sequence: 2, origin: other, outcome: .rejected(reason: "budget"))])
        #expect(try fixture.isSeen(other) && !fixture.isSeen(frame.origin))
        other.byteCount += 1
        #expect(try !fixture.isSeen(other))
        other = frame.origin
        other.source = "folder:/elsewhere"
        #expect(try !fixture.isSeen(other))
    }

    @Test func filesOfAnyNamesAreFoundTogether() throws {
        let fixture = try StoreFixture()
        let names: [Substring] = [
            "a.png", "ä \u{fffd}.png", "\"quoted\".png", "b\\c.png", "line\nbell\u{7}.png", "😀.png",
        ]
        let frames = names.enumerated().map { index, name in
            FrameOutcome(
                sequence: UInt64(index + 1),
                origin: FrameOrigin(source: "folder:/f", name: name, byteCount: 1, modifiedNanoseconds: Int64(index)),
                outcome: .rejected(reason: "budget"))
        }
        try fixture.commit(frames)
        let found = try fixture.store.seenOrigins(of: "folder:/f", named: names + ["other.png", ""])
        #expect(found == Set(frames.map(\.origin)))
        #expect(try fixture.store.seenOrigins(of: "folder:/f", named: Array(names.prefix(2))).count == 2)
        #expect(try fixture.store.seenOrigins(of: "folder:/g", named: names).isEmpty)
        #expect(try fixture.store.seenOrigins(of: "folder:/f", named: []).isEmpty)
    }

    @Test func framesOfACameraAreNotRemembered() throws {
        let fixture = try StoreFixture()
        let origin = FrameOrigin(source: "camera:0", name: "1")
        try fixture.commit([FrameOutcome(sequence: 1, origin: origin, outcome: .rejected(reason: "budget"))])
        #expect(try fixture.store.read { db in try Int.fetchOne(db, sql: "SELECT count(*) FROM seen") } == 0)
    }

    @Test func theCollectorGoesOnFromItsState() throws {
        let fixture = try StoreFixture()
        #expect(try fixture.store.collectorState().state == nil)
        let state = JSONValue.object(["budget": .array([.number(0.5), .integer(3)])])
        _ = try fixture.store.commit([], collectorState: state, at: Instant(seconds: 12.5))
        _ = try fixture.store.commit([], collectorState: nil, at: Instant(seconds: 13))
        let found = try fixture.store.collectorState()
        #expect(found.state == state)
        #expect(found.at == Instant(seconds: 13))
    }

    @Test func aRecordThatIsNotItsPicturesIsDroppedAndCounted() throws {
        let fixture = try StoreFixture()
        var wrong = fixture.kept()
        guard case .stored(let record, let picture, let key) = wrong.outcome else { return }
        var bytes = picture.bytes
        bytes[0] ^= 1
        wrong.outcome = .stored(record, picture: Picture(bytes), evictionKey: key)
        let report = try fixture.commit([wrong, fixture.kept()])
        #expect(report.storedCount == 1)
        #expect(report.droppedCount == 1)
        #expect(report.refused == [record.id: StoreDropReason.malformed])
        try fixture.expectConservation()
    }

    @Test func aGroupThatFailsLeavesNothing() throws {
        let fixture = try StoreFixture(inline: 100)
        let first = fixture.kept(5000)
        try fixture.commit([first])
        let before = try fixture.store.status()
        // The second of the group has a sequence that is taken: the whole group fails.
        #expect(throws: GleanerError.self) { try fixture.commit([fixture.kept(6000), first]) }
        let after = try fixture.store.status()
        #expect(after.offered == before.offered)
        #expect(after.stored == before.stored)
        #expect(try !fixture.isSeen(fixture.origin(2)))
        #expect(!FileManager.default.fileExists(atPath: "\(fixture.path)/frames/\(fixture.run)/0/2.jpg"))
        try fixture.expectConservation()
    }

    @Test func aPictureThatCannotBeWrittenFailsItsGroup() throws {
        let fixture = try StoreFixture(inline: 100)
        // A file where the run's folder should be.
        try Data().write(to: URL(filePath: "\(fixture.path)/frames/\(fixture.run)"))
        #expect(throws: GleanerError.self) { try fixture.commit([fixture.kept(5000), fixture.kept(50)]) }
        #expect(try fixture.store.status().offered == 0)
        try FileManager.default.removeItem(atPath: "\(fixture.path)/frames/\(fixture.run)")
        try fixture.keep(5000)
        #expect(try fixture.store.status().offered == 1)
    }

    @Test func aSampleOfAnotherDevicesRunIsRefused() throws {
        let fixture = try StoreFixture()
        let other = try StoreFixture()
        #expect(throws: GleanerError.self) { try fixture.commit([other.kept()]) }
        #expect(try fixture.store.status().offered == 0)
    }

    @Test func nineHundredCommitsBesideAnExporterLoseNothing() async throws {
        let fixture = try StoreFixture(inline: 800)
        let path = fixture.path
        let exporter = Task.detached { () -> Int in
            let other = try DeploymentStore.open(path, settings: StoreFixture.settings)
            var delivered = 0
            while delivered < 600 {
                guard try other.status().queue[.queued, default: 0] >= 50,
                    let batch = try other.openBatch(.labeling, destination: "stick", limit: 50, formats: [])
                else {
                    await Task.yield()
                    continue
                }
                var position = 0
                while position < batch.header.sampleCount {
                    for record in try other.members(of: batch.number, from: position, limit: 20) {
                        #expect(Digest(of: try other.picture(of: record.id)) == record.sha256)
                        position += 1
                    }
                }
                let id = BatchID(Digest(of: Array("\(batch.number)".utf8)))
                try other.sealBatch(batch.number, id: id)
                try other.acknowledge(batch.number, receipt: id.digest)
                delivered += batch.header.sampleCount
            }
            return delivered
        }
        for _ in 0..<450 { try fixture.commit([fixture.kept(700), fixture.kept(900)]) }
        let delivered = try await exporter.value
        let status = try fixture.store.status()
        #expect(status.stored == 900)
        #expect(status.queue[.exported] == delivered)
        try fixture.expectConservation()
    }
}
