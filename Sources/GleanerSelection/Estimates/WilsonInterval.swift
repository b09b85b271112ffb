/// Wilson's interval for a share, from its variance instead of a count.
///
/// The count is the number of independent labels that would have measured the share with that variance. Near 0 and 1
/// and for few labels it holds its 95 %, where share ± 1.96 standard errors does not.
///
/// Source: Wilson, *Probable inference, the law of succession, and statistical inference*, JASA 1927; with an
/// effective count: Dean, Pagano, *Evaluating confidence interval methods for binomial proportions in clustered
/// surveys*, JSSAM 2015.
public enum WilsonInterval {
    /// For a share of so many frames that are independent of each other, of which there must be one at least.
    public static func of(_ count: Int, in total: Int) -> ClosedRange<Double> {
        precondition(total > 0 && (0...total).contains(count))
        return of(Double(count) / Double(total), variance: 0, countMax: Double(total), degrees: .infinity)
    }

    /// - Parameters:
    ///   - share: 0…1.
    ///   - countMax: What the count is when the variance says nothing: all labels are right, or all wrong.
    ///   - degrees: Of freedom that the variance has.
    static func of(_ share: Double, variance: Double, countMax: Double, degrees: Double) -> ClosedRange<Double> {
        let spread = share * (1 - share)
        let n = variance > 0 && spread > 0 ? spread / variance : countMax
        let t = StudentT.quantile975(degrees: degrees)
        let center = (share + t * t / (2 * n)) / (1 + t * t / n)
        let half = t / (1 + t * t / n) * (spread / n + t * t / (4 * n * n)).squareRoot()
        return max(0, center - half)...min(1, center + half)
    }
}

/// Student's t distribution.
enum StudentT {
    /// The number that 97.5 % lie below: 12.7 for one degree of freedom, 1.96 for many.
    ///
    /// Source: Cornish and Fisher's expansion (Abramowitz, Stegun, *Handbook of Mathematical Functions*, 26.7.5), off
    /// by less than 0.004 from five degrees on; below that the exact values.
    static func quantile975(degrees: Double) -> Double {
        let exact = [12.7062, 4.3027, 3.1824, 2.7764]
        guard degrees.isFinite else { return 1.959_964 }
        if degrees < 5 { return exact[min(max(Int(degrees) - 1, 0), 3)] }
        let z = 1.959_964
        let n = degrees
        let z2 = z * z
        let first = (z2 + 1) * z / 4
        let second = ((5 * z2 + 16) * z2 + 3) * z / 96
        let third = (((3 * z2 + 19) * z2 + 17) * z2 - 15) * z / 384
        return z + first / n + second / (n * n) + third / (n * n * n)
    }
}
