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
                for (slot, model) in slots where FileManager.default.fileExists(atPath: folder.models + "/\(model)") {
                    try insert(slot, folderName: model, db)
                }
            }
            let active = slots.first { $0.slot.state == .active }?.slot
            return [active.map { "the model \($0.id) goes on" } ?? "no model was active; import or activate one"]
        } catch is DatabaseError {
            return ["its models could not be read either; import one again"]
        }
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
            INSERT INTO model_slot (model_key, manifest, folder, state, activated_order, reason)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            [
                try keys.model(slot.id, task: slot.manifest.task), json, folderName, slot.state.rawValue,
                slot.activatedOrder, slot.reason,
            ])
    }
}
