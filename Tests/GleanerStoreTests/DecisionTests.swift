import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

@Suite struct DecisionTests {
    private static let recordByteCount = 46

    private func fixture(byteCountMax: Int) throws -> (store: DeploymentStore, folder: String) {
        let folder = try StoreFixture.makeFolder()
        var settings = StoreFixture.settings
        settings.decisionByteCount = byteCountMax
        return (try DeploymentStore.open(folder, settings: settings), folder)
    }

    /// A frame whose record consists of its number.
    private func frame(
        _ sequence: UInt64, start: JSONValue? = nil, changes: [JSONValue] = []
    ) -> FrameOutcome {
        var frame = FrameOutcome(
            sequence: sequence,
            origin: FrameOrigin(source: "folder:/f", name: "\(sequence)", byteCount: 1, modifiedNanoseconds: 1),
            outcome: .rejected(reason: "below_budget"))
        let record = [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: Self.recordByteCount)
        frame.recording = .init(record: record[...], changes: changes, start: start)
        return frame
    }

    private func segments(_ store: DeploymentStore, of run: RunID) throws -> [RecordedSegment] {
        var found: [RecordedSegment] = []
        try store.segments(of: run) { found.append($0) }
        return found
    }

    @Test func decisionsComeBackInOrderWithWhatChangedBetweenThem() throws {
        let (store, folder) = try fixture(byteCountMax: 1 << 20)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let run = try store.beginRun()
        let frames = [
            frame(1, start: .string("begin"), changes: [.string("a")]), frame(2),
            frame(3, changes: [.string("b"), .string("c")]),
            frame(4, start: .string("later")), frame(5),
        ]
        // Groups end anywhere, in the middle of a segment too.
        _ = try store.commit(Array(frames[..<2]), collectorState: nil, at: Instant(seconds: 1))
        _ = try store.commit(Array(frames[2...]), collectorState: nil, at: Instant(seconds: 2))
        let found = try segments(store, of: run)
        #expect(found.map(\.first) == [1, 4] && found.map(\.start) == [.string("begin"), .string("later")])
        let numbers = found.map { segment in
            stride(from: 0, to: segment.records.count, by: Self.recordByteCount).map { segment.records[$0] }
        }
        #expect(numbers == [[1, 2, 3], [4, 5]])
        #expect(found[0].changes.map(\.before) == [1, 3, 3])
        #expect(found[0].changes.map(\.json) == [.string("a"), .string("b"), .string("c")])
        let runs = try store.recordedRuns(recordByteCount: Self.recordByteCount)
        #expect(runs == [RecordedRun(run: run, first: 1, frameCount: 5)])
    }

    @Test func theOldestSegmentsMakeRoom() throws {
        let limit = 64 << 10
        let (store, folder) = try fixture(byteCountMax: limit)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try store.beginRun()
        for sequence in 1...1000 as ClosedRange<UInt64> where sequence.isMultiple(of: 10) {
            let group = (sequence - 9...sequence).map { frame($0, start: $0 % 100 == 1 ? .string("start") : nil) }
            _ = try store.commit(group, collectorState: nil, at: Instant(seconds: Double(sequence)))
        }
        let second = try store.beginRun()
        for sequence in 1...1000 as ClosedRange<UInt64> where sequence.isMultiple(of: 10) {
            let group = (sequence - 9...sequence).map { frame($0, start: $0 % 100 == 1 ? .string("start") : nil) }
            _ = try store.commit(group, collectorState: nil, at: Instant(seconds: 1000 + Double(sequence)))
            let size = try store.read { db in
                try Int.fetchOne(db, sql: "SELECT sum(byte_count) FROM segment") ?? 0
            }
            #expect(size <= limit)
        }
        let runs = try store.recordedRuns(recordByteCount: Self.recordByteCount)
        #expect(runs.map(\.run) == [second, first])
        // All of the second run is there; of the first what still fits, from the begin of a segment on.
        #expect(runs[0].first == 1 && runs[0].frameCount == 1000)
        #expect(runs[1].first > 1 && runs[1].first % 100 == 1)
        #expect(UInt64(runs[1].frameCount) == 1001 - runs[1].first)
        let rows = try store.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM decision") ?? 0 }
        #expect(rows == (runs[0].frameCount + runs[1].frameCount) / 10)
    }

    @Test func framesWithoutARecordLeaveNone() throws {
        let (store, folder) = try fixture(byteCountMax: 0)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        _ = try store.beginRun()
        var plain = frame(1)
        plain.recording = nil
        _ = try store.commit([plain], collectorState: nil, at: Instant(seconds: 1))
        #expect(try store.recordedRuns(recordByteCount: Self.recordByteCount).isEmpty)
    }
}
