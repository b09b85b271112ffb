import Foundation
import GleanerCore
import GleanerSelection
import Testing

@Suite("Calibration")
struct CalibrationTests {
    private func observation(
        _ confidence: Float, hit: Bool, probability: Double = 0.5
    ) -> Calibration.Observation {
        .init(probabilities: [confidence, 1 - confidence], truth: hit ? 0 : 1, probability: probability)
    }

    @Test func tooFewLabelsSayNothing() {
        let few = (0..<29).map { observation(0.9, hit: $0 > 3) }
        #expect(Calibration(few) == nil)
        // Sixty of very different weights are worth fewer than thirty.
        let uneven = (0..<60).map { observation(0.9, hit: true, probability: $0 < 6 ? 0.001 : 1) }
        #expect(Calibration(uneven) == nil)
    }

    @Test func theErrorIsTheMeanDifferenceOfConfidenceAndAccuracy() throws {
        // Four groups of fifteen. 0.6 sure: right in 8 and 7 of 15; 0.9 sure: right in 12 and 9.
        let low = (0..<30).map { observation(0.6, hit: $0.isMultiple(of: 2)) }
        let high = (0..<30).map { observation(0.9, hit: $0 % 10 < 7) }
        let calibration = try #require(Calibration(low + high))
        let expected = (0.6 - 8.0 / 15 + 0.6 - 7.0 / 15 + 0.9 - 0.8 + 0.9 - 0.6) / 4
        #expect(abs(calibration.error - expected) < 1e-6)
        #expect(calibration.temperature == nil)
    }

    @Test func labelsCountByTheFramesThatTheyStandFor() throws {
        // Two right ones worth 1 each, then a wrong one worth 2: right in one half, not in two thirds.
        let observations = (0..<36).map {
            observation(0.75, hit: $0 % 3 < 2, probability: $0 % 3 < 2 ? 1 : 0.5)
        }
        let calibration = try #require(Calibration(observations))
        #expect(abs(calibration.error - 0.25) < 1e-6)
    }

    @Test(arguments: [0.5, 1, 2, 3.0]) func theTemperatureThatLogitsWereDividedByIsFound(factor: Double) throws {
        // Truths are drawn by softmax(z); the model says softmax(factor · z).
        let observations = (0..<4000).map { place -> Calibration.Observation in
            let logits = (0..<3).map { 3 * noise(place, salt: UInt64($0)) }
            func softmax(_ factor: Double) -> [Double] {
                let powers = logits.map { exp(factor * $0) }
                return powers.map { $0 / powers.reduce(0, +) }
            }
            let (true_, said) = (softmax(1), softmax(factor))
            let draw = noise(place, salt: 9)
            let truth = draw < true_[0] ? 0 : draw < true_[0] + true_[1] ? 1 : 2
            let order = [0, 1, 2].sorted { said[$0] > said[$1] }
            return .init(
                probabilities: order.map { Float(said[$0]) }, truth: order.firstIndex(of: truth), probability: 0.02)
        }
        let calibration = try #require(Calibration(observations))
        let found = try #require(calibration.temperature)
        #expect(abs(found - factor) < 0.15 * factor, "\(found) instead of \(factor)")
        if factor == 1 { #expect(calibration.error < 0.03) }
        if factor == 3 { #expect(calibration.error > 0.15) }
    }

    @Test func truthsThatWereNotRecordedLeaveTheTemperatureOpen() throws {
        var many = (0..<200).map { observation(0.9, hit: $0.isMultiple(of: 2)) }
        for index in 0..<20 { many[index].truth = nil }
        #expect(try #require(Calibration(many)).temperature == nil)
    }
}
