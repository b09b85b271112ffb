public import GleanerCore

/// Reads the output of YOLOv8, YOLOv9 and YOLO11, `[1, 4 + classes, boxes]`: centre, size and a probability for each
/// class, without an objectness. Ultralytics' RT-DETR gives the same as `[1, boxes, 4 + classes]` with
/// `box_unit: fraction`.
///
/// Rule: github.com/ultralytics/ultralytics, `nn/modules/head.py` (`Detect`) and `utils/ops.py`.
public struct YOLOv8Decoder: OutputDecoder {
    public static let entry = Registry<any OutputDecoder>.Entry(
        "yolov8", "YOLOv8, YOLOv9 and YOLO11: boxes with classes and no objectness, [1, 4 + classes, boxes]"
    ) { YOLOv8Decoder($0) }

    public let task = ModelTask.detection
    public var scoreMin: Float? { options.scoreMin }

    let output: OutputReference
    let layout: BoxTable.Layout?
    let coding: BoxCoding
    let options: DetectionOptions

    init(_ options: OptionReader) {
        output = OutputReference(options)
        layout = options.choice("layout", BoxTable.Layout.self)
        coding = BoxCoding(options, order: .cxcywh, unit: .pixels)
        self.options = DetectionOptions(options, overlapMax: 0.7)
    }

    private func table(_ outputs: TensorOutputs) throws -> BoxTable {
        try BoxTable(output.tensor(in: outputs), layout: layout, attributeCountMin: 5)
    }

    public func check(_ outputs: TensorOutputs, labelCount: Int) throws {
        try table(outputs).requireClasses(labelCount, from: 4)
    }

    public func decode(_ outputs: TensorOutputs, undoing letterbox: Letterbox) throws -> Prediction {
        try table(outputs).prediction(object: nil, coding, options, undoing: letterbox)
    }
}
