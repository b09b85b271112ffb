import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

/// What is merged from parts of the queue, beside what a sort of all samples gives.
@Suite struct PartMergeTests {
    /// Of few utilities and keys many samples are equal.
    private static let seeds: [(seed: UInt64, levelCount: Int)] = [(1, 1), (2, 3), (3, 50), (4, 1_000_000)]
    private static let modelDigests = (1...2).map { Digest(of: Array("model \($0)".utf8)) }

    /// A queue of the schema before parts, brought up: samples of a dozen parts with gaps, everything about them drawn.
    private static func queue(seed: UInt64, levelCount: Int) throws -> DatabaseQueue {
        let queue = try DatabaseQueue()
        try Schema.migrator.migrate(queue, upTo: "8")
        var generator = SeededGenerator(seed: seed)
        func draw(_ values: String...) -> String { values[Int.random(in: 0..<values.count, using: &generator)] }
        try queue.write { db in
            try db.execute(sql: "INSERT INTO device VALUES (1, 1, NULL); INSERT INTO run VALUES (1, 1, 1, 1, 1, 1, 0)")
            for (index, digest) in modelDigests.enumerated() {
                try db.execute(
                    sql: "INSERT INTO model VALUES (?, 'digits', 1, ?, 'classification')",
                    arguments: [index + 1, digest.data])
            }
            for key in 1...12_000 where (key >> 10) % 4 != 2 && Bool.random(using: &generator) {
                let level = Double(Int.random(in: 0..<levelCount, using: &generator)) / Double(levelCount)
                let evictionKey = Int.random(in: 0..<20, using: &generator) == 0 ? Double.infinity : 1 - level
                let state = draw("queued", "queued", "exported", "labeled", "unusable", "expired")
                try db.run(
                    """
                    INSERT INTO sample (sample_key, run_key, sequence, model_key, reason, audit, utility, coin, eviction_key,
                      sha256, bytes, disk_bytes, encoding, home, width, height, label_state, pixels, kept, held,
                      acknowledged, top_class, scored_class, scored_by)
                    VALUES (?1, 1, ?1, ?2, ?3, ?3 = 'audit', ?4, ?5, ?6, zeroblob(32), 100, 512, 'png', 'inline', 1, 1, ?7,
                      ?8, ?9, ?10, ?11, ?12, ?13, ?2)
                    """,
                    [
                        key, Int.random(in: 1...2, using: &generator), draw("margin", "margin", "rare", "audit"), level,
                        Int64.random(in: .min ... .max, using: &generator), evictionKey, state,
                        state == "expired" ? "evicted" : draw("present", "present", "evicted"),
                        draw("0", "0", "0", "1"), draw("0", "0", "0", "2"), draw("0", "0", "1"), draw("a", "a", "b"),
                        draw("a", "b", "\(key % 300)"),
                    ])
            }
        }
        try Schema.migrator.migrate(queue)
        return queue
    }

    private func sorted(_ condition: String, by columns: String, _ db: Database) throws -> [Int64] {
        try Int64.fetchAll(
            db, sql: "SELECT sample_key FROM sample NOT INDEXED WHERE \(condition) ORDER BY \(columns)")
    }

    @Test(arguments: Self.seeds) func pagesAreThoseOfASort(_ seed: UInt64, _ levelCount: Int) throws {
        let queue = try Self.queue(seed: seed, levelCount: levelCount)
        var generator = SeededGenerator(seed: seed)
        let second = ModelID(name: "digits", version: 1, digest: Self.modelDigests[1])
        let unknown = ModelID(name: "digits", version: 1, digest: Digest(of: []))
        let filters: [(SampleFilter, String)] = [
            (SampleFilter(), "1"), (SampleFilter(labelState: .queued), "label_state = 'queued'"),
            (SampleFilter(labelState: .expired, pixels: .present), "0"),
            (SampleFilter(pixels: .evicted, reason: "rare"), "pixels = 'evicted' AND reason = 'rare'"),
            (SampleFilter(topClass: "b"), "top_class = 'b'"),
            (SampleFilter(labelState: .labeled, topClass: "b"), "label_state = 'labeled' AND top_class = 'b'"),
            (SampleFilter(model: second), "model_key = 2"), (SampleFilter(model: unknown), "0"),
        ]
        try queue.read { db in
            for (filter, condition) in filters {
                let wanted = try sorted(condition, by: "utility DESC, sample_key DESC", db)
                #expect(wanted.isEmpty == (condition == "0"))
                var found: [Int64] = []
                var cursor: SampleCursor?
                repeat {
                    let limit = Int.random(in: 1...500, using: &generator)
                    let page = try SampleQuery(filter: filter, order: .utility, after: cursor, limit: limit).page(db)
                    found += page.rows.map { $0["sample_key"] }
                    cursor = page.next
                } while cursor != nil
                #expect(found == wanted, "\(condition)")
            }
        }
    }

