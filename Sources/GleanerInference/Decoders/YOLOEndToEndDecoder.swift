public import GleanerCore

/// Reads detectors that suppress overlapping boxes themselves: a row a box with its corners, score and class.
///
/// - `xyxy-score-class`, `[1, boxes, 6]`: YOLOv10, YOLO26 and Ultralytics' exports with `nms=True`.
/// - `batch-xyxy-class-score`, `[boxes, 7]`: YOLOv7's export with `--end2end`.
///
/// Rows beyond the last box have a score of 0.
public struct YOLOEndToEndDecoder: OutputDecoder {
    /// What the columns are.
    public enum Columns: String, Sendable, CaseIterable {
        case scoreClass = "xyxy-score-class"
        case classScore = "batch-xyxy-class-score"

        var count: Int { self == .scoreClass ? 6 : 7 }
        var box: Int { self == .scoreClass ? 0 : 1 }
        var score: Int { self == .scoreClass ? 4 : 6 }
        var `class`: Int { 5 }
    }

    public static let entry = Registry<any OutputDecoder>.Entry(
        "yolo-end-to-end", "YOLOv10, YOLO26 and exports with their own suppression: rows of corners, score and class"
    ) { YOLOEndToEndDecoder($0) }

    public let task = ModelTask.detection
    public var scoreMin: Float? { options.scoreMin }

    let output: OutputReference
    let columns: Columns
    let coding: BoxCoding
    let options: DetectionOptions

    init(_ options: OptionReader) {
        output = OutputReference(options)
        columns = options.choice("columns", Columns.self) ?? .scoreClass
        coding = BoxCoding(options, order: .xyxy, unit: .pixels)
        self.options = DetectionOptions(options, suppression: .none)
    }

    private func rows(_ outputs: TensorOutputs) throws -> (TensorBuffer, count: Int) {
        let tensor = try output.tensor(in: outputs)
        let expected = "\(columns.rawValue) are \(columns.count) columns"
        let (rowCount, columnCount) = try tensor.table(columnCountMin: columns.count, expected: expected)
        guard columnCount == columns.count else {
            throw GleanerError.mismatch(
                tensor, expected: expected, remedy: "set 'columns' of the decoder, or use the decoder of its kind")
        }
        return (tensor, rowCount)
    }

    /// The number of classes cannot be seen in the output; a class beyond the labels can.
    public func check(_ outputs: TensorOutputs, labelCount: Int) throws {
        let (tensor, rowCount) = try rows(outputs)
        for row in 0..<rowCount where tensor.floats[row * columns.count + columns.score] >= options.scoreFloor {
            let number = tensor.floats[row * columns.count + columns.class]
            guard number >= 0, number < Float(labelCount), number == number.rounded() else {
                throw GleanerError.classNumber(number, in: tensor, labelCount: labelCount)
            }
        }
    }

    public func decode(
        _ outputs: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction
    ) throws {
        let (tensor, rowCount) = try rows(outputs)
        let values = tensor.floats
        var candidates = prediction.takeDetections()
        for start in stride(from: 0, to: rowCount * columns.count, by: columns.count) {
            let score = values[start + columns.score]
            guard isProbability(score) else { throw GleanerError.notProbability(score, in: tensor) }
            guard score >= options.scoreFloor else { continue }
            let corner = start + columns.box
            let box = coding.box(
                values[corner], values[corner + 1], values[corner + 2], values[corner + 3], in: letterbox)
            candidates.append(
                Detection(
                    box: box, classIndex: try tensor.classIndex(at: start + columns.class),
                    score: min(score, 1)))
        }
        prediction = options.detections(from: &candidates, undoing: letterbox)
    }
}
