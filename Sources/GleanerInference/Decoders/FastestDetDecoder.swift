import Foundation
public import GleanerCore

/// Reads FastestDet's output, `[1, 5 + classes, rows, columns]`: for each cell of a grid whether it holds an
/// object's centre, the box, and probabilities of the classes.
///
/// Rule: github.com/dog-qiuqiu/FastestDet, `utils/tool.py`, `handle_preds`.
public struct FastestDetDecoder: OutputDecoder {
    public static let entry = Registry<any OutputDecoder>.Entry(
        "fastestdet", "FastestDet's grid: one box a cell, score = object^0.6 × class^0.4"
    ) { FastestDetDecoder($0) }

    public let task = ModelTask.detection
    public var scoreMin: Float? { options.scoreMin }

    let output: OutputReference
    let options: DetectionOptions

    init(_ options: OptionReader) {
        output = OutputReference(options)
        self.options = DetectionOptions(options, scoreMin: 0.65)
    }

    /// Channels before those of the classes: object, and the box's centre and size.
    private static let boxChannelCount = 5

    public func check(_ outputs: TensorOutputs, labelCount: Int) throws {
        let tensor = try output.tensor(in: outputs)
        let classCount = try Grid(tensor).classCount
        guard classCount == labelCount else {
            throw GleanerError.classCount(classCount, of: tensor, labelCount: labelCount)
        }
    }

    public func decode(
        _ outputs: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction
    ) throws {
        let tensor = try output.tensor(in: outputs)
        let grid = try Grid(tensor)
        var candidates = prediction.takeDetections()
        try grid.forEachCell { cell, classIndex, probability in
            let score = try grid.score(cell, probability)
            guard score >= options.scoreFloor else { return }
            candidates.append(
                Detection(box: grid.box(cell, in: letterbox), classIndex: classIndex, score: score))
        }
        prediction = options.detections(from: &candidates, undoing: letterbox)
    }

    /// The output as channels of cells, row by row.
    private struct Grid {
        let tensor: TensorBuffer
        let values: UnsafeMutableBufferPointer<Float>
        let classCount: Int
        let rowCount: Int
        let columnCount: Int
        var cellCount: Int { rowCount * columnCount }

        init(_ tensor: TensorBuffer) throws {
            let shape = tensor.shape
            guard tensor.elementType == .float32, shape.count == 4, shape[0] == 1,
                shape[1] > FastestDetDecoder.boxChannelCount, tensor.elementCount > 0
            else {
                throw GleanerError.mismatch(
                    tensor, expected: "FastestDet gives float32 [1, 5 + classes, rows, columns]",
                    remedy: "use the decoder of the model's kind")
            }
            self.tensor = tensor
            values = tensor.floats
            classCount = tensor.shape[1] - FastestDetDecoder.boxChannelCount
            rowCount = tensor.shape[2]
            columnCount = tensor.shape[3]
        }

        func value(_ channel: Int, _ cell: Int) -> Float { values[channel * cellCount + cell] }

        /// Finds each cell's best class.
        func forEachCell(_ body: (_ cell: Int, _ classIndex: Int, _ probability: Float) throws -> Void) throws {
            guard let start = values.baseAddress else { return }
            let best = BestClasses(
                scores: start + FastestDetDecoder.boxChannelCount * cellCount, boxCount: cellCount,
                classCount: classCount, boxStride: 1, classStride: cellCount)
            try best.forEach(body)
        }

        /// `object^0.6 × class^0.4` of a cell and the probability of its best class.
        func score(_ cell: Int, _ probability: Float) throws -> Float {
            let object = value(0, cell)
            guard (-0.01...1.01).contains(object), (-0.01...1.01).contains(probability) else {
                throw GleanerError(
                    .outputNotProbability, "\(tensor.placeText) holds \(object) and \(probability) as probabilities",
                    remedy: "use the decoder of the model's kind: this one reads FastestDet's export only")
            }
            return min(pow(max(object, 0), 0.6) * pow(max(probability, 0), 0.4), 1)
        }

        /// The cell's box in the pixels of the model's input.
        func box(_ cell: Int, in letterbox: Letterbox) -> Box {
            let (row, column) = cell.quotientAndRemainder(dividingBy: columnCount)
            let unitX = Float(letterbox.inputWidth)
            let unitY = Float(letterbox.inputHeight)
            let centreX = (tanh(value(1, cell)) + Float(column)) / Float(columnCount) * unitX
            let centreY = (tanh(value(2, cell)) + Float(row)) / Float(rowCount) * unitY
            let width = sigmoid(value(3, cell)) * unitX
            let height = sigmoid(value(4, cell)) * unitY
            return Box(x: centreX - width / 2, y: centreY - height / 2, width: width, height: height)
        }
    }
}
