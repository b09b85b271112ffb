import Foundation
import GRDB
import GleanerCore

@testable import GleanerStore

/// A deployment as a released schema held it, whatever Gleaner does today.
///
/// `Tests/Fixtures/deployments/schema-N.sql` is its queue, as SQL that any SQLite reads. Each was made once, by the
/// migrations up to its version and by the rows below, and is never made again: a migration that was released, or what
/// is written below of its version, then shows in a test when it changes. For a new version write below what it adds,
/// and make the one that is missing with
///
///     GLEANER_MAKE_DEPLOYMENTS=1 swift test --filter UpgradeTests
struct OldDeployment {
    let version: Int

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/deployments")
    var file: URL { Self.folder.appending(path: "schema-\(version).sql") }

    static let device = DeviceID(rawValue: 0x1122_3344_5566_7788)
    static let run = RunID(counter: 1, nonce: 0x99aa_bbcc_ddee_ff00)
    static let sampleCount = 6
    static func id(_ sequence: Int) -> SampleID {
        SampleID(device: device, run: run, sequence: UInt64(sequence))
    }
    /// What the queue sealed and was told nothing of yet.
    static let sealed = Digest(of: Array("batch 2".utf8))

    /// A picture of one white pixel: every sample shows it.
    static let picture: [UInt8] = [
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
        0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xde, 0x00, 0x00, 0x00,
        0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0xf8, 0xff, 0xff, 0x3f, 0x00, 0x05, 0xfe, 0x02, 0xfe, 0x33,
        0x12, 0x95, 0x14, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
    ]

    // MARK: Reading

    /// Lays the deployment out in a folder, as that version left it.
    func place(in path: String) throws {
        let queue = try load(path: "\(path)/queue.sqlite")
        try queue.close()
        // The one sample whose picture lies in a file.
        let frame = "\(path)/\(PictureHome.path(run: Self.run, sequence: 3, encoding: .png))"
        try DurableFile.makeFolder(PathName.parent(of: frame))
        try DurableFile.write(Data(Self.picture), to: frame)
    }

    /// The queue of the dump; in memory without a path.
    func load(path: String = ":memory:") throws -> DatabaseQueue {
        var configuration = Configuration()
        // Rows of a dump stand in the order of their tables.
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        let sql = try String(contentsOf: file, encoding: .utf8)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        return queue
    }

    // MARK: Making

    /// Writes the dump, if there is none yet.
    func makeIfMissing() throws {
        guard !FileManager.default.fileExists(atPath: file.path) else { return }
        try Data(dump().utf8).write(to: file)
    }

    /// The tables of the version without a row.
    func emptyQueue() throws -> DatabaseQueue {
        let queue = try DatabaseQueue()
        try Schema.migrator.migrate(queue, upTo: "\(version)")
        return queue
    }

    private func dump() throws -> String {
        let queue = try emptyQueue()
        try queue.write { db in
            try addFirst(db)
            let later = [addFeedback, addScoredClass, addDecisions, addCourses, addSyncing, addLoop, addAnswers]
            for addition in later.prefix(version - 1) { try addition(db) }
        }
        return try queue.read { db in
            let head = """
                -- The queue of a deployment of schema \(version): see Tests/GleanerStoreTests/OldDeployment.swift.
                PRAGMA auto_vacuum = INCREMENTAL;
                PRAGMA application_id = \(Schema.applicationID);
                PRAGMA user_version = \(version);
                BEGIN;
                """
            let tables = try Row.fetchAll(
                db, sql: "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
            let (own, system) = (
                tables.filter { !($0["name"] as String).hasPrefix("sqlite_") },
                tables.filter { ($0["name"] as String) == "sqlite_sequence" }
            )
            let rows = try (own + system).flatMap { try Self.rows(of: $0["name"], db) }
            // Only now, so that no trigger counts a row again.
            let others = try String.fetchAll(
                db, sql: "SELECT sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL ORDER BY rowid")
            return ([head] + own.map { ($0["sql"] as String) + ";" } + rows + others.map { $0 + ";" } + ["COMMIT;\n"])
                .joined(separator: "\n")
        }
    }

    private static func rows(of table: String, _ db: Database) throws -> [String] {
        // Text is read more easily than bytes.
        let values = try db.columns(in: table).map { column in
            """
            CASE WHEN typeof("\(column.name)") = 'blob' AND substr("\(column.name)", 1, 1) = x'7b'
              THEN 'CAST(' || quote(CAST("\(column.name)" AS TEXT)) || ' AS BLOB)' ELSE quote("\(column.name)") END
            """
        }
        return try String.fetchAll(db, sql: "SELECT \(values.joined(separator: " || ', ' || ")) FROM \"\(table)\"")
            .map { "INSERT INTO \"\(table)\" VALUES (\($0));" }
    }
}

/// What each version held. Nothing of a version that was released is ever changed.
extension OldDeployment {
    private static let startMilliseconds: Int64 = 1_750_000_000_000

