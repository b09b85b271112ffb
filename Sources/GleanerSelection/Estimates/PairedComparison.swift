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

    /// The chance of a difference as large as this or larger between equal models.
    public var pValue: Double {
        let n = wins + losses
        guard n > 0 else { return 1 }
        // The smaller tail of the binomial distribution, twice.
        let tail = (0...min(wins, losses)).reduce(0.0) { sum, k in
            sum + exp(Self.logChoose(n, k) - Double(n) * log(2))
        }
        return min(1, 2 * tail)
    }

    private static func logChoose(_ n: Int, _ k: Int) -> Double {
        lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1))
    }
}
