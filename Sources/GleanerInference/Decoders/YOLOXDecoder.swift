import Foundation
public import GleanerCore

/// Reads YOLOX's raw output, `[1, boxes, 5 + classes]`: for each cell of the grids of all strides, one after the
/// other, the offset of a centre in cells, the logarithm of a size in cells, objectness and classes.
///
/// An export with `--decode_in_inference` is read by `yolov5`. Rule: github.com/Megvii-BaseDetection/YOLOX,
/// `yolox/utils/demo_utils.py` (`demo_postprocess`).
public struct YOLOXDecoder: OutputDecoder {
    public static let entry = Registry<any OutputDecoder>.Entry(
        "yolox", "YOLOX as its own export leaves it: grids of cells, not yet boxes, [1, cells, 5 + classes]"
    ) { YOLOXDecoder($0) }

    public let task = ModelTask.detection
    public var scoreMin: Float? { options.scoreMin }

    let output: OutputReference
    let strides: [Int]
    let options: DetectionOptions

    init(_ options: OptionReader) {
        output = OutputReference(options)
        strides = options.integers("strides", in: 1...256) ?? [8, 16, 32]
        self.options = DetectionOptions(options)
    }

    private func table(_ outputs: TensorOutputs) throws -> BoxTable {
        try BoxTable(output.tensor(in: outputs), layout: .boxesFirst, attributeCountMin: 6)
    }

    public func check(_ outputs: TensorOutputs, labelCount: Int) throws {
        try table(outputs).requireClasses(labelCount, from: 5)
    }

    public func decode(
        _ outputs: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction
    ) throws {
        let table = try table(outputs)
        let grids = CellGrids(strides: strides, width: letterbox.inputWidth, height: letterbox.inputHeight)
        guard table.rowCount == grids.cellCount else {
            throw GleanerError.mismatch(
                table.tensor,
                expected: "an input of \(letterbox.inputWidth) × \(letterbox.inputHeight) has \(grids.cellCount) cells "
                    + "at the strides \(strides.map(String.init).joined(separator: ", "))",
                remedy: "correct 'strides' of the decoder")
        }
        var candidates = prediction.takeDetections()
        try table.forEachCandidate(object: 4, classes: 5..<table.attributeCount, floor: options.scoreFloor) {
            row, classIndex, score in
            let (cellX, cellY, stride) = grids.cell(row)
            let centreX = (table.value(row, 0) + cellX) * stride
            let centreY = (table.value(row, 1) + cellY) * stride
            let width = exp(table.value(row, 2)) * stride
            let height = exp(table.value(row, 3)) * stride
            let box = Box(x: centreX - width / 2, y: centreY - height / 2, width: width, height: height)
            candidates.append(Detection(box: box, classIndex: classIndex, score: score))
        }
        prediction = options.detections(from: &candidates, undoing: letterbox)
    }
}

/// The cells of several grids over one input, finest first, each row by row.
private struct CellGrids {
    private struct Grid {
        var first: Int
        var columnCount: Int
        var stride: Int
    }
    private var grids: [Grid] = []
    private(set) var cellCount = 0

    init(strides: [Int], width: Int, height: Int) {
        for stride in strides {
            grids.append(Grid(first: cellCount, columnCount: max(width / stride, 1), stride: stride))
            cellCount += (width / stride) * (height / stride)
        }
    }

    func cell(_ index: Int) -> (x: Float, y: Float, stride: Float) {
        guard let grid = grids.last(where: { $0.first <= index }) else { return (0, 0, 1) }
        let (row, column) = (index - grid.first).quotientAndRemainder(dividingBy: grid.columnCount)
        return (Float(column), Float(row), Float(grid.stride))
    }
}