    private func insert(
        _ table: String, _ values: KeyValuePairs<String, (any DatabaseValueConvertible)?>,
        and more: KeyValuePairs<String, (any DatabaseValueConvertible)?> = [:], _ db: Database
    ) throws {
        let values = Array(values) + Array(more)
        let places = Array(repeating: "?", count: values.count).joined(separator: ", ")
        try db.execute(
            sql: "INSERT INTO \(table) (\(values.map(\.key).joined(separator: ", "))) VALUES (\(places))",
            arguments: StatementArguments(values.map { $0.value?.databaseValue ?? .null }))
    }

    private func addFirst(_ db: Database) throws {
        try insert("device", ["device_key": 1, "id": Int64(bitPattern: Self.device.rawValue)], db)
        try insert(
            "run",
            [
                "run_key": 1, "device_key": 1, "counter": 1, "nonce": Int64(bitPattern: Self.run.nonce),
                "last_sequence": Self.sampleCount, "swept": 1, "started_ms": Self.startMilliseconds,
            ], db)
        try insert("source", ["source_key": 1, "name": "folder:camera"], db)
        try insert("collector_state", ["id": 1, "json": nil, "instant": 3600.5], db)
        try addModels(db)
        for sequence in 1...Self.sampleCount { try addSample(sequence, db) }
        try addLabels(db)
        try addBatches(db)
        try db.execute(
            sql: """
                INSERT INTO total VALUES ('offered', '', 9), ('stored', 'margin', 5), ('stored', 'audit', 1),
                  ('rejected', 'duplicate', 2), ('dropped', 'unreadable', 1), ('evicted', 'quota', 1),
                  ('label_rejected', '', 1);
                INSERT INTO ledger VALUES (0, 'stored', 'margin', 1, '3', 3), (1, 'stored', 'margin', 2, '3', 2),
                  (0, 'stored', 'audit', 1, '3', 1), (0, 'rejected', 'duplicate', 1, '3', 2),
                  (1, 'dropped', 'unreadable', 0, '', 1), (1, 'evicted', 'quota', 1, '3', 1);
                INSERT INTO utility_histogram VALUES (1, 50, 4), (2, 50, 2);
                """)
        try insert(
            "event",
            [
                "kind": "model.activated", "message": "model digits@2 is active", "detail": #"{"version":2}"#,
                "at_ms": Self.startMilliseconds + 1000,
            ], db)
        try insert("unwanted_file", ["path": "frames/gone.png", "bytes": 4096], db)
    }

    /// One that was replaced, the active one, and one that failed.
    private func addModels(_ db: Database) throws {
        for (version, state, order) in [(1, "previous", 1), (2, "active", 2), (3, "rejected", nil)] {
            let manifest = ModelFixture(version).manifest
            try insert(
                "model",
                [
                    "model_key": version, "name": manifest.name, "version": version, "digest": manifest.sha256.data,
                    "task": "classification",
                ], db)
            try insert(
                "model_slot",
                [
                    "model_key": version, "manifest": try DeploymentStore.text(of: manifest),
                    "folder": state == "rejected" ? nil : DeploymentFolder.name(for: manifest.id), "state": state,
                    "activated_order": order, "reason": state == "rejected" ? "it gave no finite number" : nil,
                ], and: self.version >= 5 ? ["course": "{}"] : [:], db)
        }
    }

