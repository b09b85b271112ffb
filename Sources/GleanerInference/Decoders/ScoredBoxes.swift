import Foundation
import GleanerCore

/// Two outputs side by side: for each box four numbers, and a score for each class, the background maybe among them.
struct ScoredBoxes: Sendable {
    /// Which of the scores is no class.
    enum Background: String, Sendable, CaseIterable { case none, first, last }

    let boxes: OutputReference
    let scores: OutputReference
    let kind: ScoreKind
    let background: Background

    init(_ options: OptionReader, kind: ScoreKind, background: Background) {
        boxes = OutputReference(options, "boxes")
        scores = OutputReference(options, "scores")
        self.kind = options.choice("activation", ScoreKind.self) ?? kind
        self.background = options.choice("background", Background.self) ?? background
    }

    /// The two outputs of one frame.
    struct Reading {
        let boxTensor: TensorBuffer
        let scoreTensor: TensorBuffer
        let rowCount: Int
        let columnCount: Int

        /// The four numbers of a box.
        func box(_ row: Int) -> SIMD4<Float> {
            let values = boxTensor.floats
            return SIMD4(values[row * 4], values[row * 4 + 1], values[row * 4 + 2], values[row * 4 + 3])
        }
    }

    func reading(of outputs: TensorOutputs) throws -> Reading {
        let boxTensor = try boxes.tensor(in: outputs, key: "boxes") { $0.shape.last == 4 && $0.name != scores.name }
        let scoreTensor = try scores.tensor(in: outputs, key: "scores") {
            $0.name != boxTensor.name && $0.shape.dropLast() == boxTensor.shape.dropLast()
        }
        let (boxCount, width) = try boxTensor.table(columnCountMin: 4, expected: "boxes are [1, boxes, 4]")
        let (rowCount, columnCount) = try scoreTensor.table(
            columnCountMin: background == .none ? 1 : 2, expected: "scores are [1, boxes, classes]")
        guard width == 4, boxCount == rowCount else {
            throw GleanerError.mismatch(
                scoreTensor, expected: "the boxes are \(ShapeText.of(boxTensor.shape)), a row for a row of scores",
                remedy: "name the right outputs as 'boxes' and 'scores' of the decoder")
        }
        return Reading(boxTensor: boxTensor, scoreTensor: scoreTensor, rowCount: rowCount, columnCount: columnCount)
    }

    func check(_ outputs: TensorOutputs, labelCount: Int) throws {
        let reading = try reading(of: outputs)
        let classCount = reading.columnCount - (background == .none ? 0 : 1)
        guard classCount == labelCount else {
            throw GleanerError.classCount(classCount, of: reading.scoreTensor, labelCount: labelCount)
        }
    }

    /// - Parameter box: Makes a row's box, in the pixels of the model's input.
    func predict(
        from reading: Reading, _ options: DetectionOptions, undoing letterbox: Letterbox,
        into prediction: inout Prediction, box: (_ row: Int) -> Box
    ) throws {
        var candidates = prediction.takeDetections()
        let first = background == .first ? 1 : 0
        let classes = first..<(reading.columnCount - (background == .last ? 1 : 0))
        let values = reading.scoreTensor.floats
        for row in 0..<reading.rowCount {
            let start = row * reading.columnCount
            let scores = UnsafeBufferPointer(rebasing: values[start..<start + reading.columnCount])
            var best = classes.lowerBound
            for column in classes where scores[column] > scores[best] { best = column }
            let score = probability(best, of: scores)
            guard isProbability(score) else { throw GleanerError.notProbability(score, in: reading.scoreTensor) }
            guard score >= options.scoreFloor else { continue }
            candidates.append(Detection(box: box(row), classIndex: best - first, score: min(score, 1)))
        }
        prediction = options.detections(from: &candidates, undoing: letterbox)
    }

    private func probability(_ column: Int, of scores: UnsafeBufferPointer<Float>) -> Float {
        switch kind {
        case .probabilities: return scores[column]
        case .sigmoid: return sigmoid(scores[column])
        case .softmax:
            // A box that is most likely background is not worth the sum over all classes.
            let other = background == .first ? scores[0] : background == .last ? scores[scores.count - 1] : -.infinity
            let bound = sigmoid(scores[column] - other)
            guard bound >= 0.01 else { return bound }
            return 1 / scores.reduce(0) { $0 + exp($1 - scores[column]) }
        }
    }
}
