/// Finds the best class of each of many boxes, class by class: that reads a tensor whose classes come first straight
/// through, several boxes at a time.
struct BestClasses {
    /// Of so many boxes the best is known at a time. It lies on the stack.
    private static let partCount = 128

    /// The first box's score of the first class.
    let scores: UnsafePointer<Float>
    let boxCount: Int
    let classCount: Int
    /// From one box to the next, and from one class to the next.
    let boxStride: Int
    let classStride: Int

    /// Calls `body` with each box, in order; of equal scores the first class is the best.
    func forEach(_ body: (_ box: Int, _ classIndex: Int, _ score: Float) throws -> Void) rethrows {
        guard boxStride == 1 else { return try forEachApart(body) }
        try withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.partCount) { best in
            try withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.partCount) { classes in
                guard let best = best.baseAddress, let classes = classes.baseAddress else { return }
                for start in stride(from: 0, to: boxCount, by: Self.partCount) {
                    let count = min(Self.partCount, boxCount - start)
                    find(scores + start, count, best, classes)
                    for box in 0..<count { try body(start + box, Int(classes[box]), best[box]) }
                }
            }
        }
    }

    private func find(
        _ scores: UnsafePointer<Float>, _ count: Int, _ best: UnsafeMutablePointer<Float>,
        _ classes: UnsafeMutablePointer<Int32>
    ) {
        best.initialize(from: scores, count: count)
        classes.initialize(repeating: 0, count: count)
        for index in 1..<max(classCount, 1) {
            let row = scores + index * classStride
            let number = Int32(truncatingIfNeeded: index)
            for box in 0..<count {
                let isBetter = row[box] > best[box]
                classes[box] = isBetter ? number : classes[box]
                best[box] = isBetter ? row[box] : best[box]
            }
        }
    }

    private func forEachApart(_ body: (_ box: Int, _ classIndex: Int, _ score: Float) throws -> Void) rethrows {
        for box in 0..<boxCount {
            let row = scores + box * boxStride
            var best = 0
            for index in 1..<max(classCount, 1) where row[index * classStride] > row[best * classStride] {
                best = index
            }
            try body(box, best, row[best * classStride])
        }
    }
}
