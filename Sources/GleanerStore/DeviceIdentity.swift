import Foundation
import GRDB
public import GleanerCore

/// Which device this is: random bits, drawn anew when the machine under the card is another one.
struct DeviceIdentity {
    let machineIDFile: String

    /// Makes sure that the latest row of `device` is this machine's.
    func settle(_ db: Database) throws {
        let machine = FileManager.default.contents(atPath: machineIDFile).map { Digest(of: $0).data }
        guard let row = try db.first("SELECT device_key, machine FROM device ORDER BY device_key DESC LIMIT 1") else {
            return try insert(machine, db)
        }
        guard let machine else { return }
        guard let known = row["machine"] as Data? else {
            return try db.run(
                "UPDATE device SET machine = ? WHERE device_key = ?", [machine, row["device_key"] as Int])
        }
        if known != machine { try insert(machine, db) }
    }

    private func insert(_ machine: Data?, _ db: Database) throws {
        let id = Int64(bitPattern: UInt64.random(in: 1...UInt64.max))
        try db.run("INSERT INTO device (id, machine) VALUES (?, ?)", [id, machine])
    }
}

extension DeploymentStore {
    /// The device that this deployment is now. Earlier samples keep the id that they were collected under.
    public func device() throws -> DeviceID {
        try read { db in try Self.currentDevice(db).id }
    }

    /// Begins a run of the collector: a new boot counter and 64 random bits, durable before it returns.
    ///
    /// What an earlier run left half-done is swept first.
    public func beginRun() throws -> RunID {
        try sweepAfterCrash()
        return try write { db in
            let counter = 1 + (try Int64.fetchOne(db, sql: "SELECT max(counter) FROM run") ?? 0)
            guard let counter = UInt32(exactly: counter) else {
                throw GleanerError(.storeFailed, "this deployment has begun as many runs as can be numbered")
            }
            let run = RunID(counter: counter, nonce: .random(in: 0...UInt64.max))
            try db.run(
                "INSERT INTO run (device_key, counter, nonce, started_ms) VALUES (?, ?, ?, ?)",
                [
                    Self.currentDevice(db).key, Int64(run.counter), Int64(bitPattern: run.nonce),
                    Timestamp.now().milliseconds,
                ])
            return run
        }
    }

    static func currentDevice(_ db: Database) throws -> (key: Int64, id: DeviceID) {
        guard let row = try db.first("SELECT device_key, id FROM device ORDER BY device_key DESC LIMIT 1") else {
            throw GleanerError(.storeCorrupt, "the queue does not know its device")
        }
        return (row["device_key"], DeviceID(rawValue: UInt64(bitPattern: row["id"] as Int64)))
    }
}

extension Digest {
    var data: Data { Data(bytes) }
}
