import Foundation
import GleanerCore
import Testing

@Suite("Timestamps")
struct TimestampTests {
    @Test(
        "times are read as labeling tools write them",
        arguments: [
            ("2026-01-05T10:11:12.345678Z", 1_767_607_872_345), ("2026-01-05T10:11:12Z", 1_767_607_872_000),
            ("2026-01-05T10:11:12.3Z", 1_767_607_872_300), ("2026-01-05T10:11:12+00:00", 1_767_607_872_000),
            ("2026-01-05T10:11:12.345+00:00", 1_767_607_872_345),
            ("2026-01-05T12:11:12.345678+02:00", 1_767_607_872_345),
            ("2026-01-05T04:41:12-05:30", 1_767_607_872_000), ("2026-01-05T10:11:12.123456789Z", 1_767_607_872_123),
            ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999Z", -1), ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("2026-01-05T10:11:12.9996Z", 1_767_607_872_999), ("2026-01-05t10:11:12z", 1_767_607_872_000),
            ("2026-01-05 10:11:12Z", 1_767_607_872_000), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ] as [(String, Int64)])
    func read(text: String, expected: Int64) {
        #expect(Timestamp(text)?.milliseconds == expected)
    }

    @Test(
        "other texts are none",
        arguments: [
            "", "now", "2026-01-05", "10:11:12Z", "2026-01-05T10:11:12", "2026-13-05T10:11:12Z", "2026-02-30T10:11:12Z",
            "2026-01-05T25:11:12Z", "2026-01-05T10:11:12.Z", "2026-01-05T10:11:12Z and more", "1767607872",
            "2026-01-05T10:11:12+25:00", "0000-01-01T00:00:00Z", "2026-00-05T10:11:12Z", "2026-01-00T10:11:12Z",
            "2026-01-05T10:60:12Z", "2026-01-05T10:11:61Z", "2100-02-29T00:00:00Z", "-026-01-05T10:11:12Z",
            "٢٠٢٦-01-05T10:11:12Z",
        ])
    func otherTexts(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func aLongFractionIsCutOff() {
        let text = "2026-01-05T10:11:12." + String(repeating: "1", count: 100_000)
        #expect(Timestamp(text + "Z")?.milliseconds == 1_767_607_872_111)
        #expect(Timestamp(text) == nil)
    }

    @Test func everyDayOfFourCenturiesIsWrittenAsFoundationDoes() {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: false)
        // 97 days and some hours further each time, so that all months and hours come.
        for step in 0..<1500 {
            let seconds = Int64(step) * 97 * 86_400 + Int64(step) * 4001
            let expected = Date(timeIntervalSince1970: Double(seconds)).formatted(style).dropLast()
            let time = Timestamp(milliseconds: seconds * 1000 + 7)
            #expect(time.description == "\(expected).007Z")
            #expect(Timestamp(time.description) == time)
        }
    }

    @Test(
        "a written time is read back",
        arguments: [0, -1, 1, 1_767_607_872_345, 4_102_444_800_000, -62_135_596_800_000, 253_402_300_799_999] as [Int64]
    )
    func roundTrip(milliseconds: Int64) throws {
        let time = Timestamp(milliseconds: milliseconds)
        #expect(Timestamp(time.description) == time, "\(time)")
        try expectRoundTrip(time)
    }

    @Test func itIsWrittenInUTCWithMilliseconds() {
        #expect(Timestamp(milliseconds: 1_767_607_872_345).description == "2026-01-05T10:11:12.345Z")
        #expect(Timestamp(milliseconds: 1_767_607_872_000).description == "2026-01-05T10:11:12.000Z")
    }

    @Test func aMadClockIsWrittenSomehow() throws {
        for milliseconds in [Int64.max, .min, 1_000_000_000_000_000] {
            try expectRoundTrip(Timestamp(milliseconds: milliseconds))
        }
        #expect(Timestamp(milliseconds: .max).description == "9999-12-31T23:59:59.999Z")
        #expect(Timestamp(milliseconds: .min).description == "0001-01-01T00:00:00.000Z")
    }

    @Test func nowIsLaterThanThisWasWritten() {
        #expect(Timestamp.now() > Timestamp(milliseconds: 1_700_000_000_000))
        #expect(Timestamp(milliseconds: 1) < Timestamp(milliseconds: 2))
        #expect(Instant(seconds: 1) < Instant(seconds: 1.5))
    }
}
