import GleanerCore

/// Which decoder reads a model, from the shapes of its outputs and the numbers that a trial run gave.
struct DecoderGuess {
    /// A decoder, the number of its classes where the outputs tell it, and what speaks for it.
    struct Found {
        var decoder: DecoderSpec
        var task: ModelTask
        var classCount: Int?
        var reason: String
    }

    let outputs: [TensorBuffer]
    let input: InputSpec
    /// The number of labels, if it is known.
    let labelCount: Int?
    /// Whether the graph's last operation gives each number a logistic function of its own.
    var endsInSigmoid = false

    /// - Throws: ``GleanerError`` with code `model.undescribed` saying what there is and what to do.
    func find() throws -> Found {
        if let found = try named() ?? pairs() { return found }
        let tables = outputs.filter { Self.isTable($0) }
        if let only = tables.first, tables.count == 1 { return try table(only) }
        if let only = outputs.first, outputs.count == 1 {
            if only.shape.count(where: { $0 != 1 }) <= 1 { return vector(only) }
            if let found = grid(only) { return found }
        }
        if outputs.allSatisfy({ (4...5).contains($0.shape.count) }) {
            throw undescribed("they may be raw heads of YOLO, whose anchors stand in its cfg alone")
        }
        throw undescribed("nothing that Gleaner knows has such outputs")
    }

    // MARK: Classifiers

    private func vector(_ tensor: TensorBuffer) -> Found {
        let values = (0..<tensor.elementCount).map(tensor.float(at:))
        let activation: String
        let reason: String
        if tensor.elementType == .uint8 || tensor.elementType == .int8 {
            (activation, reason) = ("quantised", "whole numbers")
        } else if values.count > 1, values.allSatisfy({ isProbability($0) }), abs(values.reduce(0, +) - 1) < 0.02 {
            (activation, reason) = ("probabilities", "numbers that sum to 1")
        } else if endsInSigmoid, values.allSatisfy({ (0...1).contains($0) }) {
            (activation, reason) = ("independent", "numbers from 0 to 1, each by a logistic function of its own")
        } else {
            (activation, reason) = ("logits", "numbers that do not sum to 1")
        }
        return Found(
            decoder: spec("classification", tensor, ["activation": .string(activation)]), task: .classification,
            classCount: values.count, reason: "\(describe(tensor)) gives \(values.count) \(reason)")
    }

    // MARK: One table

    private static func isTable(_ tensor: TensorBuffer) -> Bool {
        let shape = tensor.frameShape
        return shape.count == 2 && shape[1] > 0
    }

    private func table(_ tensor: TensorBuffer) throws -> Found {
        let (first, second) = (tensor.frameShape[0], tensor.frameShape[1])
        if let found = endToEnd(tensor, rowCount: first, columnCount: second) { return found }
        guard first > 0 else { throw undescribed("\(describe(tensor)) is empty on a trial run") }
        let attributeCount = min(first, second)
        let isBoxesFirst = first > second
        var options: [String: JSONValue] = [:]
        if isFraction(tensor, isBoxesFirst: isBoxesFirst) { options["box_unit"] = .string("fraction") }
        // A few hundred boxes are the queries of a transformer, which gives each object once.
        if isBoxesFirst, first <= 1000, first < InputGuess.cellCount(input) { options["nms"] = .string("none") }
        if attributeCount - 4 == labelCount || labelCount == nil && !isBoxesFirst {
            return Found(
                decoder: spec("yolov8", tensor, options), task: .detection, classCount: attributeCount - 4,
                reason: "\(describe(tensor)) has 4 + \(attributeCount - 4) attributes")
        }
        guard attributeCount - 5 == labelCount || labelCount == nil, attributeCount > 5 else {
            let counts = "4 + \(attributeCount - 4) or 5 + \(attributeCount - 5) attributes"
            throw undescribed("\(counts) do not fit \(labelCount ?? 0) labels")
        }
        let isRaw = isBoxesFirst && first == InputGuess.cellCount(input) && !spreads(tensor)
        return Found(
            decoder: spec(isRaw ? "yolox" : "yolov5", tensor, isRaw ? [:] : options), task: .detection,
            classCount: attributeCount - 5,
            reason: "\(describe(tensor)) has 5 + \(attributeCount - 5) attributes"
                + (isRaw ? " for each cell of the strides 8, 16 and 32" : ""))
    }