    /// In order: one in a batch that is on its way, one labeled, one delivered, one evicted, one that cannot be labeled
    /// and is locked, one that waits.
    private func addSample(_ sequence: Int, _ db: Database) throws {
        let states = ["queued", "labeled", "exported", "expired", "unusable", "queued"]
        let isAudit = sequence == 2
        let model = sequence < 5 ? 1 : 2
        var record = SampleRecord(
            id: Self.id(sequence), sha256: Digest(of: Self.picture), bytes: Self.picture.count, encoding: .png,
            width: 1,
            height: 1, source: "folder:camera", origin: "\(sequence).png",
            capturedAt: Timestamp(milliseconds: Self.startMilliseconds), model: ModelFixture(model).id,
            prediction: StoreFixture.classified("3"), utility: 0.5, reason: isAudit ? .audit : .strategy("margin"),
            inclusionProbability: isAudit ? 0.25 : 1, perceptualHash: PerceptualHash(bits: UInt64(sequence)),
            split: isAudit ? .test : .train)
        if version >= 2 { (record.scene, record.distance, record.uncertaintyWeight) = (1, 0.5, 0.25) }
        let json = try CanonicalJSON.encode(record)
        let isInline = sequence != 3
        let isPresent = sequence != 4
        try insert(
            "sample",
            [
                "sample_key": sequence, "run_key": 1, "sequence": sequence, "model_key": model, "top_class": "3",
                "reason": record.reason, "audit": isAudit, "utility": 0.5, "coin": sequence, "eviction_key": 0.5,
                "sha256": record.sha256.data, "bytes": record.bytes, "disk_bytes": 4096, "encoding": "png",
                "home": isInline ? "inline" : "file", "width": 1, "height": 1, "label_state": states[sequence - 1],
                "pixels": isPresent ? "present" : "evicted", "kept": sequence == 5, "held": sequence == 1 ? 1 : 0,
                "acknowledged": sequence == 3,
            ], db)
        try insert(
            "record", ["sample_key": sequence, "json": json, "sha256": Digest(of: json).data], db)
        if isInline, isPresent { try insert("picture", ["sample_key": sequence, "bytes": Data(Self.picture)], db) }
        try insert(
            "seen", ["source_key": 1, "name": "\(sequence).png", "bytes": record.bytes, "modified_ns": sequence], db)
    }

    private func addLabels(_ db: Database) throws {
        let labels: [(sample: Int, LabelRecord)] = [
            (2, LabelRecord(value: .classified("other"), revision: 1, author: "ann")),
            (2, LabelRecord(value: .classified("3"), revision: 2, author: "ann")), (5, LabelRecord(value: .unusable)),
        ]
        for (index, (sample, label)) in labels.enumerated() {
            try insert(
                "label",
                [
                    "label_key": index + 1, "sample_key": sample, "revision": label.revision,
                    "json": try CanonicalJSON.encode(label), "received_ms": Self.startMilliseconds + Int64(index),
                ], db)
            try db.execute(
                sql: "UPDATE sample SET label_key = ? WHERE sample_key = ?", arguments: [index + 1, sample])
        }
    }

    /// One for labeling that was delivered, one that is on its way, one for training.
    private func addBatches(_ db: Database) throws {
        let batches = [("labeling", "delivered", 3), ("labeling", "sealed", 1), ("training", "delivered", 2)]
        for (index, (purpose, state, sample)) in batches.enumerated() {
            let number = index + 1
            try insert(
                "batch",
                [
                    "number": number, "purpose": purpose, "destination": "stick", "formats": #"["csv"]"#,
                    "task": "classification", "classes": #"["3","other"]"#,
                    "device": Int64(bitPattern: Self.device.rawValue), "sample_count": 1, "state": state,
                    "digest": Digest(of: Array("batch \(number)".utf8)).data,
                    "opened_ms": Self.startMilliseconds + Int64(number),
                    "delivered_ms": state == "delivered" ? Self.startMilliseconds + 10 : nil,
                ], db)
            try insert(
                "batch_sample",
                [
                    "number": number, "position": 0, "sample_key": sample,
                    "label_key": purpose == "training" ? 2 : nil,
                ], db)
        }
    }

