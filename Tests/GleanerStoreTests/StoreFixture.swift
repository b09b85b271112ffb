import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

/// A deployment in a temporary folder, removed with the value.
final class StoreFixture {
    let path: String
    let store: DeploymentStore
    let run: RunID
    let device: DeviceID
    private(set) var nextSequence: UInt64 = 1
    private var seconds = 0.0

    static let model = ModelID(name: "digits", version: 1, digest: Digest(of: Array("model 1".utf8)))

    init(
        quota: Int = 1 << 30, keepFree: Int = 0, inline: Int = 64 << 10, auditShare: Double = 0.2,
        deleteAfterDays: Double = 0, path given: String? = nil
    ) throws {
        path = try given ?? Self.makeFolder()
        var settings = StoreSettings(
            quotaByteCount: quota, keepFreeByteCount: keepFree, inlineByteCountMax: inline,
            auditQuotaShare: auditShare)
        settings.deleteAfterDays = deleteAfterDays
        store = try DeploymentStore.open(path, settings: settings)
        run = try store.beginRun()
        device = try store.device()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Takes an index its rows, and leaves the suspicion that a step failed: damage that only a check of all pages sees.
    static func damageIndex(in path: String) throws {
        let queue = try DatabaseQueue(path: path + "/queue.sqlite")
        try queue.write { db in
            try db.execute(sql: "PRAGMA writable_schema = ON")
            try db.execute(
                sql: """
                    UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'event')
                    WHERE name = 'sample_by_class'
                    """)
        }
        try queue.close()
        try Data("a step failed".utf8).write(to: URL(filePath: path + "/queue.suspect"))
    }

    static func makeFolder() throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/gleaner-store-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }

    static let settings = StoreSettings(quotaByteCount: 1 << 30, keepFreeByteCount: 0)