    /// Rows that name their class by a whole number.
    private func endToEnd(_ tensor: TensorBuffer, rowCount: Int, columnCount: Int) -> Found? {
        guard columnCount == 6 || columnCount == 7, rowCount <= 1000 else { return nil }
        let isWhole = (0..<rowCount).allSatisfy { row in
            let number = tensor.float(at: row * columnCount + 5)
            return number == number.rounded() && number >= -1 && number < Float(labelCount ?? .max)
        }
        guard isWhole else { return nil }
        let columns = columnCount == 6 ? "xyxy-score-class" : "batch-xyxy-class-score"
        return Found(
            decoder: spec("yolo-end-to-end", tensor, ["columns": .string(columns)]), task: .detection, classCount: nil,
            reason: "\(describe(tensor)) has rows that name their class")
    }

    private func column(_ column: Int, of tensor: TensorBuffer, isBoxesFirst: Bool) -> some Sequence<Float> {
        let (first, second) = (tensor.frameShape[0], tensor.frameShape[1])
        return (0..<(isBoxesFirst ? first : second)).lazy.map { row in
            tensor.float(at: isBoxesFirst ? row * second + column : column * second + row)
        }
    }

    /// Sizes in pixels of an input are not all below 2.
    private func isFraction(_ tensor: TensorBuffer, isBoxesFirst: Bool) -> Bool {
        (2...3).allSatisfy { column($0, of: tensor, isBoxesFirst: isBoxesFirst).allSatisfy { $0.magnitude <= 2 } }
    }

    /// Whether centres lie all over the input, as decoded ones do and offsets from cells do not.
    private func spreads(_ tensor: TensorBuffer) -> Bool {
        (column(0, of: tensor, isBoxesFirst: true).max() ?? 0) > Float(input.width) / 2
    }

    // MARK: Grids

    private func grid(_ tensor: TensorBuffer) -> Found? {
        guard tensor.shape.count == 4, let labelCount, tensor.shape[1] == labelCount + 5 else { return nil }
        return Found(
            decoder: spec("fastestdet", tensor, [:]), task: .detection, classCount: labelCount,
            reason: "\(describe(tensor)) has 5 + \(labelCount) channels")
    }

    // MARK: Several outputs

    /// Names that TensorFlow's Object Detection API and torchvision give.
    private func named() -> Found? {
        func output(_ words: String...) -> TensorBuffer? {
            outputs.first { tensor in words.contains { tensor.name.lowercased().hasPrefix($0) } }
        }
        let isTensorFlow = output("detection_boxes") != nil
        guard let boxes = output("detection_boxes", "boxes"), let scores = output("detection_scores", "scores"),
            let classes = output("detection_classes", "labels"), boxes.elementCount == 4 * scores.elementCount,
            classes.elementCount == scores.elementCount
        else { return nil }
        var options: [String: JSONValue] = [
            "boxes": .string(boxes.name), "scores": .string(scores.name), "classes": .string(classes.name),
            "box_order": .string(isTensorFlow ? "yxyx" : "xyxy"),
            "box_unit": .string(isTensorFlow ? "fraction" : "pixels"),
        ]
        // Both keep 0 for the background.
        options["first_class"] = .integer(1)
        return Found(
            decoder: DecoderSpec(name: "boxes", options: options), task: .detection, classCount: nil,
            reason:
                "the outputs '\(boxes.name)', '\(scores.name)' and '\(classes.name)', whose first class is taken for 1")
    }

