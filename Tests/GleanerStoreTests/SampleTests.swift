import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

@Suite struct SampleTests {
    /// Changes one bit of a column of blobs.
    private func flip(_ table: String, _ column: String, of id: SampleID, in store: DeploymentStore) throws {
        try store.write { db in
            let key = try SampleRow.find(named: id.description, db).key
            let sql = "SELECT \(column) FROM \(table) WHERE sample_key = ?"
            var bytes = try #require(try Data.fetchOne(db, sql: sql, arguments: [key]))
            bytes[bytes.count / 2] ^= 4
            try db.execute(sql: "UPDATE \(table) SET \(column) = ? WHERE sample_key = ?", arguments: [bytes, key])
        }
    }

    private func expectQuarantined(_ id: SampleID, in fixture: StoreFixture) throws {
        let sample = try fixture.store.read { db in try SampleRow.find(named: id.description, db) }
        #expect(sample.pixels == .quarantined)
        let status = try fixture.store.status()
        #expect(status.damagedCount == 1)
        #expect(status.quarantineCount == 1)
        let reason = try String(contentsOfFile: fixture.path + "/quarantine/1/reason.txt", encoding: .utf8)
        #expect(reason.contains(id.description))
    }

    @Test(arguments: [100, 10_000])
    func aFlippedBitOfAPictureIsNoticedAndPutAside(_ inline: Int) throws {
        let fixture = try StoreFixture(inline: inline)
        let id = try fixture.keep(5000)
        let healthy = try fixture.keep(5000)
        if inline < 5000 {
            let path = "\(fixture.path)/frames/\(fixture.run)/0/1.jpg"
            var bytes = try Data(contentsOf: URL(filePath: path))
            bytes[4000] ^= 1
            try bytes.write(to: URL(filePath: path))
        } else {
            try flip("picture", "bytes", of: id, in: fixture.store)
        }
        let error = try #require(throws: GleanerError.self) { try fixture.store.picture(of: id) }
        #expect(error.code == .sampleDamaged)
        try expectQuarantined(id, in: fixture)
        let aside = try Data(contentsOf: URL(filePath: "\(fixture.path)/quarantine/1/\(id).jpg"))
        #expect(aside.count == 5000)
        let again = try #require(throws: GleanerError.self) { try fixture.store.picture(of: id) }
        #expect(again.code == .sampleEvicted)
        #expect(try fixture.store.picture(of: healthy).count == 5000)
        #expect(
            try fixture.store.openBatch(.labeling, destination: "d", limit: 9, formats: [])?.header.sampleCount == 1)
    }

    @Test func aPictureThatIsGoneIsNoticed() throws {
        let fixture = try StoreFixture(inline: 100)
        let id = try fixture.keep(5000)
        try FileManager.default.removeItem(atPath: "\(fixture.path)/frames/\(fixture.run)/0/1.jpg")
        let error = try #require(throws: GleanerError.self) { try fixture.store.picture(of: id) }
        #expect(error.code == .sampleDamaged)
        try expectQuarantined(id, in: fixture)
    }

    @Test func aFlippedBitOfARecordIsNoticed() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        let healthy = try fixture.keep()
        try flip("record", "json", of: id, in: fixture.store)
        #expect(try fixture.store.samples(limit: 10).samples.map(\.record.id) == [healthy])
        try expectQuarantined(id, in: fixture)
        let error = try #require(throws: GleanerError.self) { try fixture.store.sample(id.short) }
        #expect(error.code == .sampleDamaged)
    }

    @Test func aDamagedMemberIsNoticedWhenABatchIsRead() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep(utility: 0.1)
        let healthy = try fixture.keep()
        try flip("record", "json", of: id, in: fixture.store)
        let batch = try #require(try fixture.store.openBatch(.labeling, destination: "d", limit: 9, formats: []))
        let error = try #require(throws: GleanerError.self) {
            try fixture.store.members(of: batch.number, from: 0, limit: 9)
        }
        #expect(error.code == .sampleDamaged)
        try fixture.store.discardBatch(batch.number)
        let next = try #require(try fixture.store.openBatch(.labeling, destination: "d", limit: 9, formats: []))
        #expect(try fixture.store.members(of: next.number, from: 0, limit: 9).map(\.id) == [healthy])
    }

    @Test func aSampleIsNamedByItsWholeIdOrItsShortForm() throws {
        let fixture = try StoreFixture()
        let id = try fixture.keep()
        #expect(try fixture.store.sample(id.description).record.id == id)
        #expect(try fixture.store.sample("1-1").record.id == id)
        let stranger = SampleID(device: DeviceID(rawValue: 5), run: fixture.run, sequence: 1)
        for name in [
            "1-2", "2-1", "", "-", "1-1-1", "x", "99999999999-1", "1-99999999999999999999", stranger.description,
        ] {
            let error = try #require(throws: GleanerError.self) { try fixture.store.sample(name) }
            #expect(error.code == .notFound)
        }
    }

    @Test(arguments: SampleOrder.allCases) func pagesGiveEverySampleOnce(_ order: SampleOrder) throws {
        let fixture = try StoreFixture()
        // Utilities repeat, so that pages end between equals.
        try fixture.commit((0..<23).map { fixture.kept(utility: Double($0 % 4) / 4) })
        var found: [StoredSample] = []
        var cursor: SampleCursor?
        repeat {
            let page = try fixture.store.samples(order: order, after: cursor, limit: 5)
            found += page.samples
            cursor = page.next
        } while cursor != nil
        #expect(Set(found.map(\.record.id)).count == 23)
        #expect(found.count == 23)
        switch order {
        case .newest: #expect(found.map(\.record.id.sequence) == (1...23).reversed())
        case .utility:
            let utilities = found.map(\.record.utility)
            #expect(utilities == utilities.sorted(by: >))
        }
    }

    @Test func filtersNarrowTheList() throws {
        let fixture = try StoreFixture()
        let other = ModelID(name: "digits", version: 2, digest: Digest(of: Array("2".utf8)))
        try fixture.commit([
            fixture.kept(), fixture.kept(reason: .audit), fixture.kept(model: other),
            fixture.kept(prediction: StoreFixture.classified("8")),
        ])
        _ = try fixture.label(try fixture.store.sample("1-1").record.id, .classified("3"))
        func found(_ filter: SampleFilter) throws -> [UInt64] {
            try fixture.store.samples(filter: filter, limit: 10).samples.map(\.record.id.sequence)
        }
        #expect(try found(SampleFilter()) == [4, 3, 2, 1])
        #expect(try found(SampleFilter(labelState: .labeled)) == [1])
        #expect(try found(SampleFilter(labelState: .queued)) == [4, 3, 2])
        #expect(try found(SampleFilter(reason: "audit")) == [2])
        #expect(try found(SampleFilter(topClass: "8")) == [4])
        #expect(try found(SampleFilter(model: other)) == [3])
        #expect(try found(SampleFilter(pixels: .evicted)) == [])
        #expect(try found(SampleFilter(labelState: .queued, reason: "margin", topClass: "3")) == [3])
    }

    /// A page that sorted, or a status that scanned, would take seconds on a full device.
    @Test func pagesAndCountsNeverScanTheSamples() throws {
        let fixture = try StoreFixture()
        try fixture.commit((0..<3).map { _ in fixture.kept() })
        let cursor = SampleCursor(key: 5, utility: 0.7)
        let filters = [SampleFilter(), SampleFilter(labelState: .queued), SampleFilter(topClass: "3")]
        try fixture.store.write { db in
            for order in SampleOrder.allCases {
                for filter in filters where order == .newest || filter.topClass == nil {
                    let query = SampleQuery(filter: filter, order: order, after: cursor, limit: 20)
                    let plan = try StoreFixture.plans(db) { _ = try query.page(db) }
                    let index = order == .newest ? "" : "COVERING INDEX sample_by_utility (label_state=? AND <expr>=?"
                    #expect(plan.contains { $0.hasPrefix("SEARCH sample USING \(index)") }, "\(plan)")
                    expectNoScan(plan)
                    // What was merged is sorted again, and so is the page itself.
                    let sortCount = order == .newest ? 1 : 2
                    #expect(plan.filter { $0.contains("TEMP B-TREE") }.count <= sortCount, "\(plan)")
                }
            }
            let choice = BatchChoice(
                destination: "stick", limit: 9, task: .classification, againUpTo: nil, sharing: [])
            let members = try StoreFixture.plans(db) { _ = try choice.members(.labeling, db) }
            #expect(
                members.contains { $0.contains("INDEX sample_by_utility (label_state=? AND <expr>=? AND utility<?)") })
            // Those that wait, from the first on.
            let audit = "SCAN sample USING INDEX sample_labelable_audit"
            #expect(members.contains(audit), "\(members)")
            expectNoScan(members.filter { $0 != audit })
            let victims = try StoreFixture.plans(db) {
                let settings = fixture.store.settings
                var eviction = try Eviction(db, room: Room(DiskUse(), settings), settings: settings)
                _ = try eviction.free(eviction.room.left + 1)
            }
            let index = "INDEX sample_evictable (audit=? AND acknowledged=? AND <expr>=? AND eviction_key<?)"
            #expect(victims.contains { $0.contains(index) }, "\(victims)")
            expectNoScan(victims)
            let seen = try StoreFixture.plans(db) {
                let sql = "SELECT 1 FROM seen JOIN source USING (source_key) WHERE source.name = ? AND seen.name = ?"
                _ = try db.first(sql, ["a", "b"])
            }
            #expect(seen.allSatisfy { $0.hasPrefix("SEARCH") }, "\(seen)")
        }
    }

    private func expectNoScan(_ plan: [String], sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(!plan.contains { $0.hasPrefix("SCAN sample ") }, "\(plan)", sourceLocation: sourceLocation)
    }

    @Test func threeHundredThousandSamplesAreAPageAway() throws {
        let fixture = try StoreFixture()
        try fixture.keep()
        // Copies of one row, as SQL: what is tested is that nothing looks at all of them.
        try fixture.store.write { db in
            try db.execute(
                sql: """
                    WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
                    INSERT INTO sample (run_key, sequence, model_key, top_class, reason, audit, utility, coin,
                      eviction_key, sha256, bytes, disk_bytes, encoding, home, width, height)
                    SELECT run_key, n.i, model_key, top_class, reason, audit, (n.i % 1000) / 1000.0, n.i, n.i % 777,
                      sha256, bytes, disk_bytes, encoding, home, width, height FROM sample, n;
                    INSERT INTO record SELECT s.sample_key, r.json, r.sha256 FROM sample s, record r
                    WHERE s.sample_key > 299990;
                    """)
        }
        let page = try fixture.store.samples(limit: 10)
        #expect(page.samples.count == 10)
        let status = try fixture.store.status()
        #expect(status.queue[.queued] == 300_000)
        #expect(try fixture.store.read { try SampleRow.find(named: "1-150000", $0) }.id.sequence == 150_000)
        #expect(try DeploymentStore.open(fixture.path, settings: StoreFixture.settings).openingNotes.isEmpty)
    }
}
