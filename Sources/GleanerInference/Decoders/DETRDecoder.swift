public import GleanerCore

/// Reads transformers that answer with a set of boxes: DETR and RT-DETR.
///
/// Two outputs, `logits` `[1, queries, classes]` and `pred_boxes` `[1, queries, 4]` with centre and size in shares of
/// the input, as Hugging Face exports them, each found by its shape unless `scores` and `boxes` name them. RT-DETR's
/// logits are `sigmoid`'s; DETR's are `softmax`'s with `background: last`. Ultralytics' RT-DETR has one output, read
/// by `yolov8`. Boxes are not suppressed: the model gives each object once.
public struct DETRDecoder: OutputDecoder {
    public static let entry = Registry<any OutputDecoder>.Entry(
        "detr", "DETR and RT-DETR: a set of boxes with logits beside them, not suppressed"
    ) { DETRDecoder($0) }

    public let task = ModelTask.detection
    public var scoreMin: Float? { options.scoreMin }

    let outputs: ScoredBoxes
    let coding: BoxCoding
    let options: DetectionOptions

    init(_ options: OptionReader) {
        outputs = ScoredBoxes(options, kind: .sigmoid, background: .none)
        coding = BoxCoding(options, order: .cxcywh, unit: .fraction)
        self.options = DetectionOptions(options, scoreMin: 0.5, suppression: .none)
    }

    public func check(_ tensors: TensorOutputs, labelCount: Int) throws {
        try outputs.check(tensors, labelCount: labelCount)
    }

    public func decode(
        _ tensors: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction
    ) throws {
        let reading = try outputs.reading(of: tensors)
        try outputs.predict(from: reading, options, undoing: letterbox, into: &prediction) {
            coding.box(reading.box($0), in: letterbox)
        }
    }
}
