import GleanerCore

/// The one output of most YOLO exports: a row a box, a column an attribute (the box, maybe an objectness, a score
/// for each class), in either order of the tensor's dimensions.
struct BoxTable {
    /// Which of the two dimensions counts the boxes.
    enum Layout: String, Sendable, CaseIterable {
        case boxesFirst = "boxes-first"
        case attributesFirst = "attributes-first"
    }

    let tensor: TensorBuffer
    let rowCount: Int
    let attributeCount: Int
    private let values: UnsafeMutableBufferPointer<Float>
    private let rowStride: Int
    private let attributeStride: Int

    /// - Parameter layout: `nil`: there are more boxes than attributes.
    init(_ tensor: TensorBuffer, layout: Layout?, attributeCountMin: Int) throws {
        let expected = "[1, boxes, attributes] or [1, attributes, boxes], with \(attributeCountMin) attributes or more"
        let (first, second) = try tensor.table(columnCountMin: 1, expected: expected)
        let isBoxesFirst = layout.map { $0 == .boxesFirst } ?? (first > second)
        (rowCount, attributeCount) = isBoxesFirst ? (first, second) : (second, first)
        (rowStride, attributeStride) = isBoxesFirst ? (second, 1) : (1, second)
        guard attributeCount >= attributeCountMin, rowCount > 0 else {
            throw GleanerError.mismatch(tensor, expected: expected, remedy: "set 'layout' of the decoder to the other")
        }
        self.tensor = tensor
        values = tensor.floats
    }

    func value(_ row: Int, _ attribute: Int) -> Float { values[row * rowStride + attribute * attributeStride] }

    /// - Throws: ``GleanerError`` when the columns after the box and the objectness are not one for each label.
    func requireClasses(_ labelCount: Int, from column: Int) throws {
        guard attributeCount == column + labelCount else {
            throw GleanerError.classCount(attributeCount - column, of: tensor, labelCount: labelCount)
        }
    }

    /// Calls `found` with every row whose best class scores `floor` or more.
    ///
    /// - Parameters:
    ///   - object: The column of the objectness, which the class's probability is multiplied with; `nil` if none.
    ///   - classes: The columns of the classes.
    func forEachCandidate(
        object: Int?, classes: Range<Int>, floor: Float,
        _ found: (_ row: Int, _ classIndex: Int, _ score: Float) -> Void
    ) throws {
        if let object { return try forEachObject(object, classes, floor, found) }
        guard let start = values.baseAddress else { return }
        let best = BestClasses(
            scores: start + classes.lowerBound * attributeStride, boxCount: rowCount, classCount: classes.count,
            boxStride: rowStride, classStride: attributeStride)
        try best.forEach { row, classIndex, score in
            guard isProbability(score) else { throw GleanerError.notProbability(score, in: tensor) }
            if score >= floor { found(row, classIndex, min(score, 1)) }
        }
    }

    /// Most rows are told by their objectness alone: no score is larger.
    private func forEachObject(
        _ object: Int, _ classes: Range<Int>, _ floor: Float, _ found: (Int, Int, Float) -> Void
    ) throws {
        for row in 0..<rowCount {
            let objectness = value(row, object)
            guard isProbability(objectness) else { throw GleanerError.notProbability(objectness, in: tensor) }
            guard objectness >= floor else { continue }
            var best = classes.lowerBound
            for attribute in classes where value(row, attribute) > value(row, best) { best = attribute }
            let probability = value(row, best)
            guard isProbability(probability) else { throw GleanerError.notProbability(probability, in: tensor) }
            let score = min(objectness * probability, 1)
            if score >= floor { found(row, best - classes.lowerBound, score) }
        }
    }
}
