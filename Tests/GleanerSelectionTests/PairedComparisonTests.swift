import GleanerSelection
import Testing

@Suite struct PairedComparisonTests {
    private func comparison(wins: Int, losses: Int, alike: Int = 0) -> PairedComparison {
        func times(_ count: Int, _ first: Bool, _ second: Bool) -> [(first: Bool, second: Bool)] {
            Array(repeating: (first, second), count: count)
        }
        return PairedComparison(
            times(wins, false, true) + times(losses, true, false) + times(alike / 2, true, true)
                + times(alike - alike / 2, false, false))
    }

    /// By hand: the chance of so many heads or fewer, counted in Pascal's triangle.
    @Test(
        arguments: [
            // wins, losses, chance of as many wins or fewer, of as many losses or fewer
            (0, 0, 1, 1), (1, 0, 1, 0.5), (0, 1, 0.5, 1),
            (4, 0, 1, 1.0 / 16), (5, 0, 1, 1.0 / 32), (0, 5, 1.0 / 32, 1), (0, 10, 1.0 / 1024, 1),
            (7, 1, 255.0 / 256, 9.0 / 256), (1, 7, 9.0 / 256, 255.0 / 256),
            (2, 8, 56.0 / 1024, 1013.0 / 1024), (8, 2, 1013.0 / 1024, 56.0 / 1024),
            (3, 3, 42.0 / 64, 42.0 / 64), (9, 1, 1023.0 / 1024, 11.0 / 1024),
            // Exact fractions, made with whole numbers in Python.
            (20, 10, 0.978_613_027_371_466_4, 0.049_368_573_352_694_51),
            (86, 150, 1.857_968_069_785_721e-5, 0.999_989_645_785_522_1),
            (2000, 2200, 0.001_066_177_835_995_617, 0.999_039_001_685_142_6),
        ] as [(Int, Int, Double, Double)])
    func chancesOfEqualModels(wins: Int, losses: Int, worse: Double, better: Double) {
        // Pairs of which both say the same change nothing.
        for alike in [0, 100] {
            let comparison = comparison(wins: wins, losses: losses, alike: alike)
            #expect(comparison.pairCount == wins + losses + alike)
            #expect(abs(comparison.pValueOfWorse - worse) < 1e-9 * max(1, worse))
            #expect(abs(comparison.pValueOfBetter - better) < 1e-9 * max(1, better))
            #expect(abs(comparison.pValue - min(1, 2 * min(worse, better))) < 1e-9)
        }
    }

    @Test func theSecondIsAsMuchBetterAsTheFirstIsWorse() {
        for (one, other) in [(3, 9), (0, 4), (12, 12), (40, 2)] {
            let there = comparison(wins: one, losses: other, alike: 20)
            let back = comparison(wins: other, losses: one, alike: 20)
            #expect(there.pValueOfWorse == back.pValueOfBetter && there.pValueOfBetter == back.pValueOfWorse)
            #expect(there.pValue == back.pValue && there.difference == -back.difference)
            #expect(abs(there.differenceInterval.lowerBound + back.differenceInterval.upperBound) < 1e-12)
        }
    }

    /// R's package PropCIs gives −0.21601726…−0.03089632 for 160 pairs of which 40 and 20 differ
    /// (`diffpropci.mp(b = 40, c = 20, n = 160)`); the others are made by the formula in Python.
    @Test(
        arguments: [
            (20, 40, 160, -0.216_017_26, -0.030_896_32), (86, 150, 1600, -0.058_682_94, -0.021_217_19),
            (9, 1, 60, 0.029_226_68, 0.228_837_83), (10, 0, 40, 0.101_092_75, 0.375_097_72),
            (0, 0, 10, -0.163_330_33, 0.163_330_33),
            // It never leaves −1…1.
            (3, 0, 3, 0.018_580_72, 1), (0, 1, 1, -1, 0.510_100_88),
        ] as [(Int, Int, Int, Double, Double)])
    func whatTheDifferenceMayBe(wins: Int, losses: Int, pairCount: Int, low: Double, high: Double) {
        let interval = comparison(wins: wins, losses: losses, alike: pairCount - wins - losses).differenceInterval
        #expect(abs(interval.lowerBound - low) < 1e-6 && abs(interval.upperBound - high) < 1e-6, "\(interval)")
    }

    /// Wilson 1927, as Newcombe 1998 tabulates it: 81 of 263, 15 of 148, 0 of 20 and 1 of 29.
    @Test(
        arguments: [
            (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718),
            (20, 20, 0.8389, 1),
        ] as [(Int, Int, Double, Double)])
    func whatAShareMayBe(count: Int, total: Int, low: Double, high: Double) {
        let interval = WilsonInterval.of(count, in: total)
        #expect(abs(interval.lowerBound - low) < 5e-5 && abs(interval.upperBound - high) < 6e-5, "\(interval)")
    }
}
