public import GleanerCore

/// Reads the output of YOLOv5 and YOLOv7, `[1, boxes, 5 + classes]`: centre, size, objectness and a probability for
/// each class, which excludes no other. YOLOX exported with its boxes decoded gives the same.
///
/// The score is objectness × class. Rule: github.com/ultralytics/yolov5, `models/yolo.py` (`Detect`) and
/// `utils/general.py` (`non_max_suppression`).
public struct YOLOv5Decoder: OutputDecoder {
    public static let entry = Registry<any OutputDecoder>.Entry(
        "yolov5", "YOLOv5, YOLOv7 and decoded YOLOX: boxes with an objectness and classes, [1, boxes, 5 + classes]"
    ) { YOLOv5Decoder($0) }

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
        self.options = DetectionOptions(options)
    }

    private func table(_ outputs: TensorOutputs) throws -> BoxTable {
        try BoxTable(output.tensor(in: outputs), layout: layout, attributeCountMin: 6)
    }

    public func check(_ outputs: TensorOutputs, labelCount: Int) throws {
        try table(outputs).requireClasses(labelCount, from: 5)
    }

    public func decode(_ outputs: TensorOutputs, undoing letterbox: Letterbox) throws -> Prediction {
        try table(outputs).prediction(object: 4, coding, options, undoing: letterbox)
    }
}
