import GleanerCore
import Testing

@testable import GleanerSelection

@Suite("Drift")
struct DriftTests {
    /// Values in 0…1, as uneven as margins are, around a mean.
    private func value(_ place: Int, salt: UInt64, shift: Double = 0) -> Double {
        let even = noise(place, salt: salt)
        return min(max(even * even + shift, 0), 1)
    }

    @Test func valuesWithoutAStepRaiseFewerThanOneAlarmInTenThousand() {
        var alarms = 0
        for stream in 0..<20 as Range<UInt64> {
            var watch = DriftWatch()
            for place in 0..<10_000 where watch.observe(value(place, salt: stream), of: .uncertainty) { alarms += 1 }
        }
        #expect(alarms < 20, "\(alarms) alarms in 200,000 scenes")
    }

    @Test func aStepOfOneStandardDeviationIsNoticedSoon() {
        var delays: [Int] = []
        for stream in 0..<40 as Range<UInt64> {
            var watch = DriftWatch()
            for place in 0..<1000 { _ = watch.observe(value(place, salt: stream), of: .novelty) }
            // The square of an even number has a standard deviation of 0.3.
            delays.append(
                (0..<1000).first { watch.observe(value($0 + 1000, salt: stream, shift: 0.3), of: .novelty) } ?? 1000)
        }
        delays.sort()
        #expect(delays[20] <= 40 && delays[39] < 150, "median \(delays[20]), largest \(delays[39])")
    }

    @Test func whatBecomesMoreFamiliarIsNoAlarm() {
        var watch = DriftWatch()
        let alarms = (0..<4000).count { watch.observe(value($0, salt: 3, shift: -Double($0) / 8000), of: .novelty) }
        #expect(alarms == 0)
    }

    @Test func aRestartChangesNothing() throws {
        var watch = DriftWatch()
        for place in 0..<300 { _ = watch.observe(value(place, salt: 1), of: .uncertainty) }
        var restarted = DriftWatch()
        let text = try CanonicalJSON.encode(watch.state)
        restarted.restore(try CanonicalJSON.decode(JSONValue.self, from: text, named: "the state"))
        let rest = (300..<900).map { watch.observe(value($0, salt: 1, shift: 0.2), of: .uncertainty) }
        let again = (300..<900).map { restarted.observe(value($0, salt: 1, shift: 0.2), of: .uncertainty) }
        #expect(rest == again && rest.contains(true))
        for state in [.null, .string("x"), .object(["novelty": .array([.null])])] as [JSONValue] {
            restarted.restore(state)
        }
    }
}