    @Test(arguments: Self.seeds) func whatLeavesIsWhatASortOfThoseThatWaitBegins(
        _ seed: UInt64, _ levelCount: Int
    ) throws {
        let waits = "label_state = 'queued' AND pixels = 'present' AND held = 0"
        try Self.queue(seed: seed, levelCount: levelCount).read { db in
            let chosen = try sorted("\(waits) AND audit = 0", by: "utility DESC, sample_key", db)
            let audit = try sorted("\(waits) AND audit = 1", by: "coin, sample_key", db)
            for limit in [1, 64, 700, 10_000] {
                let choice = BatchChoice(
                    destination: "stick", limit: limit, task: .classification, againUpTo: nil, sharing: [])
                #expect(try choice.waiting(db).waiting.map(\.key) == chosen)
                let first = Array(audit.prefix((limit + 4) / 5))
                let others = chosen.prefix(limit - first.count)
                let rest = audit.dropFirst(first.count).prefix(limit - first.count - others.count)
                #expect(try choice.members(.labeling, db) == first + others + rest)
            }
        }
    }

    @Test(arguments: Self.seeds) func aCopyGoesOnFromWhereItWasMade(_ seed: UInt64, _ levelCount: Int) throws {
        try Self.queue(seed: seed, levelCount: levelCount).read { db in
            let ranges = [1, 0].map {
                "pixels = 'present' AND kept = 0 AND held = 0 AND audit = 0 AND acknowledged = \($0)"
            }
            let wanted = try sorted(
                "pixels = 'present' AND kept = 0 AND held = 0 AND audit = 0",
                by: "acknowledged DESC, eviction_key DESC, sample_key", db)
            var merge = try PartMerge(db, ranges, by: "eviction_key", takesRangesInTurn: true)
            let first = try merge.keys(777)
            var copy = merge
            let rest = try merge.keys(.max)
            #expect(first + rest == wanted)
            #expect(try copy.keys(.max) == rest)
            #expect(try merge.next() == nil)
        }
    }

    /// Some evictions, and some that are undone because a newcomer asks for more than there is.
    @Test(arguments: Self.seeds) func thoseThatGoAreTheFirstOfASortEachTime(
        _ seed: UInt64, _ levelCount: Int
    ) throws {
        let fixture = try StoreFixture()
        let record = fixture.record(1, picture: [])
        let newcomer = CommitGroup.Kept(
            index: 0, record: record, picture: Picture([]), evictionKey: 0, json: Data(), diskByteCount: 1 << 40,
            home: .file,
            embedding: nil)
        try Self.queue(seed: seed, levelCount: levelCount).write { db in
            // Some audit samples are above their share, and go first.
            var settings = StoreSettings(quotaByteCount: try auditByteCount(db) - 20 * 512, auditQuotaShare: 1)
            settings.keepFreeByteCount = 0
            var eviction = try Eviction(db, room: Room(DiskUse(), settings), settings: settings)
            for step in 0..<200 {
                if step % 90 == 10 { #expect(try !eviction.admit(newcomer)) }
                #expect(eviction.evictedCount == step)
                let wanted = try #require(try firstVictim(settings, db))
                #expect(try eviction.free(eviction.room.left + eviction.room.reusable + 1))
                let pixels = try String.fetchOne(db, sql: "SELECT pixels FROM sample WHERE sample_key = \(wanted)")
                try #require(pixels == "evicted", "\(step)")
            }
            #expect(eviction.evictedCount == 200)
            // Until only those are left that may not go.
            while try eviction.free(eviction.room.left + eviction.room.reusable + 1) {}
            #expect(try firstVictim(settings, db) == nil)
        }
    }

    private func auditByteCount(_ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT sum(disk_bytes) FROM sample WHERE pixels = 'present' AND audit = 1") ?? 0
    }

    private func firstVictim(_ settings: StoreSettings, _ db: Database) throws -> Int64? {
        let isAudit = try auditByteCount(db) > settings.auditByteCountMax
        let keys = try sorted(
            "pixels = 'present' AND kept = 0 AND held = 0 AND audit = \(isAudit ? 1 : 0)",
            by: "acknowledged DESC, eviction_key DESC, sample_key", db)
        let spared = try Set(
            Int64.fetchAll(
                db,
                sql: """
                    SELECT sample_key FROM sample JOIN (
                      SELECT scored_class FROM sample WHERE pixels = 'present' AND audit = 0
                      GROUP BY scored_class HAVING count(*) <= 5) USING (scored_class)
                    WHERE acknowledged = 0 AND audit = 0
                    """))
        return keys.first { !spared.contains($0) } ?? keys.first
    }
}