    /// Boxes in one output, scores for each class in another.
    private func pairs() throws -> Found? {
        guard outputs.count >= 2,
            let boxes = outputs.first(where: { $0.shape.count >= 2 && $0.shape.last == 4 }),
            let scores = outputs.first(where: {
                $0 !== boxes && $0.shape.count >= 2 && $0.shape.dropLast() == boxes.shape.dropLast()
            }), let columnCount = scores.shape.last
        else { return nil }
        let (rowCount, _) = try boxes.table(columnCountMin: 4, expected: "boxes are [1, boxes, 4]")
        var options: [String: JSONValue] = ["boxes": .string(boxes.name), "scores": .string(scores.name)]
        let isProbable = (0..<scores.elementCount).allSatisfy { isProbability(scores.float(at: $0)) }
        let hasBackground = labelCount.map { columnCount == $0 + 1 } ?? false
        let isTransformer = boxes.name.hasPrefix("pred_boxes") || !isProbable
        if hasBackground { options["background"] = .string(isTransformer ? "last" : "first") }
        let reason =
            "'\(boxes.name)' \(ShapeText.of(boxes.shape)) beside '\(scores.name)' \(ShapeText.of(scores.shape))"
        let classCount = columnCount - (hasBackground ? 1 : 0)
        if isTransformer, isInside(boxes) {
            options["activation"] = .string(isProbable ? "probabilities" : hasBackground ? "softmax" : "sigmoid")
            return Found(
                decoder: DecoderSpec(name: "detr", options: options), task: .detection, classCount: classCount,
                reason: reason)
        }
        guard areCorners(boxes, rowCount: rowCount) else {
            throw undescribed("the boxes of '\(boxes.name)' are no corners; they may be offsets from priors")
        }
        options["box_unit"] = .string(isInside(boxes) ? "fraction" : "pixels")
        if !isProbable { options["activation"] = .string(hasBackground ? "softmax" : "sigmoid") }
        return Found(
            decoder: DecoderSpec(name: "boxes", options: options), task: .detection, classCount: classCount,
            reason: "\(reason), which are corners")
    }

    private func isInside(_ boxes: TensorBuffer) -> Bool {
        (0..<boxes.elementCount).allSatisfy { (-1...2).contains(boxes.float(at: $0)) }
    }

    /// Whether second corners lie below and to the right of the first.
    private func areCorners(_ boxes: TensorBuffer, rowCount: Int) -> Bool {
        let rightCount = (0..<rowCount).count { row in
            boxes.float(at: row * 4 + 2) >= boxes.float(at: row * 4)
                && boxes.float(at: row * 4 + 3) >= boxes.float(at: row * 4 + 1)
        }
        return rightCount * 100 >= rowCount * 98
    }

    // MARK: Words

    private func describe(_ tensor: TensorBuffer) -> String {
        "the output '\(tensor.name)' \(ShapeText.of(tensor.shape))"
    }

    private func spec(_ name: String, _ tensor: TensorBuffer, _ options: [String: JSONValue]) -> DecoderSpec {
        var options = options
        // Where there are others, it must be said which.
        if outputs.count > 1 { options["output"] = .string(tensor.name) }
        return DecoderSpec(name: name, options: options)
    }

    private func undescribed(_ why: String) -> GleanerError {
        let shapes = outputs.map { "'\($0.name)' \($0.elementType.rawValue) \(ShapeText.of($0.shape))" }
        return GleanerError(
            .modelUndescribed, "which decoder reads \(shapes.joined(separator: ", ")) cannot be told: \(why)",
            remedy: "name one with --decoder and its options with --decoder-option (raw heads: --decoder yolo-anchors "
                + "--decoder-option 'heads=[{\"output\":…,\"anchors\":[[10,14],…]},…]'); `gleaner components` lists them"
        )
    }
}
