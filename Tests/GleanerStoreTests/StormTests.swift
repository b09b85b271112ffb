import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

#if canImport(Glibc)
    import Glibc
#endif

/// A collector that is killed, again and again, at whatever it does.
@Suite struct StormTests {
    private static let settings = StoreSettings(quotaByteCount: 5 << 20, keepFreeByteCount: 0, inlineByteCountMax: 4000)
    /// `GLEANER_STORM_CYCLES` makes it longer.
    private static let cycleCount =
        ProcessInfo.processInfo.environment["GLEANER_STORM_CYCLES"].flatMap { Int($0) } ?? 25

    @Test func whatWasReportedSurvivesBeingKilledAtAnyMoment() throws {
        let path = try StoreFixture.makeFolder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var lines: [String] = []
        var generator = SeededGenerator(seed: 20)
        for _ in 0..<Self.cycleCount {
            // Killed after so many lines: the process is by then at any point of what follows.
            lines += try runUntilKilled(in: path, lineCount: Int.random(in: 0...60, using: &generator))
        }
        let notes = lines.filter { $0.hasPrefix("note") || $0.hasPrefix("repeated") }
        #expect(notes == [])
        let said = Dictionary(grouping: lines.map { $0.split(separator: " ").map(String.init) }) { $0[0] }
            .mapValues { $0.compactMap(\.last) }
        #expect(said["stored", default: []].count > 2 * Self.cycleCount)
        #expect(said["delivered", default: []].count > 0)
        try expectWhole(path, said)
    }

    private func expectWhole(_ path: String, _ said: [String: [String]]) throws {
        let store = try DeploymentStore.open(path, settings: Self.settings)
        #expect(store.openingNotes == [])
        _ = try store.beginRun()
        for id in said["stored", default: []] {
            let sample = try store.sample(id)
            if sample.pixels == .present {
                #expect(try store.picture(of: sample.record.id).count == sample.record.bytes)
            }
            #expect(sample.pixels != .quarantined)
        }
        for id in said["labeled", default: []] {
            #expect(try store.sample(id).record.label?.value == .classified("b"))
        }
        for number in said["sealed", default: []] {
            #expect(try [.sealed, .delivered].contains(store.batch(#require(Int(number))).state))
        }
        for number in said["delivered", default: []] {
            #expect(try store.batch(#require(Int(number))).state == .delivered)
        }
        let status = try store.status()
        #expect(status.offered == status.stored + status.rejected + status.dropped)
        #expect(status.offered >= said["offered", default: []].compactMap { Int($0) }.max() ?? 0)
        guard case .integer(let offered)? = try store.collectorState().state else { return }
        #expect(status.offered == offered)
        try store.read { db in
            func count(_ sql: String) throws -> Int { try Int.fetchOne(db, sql: sql) ?? -1 }
            #expect(try count("SELECT count(*) FROM sample") == status.stored)
            #expect(try count("SELECT count(*) FROM record") == status.stored)
            #expect(try count("SELECT count(*) FROM seen") == status.offered)
            #expect(
                try count("SELECT sum(held) FROM sample")
                    == count(
                        "SELECT count(*) FROM batch_sample JOIN batch USING (number) WHERE released = 0")
            )
            #expect(try String.fetchOne(db, sql: "PRAGMA integrity_check") == "ok")
            #expect(try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").isEmpty)
            let rows = try String.fetchAll(
                db, sql: "SELECT DISTINCT json_extract(CAST(json AS TEXT), '$.origin') FROM record")
            #expect(rows.count == status.stored)
        }
        try expectNoOrphans(store)
        #expect(status.disk.used <= Self.settings.quotaByteCount)
    }

    /// Every file of a picture has its row, and every row its file.
    private func expectNoOrphans(_ store: DeploymentStore) throws {
        let files = (FileManager.default.enumerator(atPath: store.folder.frames)?.allObjects ?? [])
            .compactMap { $0 as? String }.filter { $0.contains(".") }
        let rows = try store.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT \(SampleRow.columns) FROM sample s \(SampleRow.joins)
                    WHERE s.pixels = 'present' AND s.home = 'file'
                    """
            ).map { try SampleRow($0).picturePath }
        }
        #expect(Set(files.map { "frames/" + $0 }) == Set(rows))
    }

    private func runUntilKilled(in path: String, lineCount: Int) throws -> [String] {
        let executable = URL(filePath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            .deletingLastPathComponent().appending(path: "StoreStorm")
        let process = Process()
        process.executableURL = executable
        process.arguments = [path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        var output = Data()
        var seen = 0
        while seen < lineCount {
            let piece = pipe.fileHandleForReading.availableData
            guard !piece.isEmpty else { break }
            output += piece
            seen += piece.count { $0 == 0x0a }
        }
        #expect(process.isRunning, "the storm ended by itself: \(String(decoding: output.suffix(500), as: UTF8.self))")
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        output += pipe.fileHandleForReading.readDataToEndOfFile()
        // A line that the kill cut is no report.
        return String(decoding: output, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .dropLast()
            .map(String.init)
    }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
