import GleanerCore
import Testing

@testable import GleanerSync

@Suite struct DestinationHealthTests {
    private let now = Timestamp(milliseconds: 1_700_000_000_000)

    private func pauses(_ code: GleanerError.Code, _ count: Int, draw: Double, cause: (any Error)? = nil) -> [Double] {
        var health = DestinationHealth()
        return (0..<count).map { _ in
            health.failed(
                GleanerError(code, "no", cause: cause), at: now, absenceSecondsMax: 300, draw: draw)
        }
    }

    @Test func whoeverIsAwayIsLookedForLessAndLessOftenUpToABound() {
        // The largest draw gives the whole pause, the smallest half of it.
        #expect(pauses(.destinationOffline, 10, draw: 1) == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
        #expect(pauses(.destinationOffline, 3, draw: 0) == [1, 2, 4])
        #expect(pauses(.fileSystem, 2, draw: 1) == [2, 4])
    }

    @Test func aServerThatAsksForPatienceGetsAtLeastThat() {
        let answer = ServerAnswer(status: 503, retryAfterSeconds: 40)
        #expect(pauses(.destinationThrottled, 7, draw: 0, cause: answer) == [40, 40, 40, 40, 40, 64, 128])
        #expect(pauses(.destinationThrottled, 2, draw: 1) == [2.5, 5])
        let never = ServerAnswer(status: 429, retryAfterSeconds: 1e9)
        #expect(pauses(.destinationThrottled, 1, draw: 0, cause: never) == [86_400])
    }

    @Test func whatOnlyAPersonCanMendIsTriedSeldom() {
        #expect(pauses(.destinationRefused, 2, draw: 0) == [450, 450])
        #expect(pauses(.destinationRejected, 1, draw: 1) == [900])
        #expect(pauses(.batchConflict, 1, draw: 1) == [900])
    }

    @Test func anAnswerForgetsTheFailureAndBatchesGiveTheRate() {
        var health = DestinationHealth()
        _ = health.failed(GleanerError(.destinationOffline, "away"), at: now, absenceSecondsMax: 3, draw: 0)
        _ = health.failed(GleanerError(.destinationOffline, "away"), at: now, absenceSecondsMax: 3, draw: 0)
        #expect(health.failure?.count == 2)
        // Another kind of failure is a new one.
        _ = health.failed(GleanerError(.destinationRefused, "no"), at: now, absenceSecondsMax: 3, draw: 0)
        #expect(health.failure?.count == 1)
        #expect(health.failure?.trouble == .refused)
        health.delivered(byteCount: 1000, seconds: 2, at: now)
        #expect(health.failure == nil)
        #expect(health.bytesPerSecond == 500)
        health.delivered(byteCount: 1000, seconds: 1, at: now)
        #expect(health.bytesPerSecond == 650)
        #expect(health.reachedAt == now && health.deliveredAt == now)
    }
}

@Suite struct DailyWindowsTests {
    @Test func aWindowMayGoOnPastMidnight() throws {
        let windows = try #require(try DailyWindows(["22:00-06:00", "12:30-13:00"]))
        let table = [
            (22 * 60, 0), (23 * 60 + 59, 0), (0, 0), (5 * 60 + 59, 0), (6 * 60, 390), (12 * 60 + 29, 1),
            (12 * 60 + 30, 0), (13 * 60, 540), (21 * 60 + 59, 1),
        ]
        for (minute, expected) in table { #expect(windows.minutesUntilOpen(at: minute) == expected, "at \(minute)") }
        let whole = try #require(try DailyWindows(["00:00-24:00"]))
        #expect(whole.minutesUntilOpen(at: 1439) == 0)
    }

    @Test(arguments: [
        "22-06", "22:00", "25:00-26:00", "22:00-22:00", "22:0-23:00", "a-b", "24:30-25:00", "1:00-2:00-3:00",
    ])
    func whatIsNoPartOfADayIsAnError(_ text: String) async {
        #expect(await failure { try DailyWindows([text]) as Any }.hasPrefix("document.malformed"))
    }

    @Test func noWindowsAreNone() throws { #expect(try DailyWindows([]) == nil) }
}

@Suite struct InboxItemTests {
    private let device = DeviceID(rawValue: 7)

    @Test func aPathSaysWhatItIsAndForWhom() {
        func kind(_ path: String) -> String {
            guard let (kind, name) = InboxItem.kind(of: path, for: device) else { return "none" }
            switch kind {
            case .labels(let format): return "\(format): \(name)"
            case .model: return "model: \(name)"
            }
        }
        let table = [
            ("labels/csv/a.csv", "csv: labels/csv/a.csv"),
            ("labels/yolo/batch/labels/1.txt", "yolo: labels/yolo/batch"),
            ("models/m.tar", "model: models/m.tar"), ("models/m/model.json", "model: models/m"),
            ("device=0000000000000007/models/m.tar", "model: device=0000000000000007/models/m.tar"),
            ("device=0000000000000008/models/m.tar", "none"), ("labels/a.csv", "none"), ("other/a", "none"),
            ("models/.hidden.tar", "none"), ("models/m.tar.partial", "none"), ("labels/csv/.x/a.csv", "none"),
            ("models", "none"),
        ]
        for (path, expected) in table { #expect(kind(path) == expected, "\(path)") }
    }
}
