import Foundation
import GRDB
import GleanerCore

/// Takes what a fresh database needs to go on collecting out of one that was put aside, as far as it can be read:
/// the device's identity and the models.
struct Salvage {
    let place: String
    let pool: DatabasePool
    let folder: DeploymentFolder

    init(from place: String, into pool: DatabasePool, folder: DeploymentFolder) {
        self.place = place
        self.pool = pool
        self.folder = folder
    }

    /// What came of it, for people.
    func run() throws -> [String] {
        do {
            let (counter, slots) = try readOld()
            try pool.write { db in
                try startRuns(after: counter, db)
                for (slot, name) in slots where FileManager.default.fileExists(atPath: folder.models + "/\(name)") {
                    try insert(slot, folderName: name, db)
                }
            }
        } catch  where error is DatabaseError || (error as? GleanerError)?.code == .malformed {
            try adoptFolders()
        }
        let active = try pool.read { db in try DeploymentStore.slots(db, "WHERE state = 'active'").first?.slot }
        return [active.map { "the model \($0.id) goes on" } ?? "no model is active; import or activate one"]
    }

    /// The slots out of what lies below `models/`. The newest that is whole becomes the active one: which one was,
    /// nobody knows any more, and a collector without a model collects nothing. It may be one that had failed, so it is
    /// on probation as long as there is another one.
    private func adoptFolders() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.models)
        let found = names.compactMap { name in wholeManifest(in: "\(folder.models)/\(name)").map { ($0, name) } }
        try pool.write { db in
            for (index, (manifest, name)) in found.sorted(by: { $0.0.version > $1.0.version }).enumerated() {
                var slot = ModelSlot(manifest: manifest, state: .staged, course: ModelCourse(), folderName: name)
                if index < 2 {
                    slot.state = index == 0 ? .active : .previous
                    slot.activatedOrder = index == 0 ? 2 : 1
                    let isAlone = index == 1 || found.count == 1
                    let events: [ModelCourse.Event] = [.proved, .activated(inShadow: false, isAlone: isAlone)]
                    for event in events { _ = slot.course.handle(event) }
                }
                try insert(slot, folderName: name, db)
            }
        }
    }

    /// The manifest of a bundle whose file has the digest that it says.
    private func wholeManifest(in bundle: String) -> ModelManifest? {
        guard
            let data = try? FileReading.bytes(
                of: bundle + "/" + ModelManifest.fileName, byteCountMax: ModelManifest.byteCountMax),
            let manifest = try? CanonicalJSON.decode(ModelManifest.self, from: data, named: bundle),
            !manifest.file.contains("/"), let digest = try? Digest(ofFile: bundle + "/" + manifest.file),
            digest == manifest.sha256
        else { return nil }
        return manifest
    }

    private func readOld() throws -> (counter: Int64, slots: [(slot: ModelSlot, folderName: String)]) {
        let path = place + "/queue.sqlite"
        var configuration = Configuration()
        // What was put aside stays as it was found. Without a log it can only be opened for writing, which then
        // changes nothing.
        configuration.readonly = DeploymentStore.byteCount(ofFile: path + "-wal") > 0
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? queue.close() }
        return try queue.read { db in
            let counter = try Int64.fetchOne(db, sql: "SELECT max(counter) FROM run") ?? 0
            let slots = try DeploymentStore.slots(db, "WHERE folder IS NOT NULL").compactMap { found in
                found.slot.folderName.map { (found.slot, $0) }
            }
            return (counter, slots)
        }
    }

    /// Goes on counting where the old database stopped, so that short names of samples stay unique.
    private func startRuns(after counter: Int64, _ db: Database) throws {
        guard counter > 0 else { return }
        try db.run(
            """
            INSERT INTO run (device_key, counter, nonce, swept, started_ms)
            SELECT max(device_key), ?, 0, 1, ? FROM device
            """, [counter, Timestamp.now().milliseconds])
    }

    private func insert(_ slot: ModelSlot, folderName: String, _ db: Database) throws {
        var keys = KeyCache(db)
        let json = String(decoding: try CanonicalJSON.encode(slot.manifest), as: UTF8.self)
        try db.run(
            """
            INSERT INTO model_slot (model_key, manifest, folder, state, activated_order, reason, course, verdict, signer)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                try keys.model(slot.id, task: slot.manifest.task), json, folderName, slot.state.rawValue,
                slot.activatedOrder, slot.reason, try DeploymentStore.text(of: slot.course), slot.verdict, slot.signer,
            ])
    }
}