    /// Bytes that no other seed gives.
    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: seed &* 37), count: count)
        withUnsafeBytes(of: seed) { for (index, byte) in $0.enumerated() where index < count { bytes[index] = byte } }
        return bytes
    }

    func record(
        _ sequence: UInt64, picture: [UInt8], utility: Double = 0.5, reason: SelectionReason = .strategy("margin"),
        model: ModelID = StoreFixture.model, prediction: PredictionRecord? = nil
    ) -> SampleRecord {
        SampleRecord(
            id: SampleID(device: device, run: run, sequence: sequence), sha256: Digest(of: picture),
            bytes: picture.count, encoding: .jpeg, width: 640, height: 480, source: "folder:/frames",
            origin: "\(sequence).jpg", capturedAt: Timestamp(milliseconds: 1_700_000_000_123), model: model,
            prediction: prediction ?? Self.classified("3"), utility: utility, reason: reason,
            inclusionProbability: reason.isAudit ? 0.02 : 1, perceptualHash: PerceptualHash(bits: sequence &* 7919),
            split: reason.isAudit ? .test : .train)
    }

    static func classified(_ label: String) -> PredictionRecord {
        var record = PredictionRecord(
            .classification(probabilities: [0.75, 0.25]), labels: [label, "other"], scoreMin: nil)
        record.classes = record.classes?.map { .init(label: $0.label, score: $0.score) }
        return record
    }

    static let detected = PredictionRecord(
        .detection([Detection(box: Box(x: 1, y: 2, width: 30, height: 40), classIndex: 0, score: 0.5)]),
        labels: ["apple"], scoreMin: 0.4)

    func isSeen(_ origin: FrameOrigin) throws -> Bool {
        try store.seenOrigins(of: origin.source, named: [origin.name]).contains(origin)
    }

    func origin(_ sequence: UInt64) -> FrameOrigin {
        FrameOrigin(
            source: "folder:/frames", name: "\(sequence).jpg", byteCount: 100, modifiedNanoseconds: Int64(sequence))
    }

    /// A frame that is kept, with the next sequence number.
    func kept(
        _ byteCount: Int = 1000, utility: Double = 0.5, key: Double = 1, reason: SelectionReason = .strategy("margin"),
        model: ModelID = StoreFixture.model, prediction: PredictionRecord? = nil
    ) -> FrameOutcome {
        let sequence = nextSequence
        nextSequence += 1
        let picture = Self.bytes(byteCount, seed: sequence)
        let record = record(
            sequence, picture: picture, utility: utility, reason: reason, model: model, prediction: prediction)
        return FrameOutcome(
            sequence: sequence, origin: origin(sequence),
            outcome: .stored(record, picture: Picture(picture), evictionKey: key))
    }

    func frame(_ outcome: FrameOutcome.Outcome) -> FrameOutcome {
        defer { nextSequence += 1 }
        return FrameOutcome(sequence: nextSequence, origin: origin(nextSequence), outcome: outcome)
    }

    @discardableResult
    func commit(_ outcomes: [FrameOutcome]) throws -> CommitReport {
        seconds += 1
        return try store.commit(outcomes, collectorState: nil, at: Instant(seconds: seconds))
    }

    /// Commits one kept frame and returns its id.
    @discardableResult
    func keep(
        _ byteCount: Int = 1000, utility: Double = 0.5, key: Double = 1, reason: SelectionReason = .strategy("margin"),
        prediction: PredictionRecord? = nil
    ) throws -> SampleID {
        let frame = kept(byteCount, utility: utility, key: key, reason: reason, prediction: prediction)
        try commit([frame])
        return SampleID(device: device, run: run, sequence: frame.sequence)
    }

    func state(_ id: SampleID) throws -> StoredSample { try store.sample(id.description) }

    func label(_ id: SampleID, _ value: LabelValue, revision: Int64? = nil) throws -> LabelReport {
        let record = LabelRecord(value: value, revision: revision)
        return try store.apply([IncomingLabel(sample: id.description, label: record, place: "line 1")])
    }

    /// Opens, seals and acknowledges a batch as an export would.
    @discardableResult
    func deliver(_ purpose: BatchPurpose, limit: Int = 1000, to destination: String = "stick") throws -> [SampleID] {
        guard
            let batch = try store.openBatch(
                purpose, destination: destination, limit: limit, formats: ["csv"])
        else { return [] }
        let members = try store.members(of: batch.number, from: 0, limit: limit)
        let id = BatchID(Digest(of: Array("batch \(batch.number)".utf8)))
        try store.sealBatch(batch.number, id: id)
        try store.acknowledge(batch.number, receipt: id.digest)
        return members.map(\.id)
    }

    /// How SQLite goes about everything that `body` asks.
    static func plans(_ db: Database, of body: () throws -> Void) throws -> [String] {
        let asked = Statements()
        db.trace { asked.all.append($0.expandedDescription) }
        try body()
        db.trace(options: [])
        // Of what triggers do there are only comments.
        return try asked.all.filter { !$0.hasPrefix("--") }.flatMap { sql in
            try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String }
        }
    }

    private final class Statements { var all: [String] = [] }

    /// Everything that lies below the deployment and counts, as a person would measure it.
    func walkedByteCount() -> Int {
        guard let names = FileManager.default.enumerator(atPath: path) else { return 0 }
        return names.reduce(0) { sum, name in
            guard let name = name as? String, !name.hasPrefix("quarantine"), !name.hasSuffix(".lock") else {
                return sum
            }
            var status = stat()
            return lstat("\(path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFREG
                ? sum + Int(status.st_size) : sum
        }
    }

    /// The ledger adds up, and every counter says what a count over the rows says.
    func expectConservation(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let status = try store.status()
        #expect(
            status.offered == status.stored + status.rejected + status.dropped, sourceLocation: sourceLocation)
        let (rows, states, evicted) = try store.read { db in
            (
                try Int.fetchOne(db, sql: "SELECT count(*) FROM sample") ?? -1,
                try Row.fetchAll(db, sql: "SELECT label_state, count(*) AS n FROM sample GROUP BY 1"),
                try Int.fetchOne(db, sql: "SELECT count(*) FROM sample WHERE pixels = 'evicted'") ?? -1
            )
        }
        #expect(status.stored == rows, sourceLocation: sourceLocation)
        #expect(status.evicted == evicted, sourceLocation: sourceLocation)
        for row in states {
            let state = LabelState(rawValue: row["label_state"])
            #expect(state.flatMap { status.queue[$0] } == row["n"], sourceLocation: sourceLocation)
        }
        let ledger = try store.ledger().filter { ["stored", "rejected", "dropped"].contains($0.outcome) }
        #expect(ledger.reduce(0) { $0 + $1.count } == status.offered, sourceLocation: sourceLocation)
    }
}
