import GleanerCore

/// Embeddings in groups of those that show the like (k-means).
///
/// Lloyd's algorithm; the first centres are members at equal steps, so that the same input gives the same groups.
/// Embeddings of another kind than the first are in group 0.
struct Clusters {
    private static let roundCount = 6

    /// The group of each embedding.
    private(set) var assignments: [Int]

    private let dimension: Int
    private var centres: [Float]

    /// - Parameter count: Of groups; at least 1, at most as many as there are embeddings.
    init(of embeddings: [Embedding], count: Int) {
        precondition((1...max(embeddings.count, 1)).contains(count), "there are no more groups than members")
        let dimension = embeddings.first?.values.count ?? 0
        self.dimension = dimension
        assignments = [Int](repeating: 0, count: embeddings.count)
        let fitting = embeddings.indices.filter { embeddings[$0].values.count == dimension }
        centres = (0..<count).flatMap { group in
            fitting.isEmpty ? [] : embeddings[fitting[group * fitting.count / count]].values
        }
        for _ in 0..<Self.roundCount {
            for index in fitting { assignments[index] = nearest(to: embeddings[index]) }
            move(to: fitting.map { (assignments[$0], embeddings[$0].values) })
        }
    }

    /// The group whose centre is nearest.
    private func nearest(to embedding: Embedding) -> Int {
        var best = 0
        var smallest = Float.infinity
        embedding.values.withUnsafeBufferPointer { x in
            centres.withUnsafeBufferPointer { centres in
                var start = 0
                var group = 0
                while start < centres.count {
                    let distance = Self.squaredDistance(x, centres, start)
                    if distance < smallest {
                        smallest = distance
                        best = group
                    }
                    start += x.count
                    group += 1
                }
            }
        }
        return best
    }

    private static func squaredDistance(
        _ x: UnsafeBufferPointer<Float>, _ centres: UnsafeBufferPointer<Float>, _ start: Int
    ) -> Float {
        guard let a = x.baseAddress, let b = centres.baseAddress else { return 0 }
        var sums = SIMD8<Float>.zero
        var index = 0
        while index + 8 <= x.count {
            let difference =
                UnsafeRawPointer(a + index).loadUnaligned(as: SIMD8<Float>.self)
                - UnsafeRawPointer(b + start + index).loadUnaligned(as: SIMD8<Float>.self)
            sums += difference * difference
            index += 8
        }
        var sum = sums.sum()
        while index < x.count {
            sum += (a[index] - b[start + index]) * (a[index] - b[start + index])
            index += 1
        }
        return sum
    }

    private mutating func move(to members: [(group: Int, values: [Float])]) {
        let count = centres.count / max(dimension, 1)
        var sums = [Float](repeating: 0, count: centres.count)
        var sizes = [Float](repeating: 0, count: count)
        for (group, values) in members {
            sizes[group] += 1
            for (offset, value) in values.enumerated() { sums[group * dimension + offset] += value }
        }
        // A group without members keeps its centre.
        for group in 0..<count where sizes[group] > 0 {
            for offset in 0..<dimension {
                centres[group * dimension + offset] = sums[group * dimension + offset] / sizes[group]
            }
        }
    }
}