    private func addFeedback(_ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE sample SET scored_by = 2, scene = 1, confidence = 0.75, represents = sample_key % 2,
                  probability = iif(audit = 1, 0.25, 1.0);
                UPDATE sample SET exported_at = 1800.0 WHERE label_state = 'exported';
                INSERT INTO embedding SELECT sample_key, 2, x'0102030405060708' FROM sample WHERE pixels = 'present';
                INSERT INTO assessment VALUES (1, 2, 1, 0, 0), (2, 2, 0, 1, 1);
                INSERT INTO exposure VALUES (1, 4, 3.0, 1), (2, 2, 1.5, 1);
                """)
        let prediction = try CanonicalJSON.encode(StoreFixture.classified("other"))
        for sample in 1...4 where sample != 4 {
            try insert("rescore", ["sample_key": sample, "model_key": 2, "prediction": prediction], db)
        }
    }

    private func addScoredClass(_ db: Database) throws {
        try db.execute(sql: "UPDATE sample SET scored_class = iif(model_key = 1, 'other', top_class)")
    }

    private func addDecisions(_ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE sample SET kept_at = 60.0 * sample_key;
                INSERT INTO evicted_key VALUES (1, 0.75);
                INSERT INTO segment VALUES (1, 1, 1, '{"seed":1}', 100);
                INSERT INTO decision VALUES (1, 1, 1, x'000102030405060708090a0b0c0d0e0f');
                INSERT INTO selector_change VALUES (1, 1, 3, '{"competence":0.5}');
                """)
    }

    private func addCourses(_ db: Database) throws {
        let slots = [(1, "confirmed", nil), (2, "probation", "ed25519:orchard"), (3, "rejected", nil)]
        for (key, stage, signer) in slots {
            let isRejected = stage == "rejected"
            let reason = isRejected ? #""it gave no finite number""# : "null"
            let failure =
                #""failure":{"code":"model.nonsense","message":"it gave no finite number","remedy":"train it anew"},"#
            let id = ModelFixture(key).id
            try db.execute(
                sql: "UPDATE model_slot SET course = ?, verdict = ?, signer = ? WHERE model_key = ?",
                arguments: [
                    """
                    {"crashCount":0,"cutCount":0,"failedInService":false,"reason":\(reason),"servedCount":7,"stage":"\(stage)"}
                    """,
                    """
                    {"at":"2025-06-15T15:06:40.000Z",\
                    "gate":{"classes":[],"labels":0,"losses":0,"margin":0.125,"message":"no model serves yet",\
                    "outcome":"alone","requirement":"not_worse","wins":0},\
                    "model":{"name":"\(id.name)","sha256":"\(id.digest)","version":\(id.version)},\
                    "proof":{\(isRejected ? failure : "")"frames":8,"golden_frames":0,"latency_ms":5.5,"load_seconds":0.5,\
                    "memory_bytes":50000000,"walls":[]},"schema":"gleaner/model-verdict/1"}
                    """, signer, key,
                ])
        }
    }

    private func addSyncing(_ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE batch SET opened_at = 600.0 * number, released = state = 'delivered' AND number <> 1;
                UPDATE batch SET delivered_at = opened_at + 60 WHERE state = 'delivered';
                UPDATE sample SET held = 1 WHERE sample_key = 3;
                INSERT INTO destination VALUES ('folder:/media/stick', '{"failures":0}');
                INSERT INTO delivery_note VALUES (2, 'upload', 'https://depot.example/1');
                INSERT INTO sync_wish VALUES (1, 2);
                """)
        try insert(
            "arrival",
            [
                "place": "folder:/media/stick", "name": "labels/csv/labels.csv", "tag": "1",
                "sha256": Digest(of: Array("labels".utf8)).data, "receipt": #"{"applied":1}"#, "is_left": 1,
            ], db)
    }

    private func addLoop(_ db: Database) throws {
        try insert(
            "loop_report",
            [
                "id": 1,
                "json":
                    #"{"at":"2025-06-15T15:06:40.000Z","frames_per_second":2,"since":"2025-06-15T15:00:00.000Z","stages":[]}"#,
            ], db)
    }

    private func addAnswers(_ db: Database) throws {
        try insert("source", ["source_key": 2, "name": "ingest"], db)
        try insert(
            "answer",
            [
                "answer_key": 1, "source_key": 2, "name": "porch-1", "decision": "stored", "reason": "margin",
                "sample": Self.id(1).description,
            ], db)
    }
}
