public import GleanerCore

/// Reads the one output of most YOLO exports: a row a box, with its centre, its size and a probability for each class,
/// which excludes no other.
///
/// - `yolov5`: YOLOv5, YOLOv7 and YOLOX exported with its boxes decoded, `[1, boxes, 5 + classes]`. An objectness follows
///   the size; the score is objectness × class. Rule: github.com/ultralytics/yolov5, `models/yolo.py` (`Detect`) and
///   `utils/general.py` (`non_max_suppression`).
/// - `yolov8`: YOLOv8, YOLOv9 and YOLO11, `[1, 4 + classes, boxes]`, without an objectness; Ultralytics' RT-DETR gives the
///   same as `[1, boxes, 4 + classes]` with `box_unit: fraction`. Rule: github.com/ultralytics/ultralytics,
///   `nn/modules/head.py` (`Detect`) and `utils/ops.py`.
public struct YOLOBoxesDecoder: OutputDecoder {
    public static let yolov5 = Registry<any OutputDecoder>.Entry(
        "yolov5", "YOLOv5, YOLOv7 and decoded YOLOX: boxes with an objectness and classes, [1, boxes, 5 + classes]"
    ) { YOLOBoxesDecoder($0, object: 4, overlapMax: 0.45) }

    public static let yolov8 = Registry<any OutputDecoder>.Entry(
        "yolov8", "YOLOv8, YOLOv9 and YOLO11: boxes with classes and no objectness, [1, 4 + classes, boxes]"
    ) { YOLOBoxesDecoder($0, object: nil, overlapMax: 0.7) }

    public let task = ModelTask.detection
    public var scoreMin: Float? { options.scoreMin }

    let output: OutputReference
    let layout: BoxTable.Layout?
    let coding: BoxCoding
    let options: DetectionOptions
    /// The column of the objectness; the classes follow it, or else the box.
    let object: Int?

    private var firstClass: Int { object.map { $0 + 1 } ?? 4 }

    init(_ options: OptionReader, object: Int?, overlapMax: Double) {
        self.object = object
        output = OutputReference(options)
        layout = options.choice("layout", BoxTable.Layout.self)
        coding = BoxCoding(options, order: .cxcywh, unit: .pixels)
        self.options = DetectionOptions(options, overlapMax: overlapMax)
    }

    private func table(_ outputs: TensorOutputs) throws -> BoxTable {
        try BoxTable(output.tensor(in: outputs), layout: layout, attributeCountMin: firstClass + 1)
    }

    public func check(_ outputs: TensorOutputs, labelCount: Int) throws {
        try table(outputs).requireClasses(labelCount, from: firstClass)
    }

    public func decode(
        _ outputs: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction
    ) throws {
        let table = try table(outputs)
        var candidates = prediction.takeDetections()
        let classes = firstClass..<table.attributeCount
        try table.forEachCandidate(object: object, classes: classes, floor: options.scoreFloor) {
            row, classIndex, score in
            let box = coding.box(
                table.value(row, 0), table.value(row, 1), table.value(row, 2), table.value(row, 3), in: letterbox)
            candidates.append(Detection(box: box, classIndex: classIndex, score: score))
        }
        prediction = options.detections(from: &candidates, undoing: letterbox)
    }
}
