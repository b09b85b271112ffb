#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Two models on the same audit samples.
///
/// Samples that both have right or both have wrong say nothing of which is better; of the others each is a throw of
/// a coin that is fair if neither is (McNemar's test, exact).
public struct PairedComparison: Hashable, Sendable {
    public let pairCount: Int
    /// Samples that only the second model has right, and that only the first has.
    public let wins: Int
    public let losses: Int

    /// - Parameter pairs: Whether the first and the second model were right.
    public init(_ pairs: [(first: Bool, second: Bool)]) {
        pairCount = pairs.count
        wins = pairs.count { !$0.first && $0.second }
        losses = pairs.count { $0.first && !$0.second }
    }

    /// By how much the second model is right more often, in −1…1; 0 without pairs.
    public var difference: Double { pairCount > 0 ? Double(wins - losses) / Double(pairCount) : 0 }

    /// The interval that holds ``difference`` with 95 %, in −1…1. It has sense from one pair on.
    ///
    /// Source: Agresti, Min, *Simple improved confidence intervals for comparing matched proportions*, Statistics in
    /// Medicine 2005: the plain interval after half a sample was added to each of the four cells.
    public var differenceInterval: ClosedRange<Double> {
        let n = Double(pairCount) + 2
        let (won, lost) = (Double(wins) + 0.5, Double(losses) + 0.5)
        let center = (won - lost) / n
        let half = 1.959_964 * (won + lost - (won - lost) * (won - lost) / n).squareRoot() / n
        return max(-1, center - half)...min(1, center + half)
    }

    /// The chance that an equal or better second model loses by so much or more.
    public var pValueOfWorse: Double { Self.tail(wins, of: wins + losses) }

    /// The chance that an equal or worse second model wins by so much or more.
    public var pValueOfBetter: Double { Self.tail(losses, of: wins + losses) }

    /// The chance of a difference as large as this or larger between equal models.
    public var pValue: Double {
        let n = wins + losses
        // The smaller tail of the binomial distribution, twice.
        return min(1, 2 * Self.tail(min(wins, losses), of: n))
    }

    /// The chance of at most so many heads in `n` throws of a fair coin.
    private static func tail(_ heads: Int, of n: Int) -> Double {
        guard n > 0 else { return 1 }
        return min(1, (0...heads).reduce(0.0) { $0 + exp(logChoose(n, $1) - Double(n) * log(2)) })
    }

    private static func logChoose(_ n: Int, _ k: Int) -> Double {
        lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1))
    }
}
