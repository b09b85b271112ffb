public import GleanerCore

/// Reads boxes that the model has decoded already, beside their scores: SSDs with their post-processing inside,
/// YOLO-NAS, torchvision's detectors, TensorFlow's Object Detection API.
///
/// The scores have a column for each class, `[1, boxes, classes]`; or, where the option `classes` names an output,
/// one score a box, `[1, boxes]`, whose class that output numbers, from `first_class` on. `box_order` and `box_unit`
/// say what the four numbers of a box are: `xyxy` in shares of the input unless told otherwise.
public struct BoxesDecoder: OutputDecoder {
    public static let entry = Registry<any OutputDecoder>.Entry(
        "boxes", "boxes beside their scores in an output of their own, decoded already: SSD, YOLO-NAS, torchvision, TF"
    ) { BoxesDecoder($0) }

    public let task = ModelTask.detection
    public var scoreMin: Float? { options.scoreMin }

    let outputs: ScoredBoxes
    /// The output that numbers each box's class; `nil` when scores have a column for each.
    let classes: OutputReference?
    let firstClass: Int
    let coding: BoxCoding
    let options: DetectionOptions

    init(_ options: OptionReader) {
        outputs = ScoredBoxes(options, kind: .probabilities, background: .none)
        classes = options.value("classes") == nil ? nil : OutputReference(options, "classes")
        firstClass = options.integer("first_class", in: 0...1000) ?? 0
        coding = BoxCoding(options, order: .xyxy, unit: .fraction)
        self.options = DetectionOptions(options, scoreMin: 0.5)
    }

    public func check(_ tensors: TensorOutputs, labelCount: Int) throws {
        guard let classes else { return try outputs.check(tensors, labelCount: labelCount) }
        let numbered = try numbered(tensors, by: classes)
        for row in 0..<numbered.count where numbered.scores.floats[row] >= options.scoreFloor {
            let number = numbered.classes.floats[row] - Float(firstClass)
            guard number >= 0, number < Float(labelCount), number == number.rounded() else {
                throw GleanerError.classNumber(
                    numbered.classes.floats[row], in: numbered.classes, labelCount: labelCount)
            }
        }
    }

    public func decode(
        _ tensors: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction
    ) throws {
        if let classes {
            return try decode(numbered(tensors, by: classes), undoing: letterbox, into: &prediction)
        }
        let reading = try outputs.reading(of: tensors)
        try outputs.predict(from: reading, options, undoing: letterbox, into: &prediction) {
            coding.box(reading.box($0), in: letterbox)
        }
    }

    private func decode(
        _ boxes: NumberedBoxes, undoing letterbox: Letterbox, into prediction: inout Prediction
    ) throws {
        var candidates = prediction.takeDetections()
        for row in 0..<boxes.count {
            let score = boxes.scores.floats[row]
            guard isProbability(score) else { throw GleanerError.notProbability(score, in: boxes.scores) }
            guard score >= options.scoreFloor else { continue }
            let classIndex = try boxes.classes.classIndex(at: row) - firstClass
            let numbers = boxes.boxes.floats
            let box = coding.box(
                numbers[row * 4], numbers[row * 4 + 1], numbers[row * 4 + 2], numbers[row * 4 + 3], in: letterbox)
            candidates.append(Detection(box: box, classIndex: classIndex, score: min(score, 1)))
        }
        prediction = options.detections(from: &candidates, undoing: letterbox)
    }

    /// Boxes, each with one score and the number of its class.
    private struct NumberedBoxes {
        var boxes: TensorBuffer
        var scores: TensorBuffer
        var classes: TensorBuffer
        var count: Int { scores.elementCount }
    }

    private func numbered(_ tensors: TensorOutputs, by classes: OutputReference) throws -> NumberedBoxes {
        let numbers = try classes.tensor(in: tensors)
        let boxes = try outputs.boxes.tensor(in: tensors, key: "boxes") {
            $0.shape.last == 4 && $0.name != numbers.name
        }
        let scores = try outputs.scores.tensor(in: tensors, key: "scores") {
            $0.name != numbers.name && $0.name != boxes.name && $0.elementCount * 4 == boxes.elementCount
        }
        guard scores.elementCount == numbers.elementCount, boxes.elementCount == 4 * scores.elementCount else {
            throw GleanerError.mismatch(
                scores,
                expected: "the boxes are \(ShapeText.of(boxes.shape)), the classes \(ShapeText.of(numbers.shape))",
                remedy: "name the right outputs as 'boxes', 'scores' and 'classes' of the decoder")
        }
        return NumberedBoxes(boxes: boxes, scores: scores, classes: numbers)
    }
}
