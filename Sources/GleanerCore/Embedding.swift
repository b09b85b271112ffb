#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a frame shows, as a direction in a space of features: frames that show the like point the same way.
///
/// At most ``dimensionMax`` numbers of unit length. They are rounded to 8 bits as soon as they are made, so that an
/// embedding that was stored and read again is the very same, and a restart decides as if it had never been.
public struct Embedding: Hashable, Sendable {
    public static let dimensionMax = 128

    /// Of unit length.
    public let values: [Float]

    /// From features of any number and scale. More than ``dimensionMax`` are folded: each is added to one of so many
    /// sums with a sign, both given by its place, which keeps angles as they were on average.
    ///
    /// `nil` when they have no direction: none at all, all zero, or one that is not finite.
    ///
    /// Source: Weinberger, Dasgupta, Langford, Smola, Attenberg, *Feature Hashing for Large Scale Multitask
    /// Learning*, ICML 2009.
    public init?(_ features: [Float]) {
        var former: Embedding?
        self.init(count: features.count, reusing: &former) { features[$0] }
    }

    /// The same of features that are nowhere together; each is asked for once, in order.
    ///
    /// - Parameter former: Of an earlier frame: its memory is used again, unless others hold it too.
    public init?(count: Int, reusing former: inout Embedding?, feature: (_ index: Int) -> Float) {
        var values = former.take()?.values ?? []
        values.removeAll(keepingCapacity: true)
        values.append(contentsOf: repeatElement(0, count: min(count, Self.dimensionMax)))
        if count <= Self.dimensionMax {
            for index in values.indices { values[index] = feature(index) }
        } else {
            for index in 0..<count {
                let place = Self.mix(UInt64(index))
                let sum = Int(place % UInt64(Self.dimensionMax))
                values[sum] += place >> 63 == 0 ? feature(index) : -feature(index)
            }
        }
        let largest = values.reduce(0) { max($0, $1.magnitude) }
        guard largest.isFinite, largest > 0, values.allSatisfy(\.isFinite) else { return nil }
        for index in values.indices { values[index] = (values[index] / largest * 127).rounded() }
        guard Self.scaleLevels(&values) else { return nil }
        self.values = values
    }

    /// From what ``encoded`` gave; `nil` for anything else.
    public init?(encoded: some Collection<UInt8>) {
        guard encoded.count <= Self.dimensionMax else { return nil }
        var values = encoded.map { Float(Int8(bitPattern: $0)) }
        guard Self.scaleLevels(&values) else { return nil }
        self.values = values
    }

    /// Brings whole numbers of 8 bits to unit length; `false` when they have no direction.
    private static func scaleLevels(_ values: inout [Float]) -> Bool {
        // A float counts further than the sum of so many squares can be: it is exact.
        let squares = values.reduce(0) { $0 + $1 * $1 }
        guard squares > 0 else { return false }
        let scale = 1 / squares.squareRoot()
        for index in values.indices { values[index] *= scale }
        return true
    }

    /// A byte for each number.
    public var encoded: [UInt8] {
        let largest = values.reduce(0) { max($0, $1.magnitude) }
        return values.map { UInt8(bitPattern: Int8(($0 / largest * 127).rounded())) }
    }

    /// The squared distance: 0 for the same direction, 2 for features that have nothing in common, 4 for opposite
    /// ones. Infinite when the other one is of another kind.
    public func squaredDistance(to other: Embedding) -> Float {
        guard values.count == other.values.count else { return .infinity }
        let dot = values.withUnsafeBufferPointer { a in
            other.values.withUnsafeBufferPointer { b in
                guard let a = a.baseAddress, let b = b.baseAddress else { return Float(0) }
                return Self.dot(a, b, count: values.count)
            }
        }
        return max(0, 2 - 2 * dot)
    }

    /// The sum of the products of two rows of numbers: sixteen sums side by side, so that none waits for the one before.
    public static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Float {
        var sums = SIMD16<Float>.zero
        var index = 0
        while index + 16 <= count {
            // Written out: a loop over the lanes costs a check for each.
            sums +=
                UnsafeRawPointer(a + index).loadUnaligned(as: SIMD16<Float>.self)
                * UnsafeRawPointer(b + index).loadUnaligned(as: SIMD16<Float>.self)
            index += 16
        }
        let eight = sums.lowHalf + sums.highHalf
        var dot = (eight.lowHalf + eight.highHalf).sum()
        while index < count {
            dot += a[index] * b[index]
            index += 1
        }
        return dot
    }

    /// SplitMix64's mixing function. Changing it makes every stored embedding another one.
    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
