import Foundation
import GleanerCore
import Testing

@testable import GleanerRuntime

@Suite struct LoopReportTests {
    private func times(frames: Int) -> StageTimes {
        let times = StageTimes()
        for _ in 0..<frames { times.add(.frame, .milliseconds(3)) }
        return times
    }

    @Test func aReportIsDueSoonAndThenEveryHalfMinuteInWhichFramesCame() {
        var reporting = LoopReporting(at: Instant(seconds: 100))
        let times = times(frames: 1)
        func rate(at seconds: Double, frameCount: Int) -> Double? {
            reporting.report(times, frameCount: frameCount, at: Instant(seconds: seconds))?.framesPerSecond
        }
        #expect(rate(at: 104, frameCount: 40) == nil)
        #expect(rate(at: 105, frameCount: 50) == 10)
        #expect(rate(at: 134, frameCount: 60) == nil)
        #expect(rate(at: 135, frameCount: 65) == 0.5)
        // That they ceased is said once.
        #expect(rate(at: 165, frameCount: 65) == 0)
        #expect(rate(at: 195, frameCount: 65) == nil)
        #expect(rate(at: 225, frameCount: 68) == 0.1)
    }

    @Test func aRunThatEndsIsReportedWhateverTheTime() {
        var reporting = LoopReporting(at: Instant(seconds: 0))
        let report = reporting.report(times(frames: 1), frameCount: 20, at: Instant(seconds: 2), isLast: true)
        #expect(report?.framesPerSecond == 10)
        var idle = LoopReporting(at: Instant(seconds: 0))
        #expect(idle.report(StageTimes(), frameCount: 0, at: Instant(seconds: 2), isLast: true) == nil)
    }

    @Test func aReportIsItselfAgainFromItsJSON() throws {
        var reporting = LoopReporting(at: Instant(seconds: 0))
        let written = reporting.report(times(frames: 4), frameCount: 4, at: Instant(seconds: 2), isLast: true)
        let report = try #require(written)
        let again = try CanonicalJSON.decode(LoopReport.self, from: CanonicalJSON.encode(report), named: "a report")
        #expect(again.stages.map(\.stage) == ["frame"])
        let line = try #require(again.stages.first)
        #expect(line.count == 4 && line.p50 == 0.003 && abs(line.sumSeconds - 0.012) < 1e-9)
        // Bounds double from 128 microseconds: 3 ms are within 4.096.
        #expect(line.counts == [0, 0, 0, 0, 0] + [Int](repeating: 4, count: 12))
        #expect(LoopReport.boundsSeconds.count == line.counts.count)
    }

    @Test func aMachineTellsItsTemperaturesAsItNamesThem() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (zone, type, temperature) in [
            ("thermal_zone0", "cpu-thermal\n", "48312\n"), ("thermal_zone10", "gpu-thermal\n", "-5000\n"),
            ("thermal_zone2", "off\n", ""), ("cooling_device0", "fan\n", "1\n"),
        ] {
            try FileManager.default.createDirectory(
                at: folder.appending(path: zone), withIntermediateDirectories: true)
            try Data(type.utf8).write(to: folder.appending(path: "\(zone)/type"))
            try Data(temperature.utf8).write(to: folder.appending(path: "\(zone)/temp"))
        }
        let found = Temperature.all(in: folder.path(percentEncoded: false))
        #expect(found.map(\.zone) == ["cpu-thermal", "gpu-thermal"])
        #expect(found.map(\.celsius) == [48.312, -5])
    }
}
