import GleanerCore

/// The options that every detector's decoder has.
struct DetectionOptions: Sendable {
    /// From this score on the model claims an object.
    let scoreMin: Float
    /// Below this, boxes are noise; between, they are what the model almost saw.
    let scoreFloor: Float
    /// Two boxes of a class that overlap more than this show one object.
    let overlapMax: Float
    /// At most so many boxes a frame, the best.
    let countMax: Int

    init(_ options: OptionReader, scoreMin scoreMinDefault: Double) {
        let scoreMin = options.number("score_min", in: 0...1) ?? scoreMinDefault
        let scoreFloor = options.number("score_floor", in: 0...1)
        if let scoreFloor, scoreFloor > scoreMin {
            options.problems.add(
                "\(options.path).score_floor", "is \(scoreFloor), above score_min \(scoreMin)",
                remedy: "lower it: boxes between the two are what the model almost saw")
        }
        self.scoreMin = Float(scoreMin)
        self.scoreFloor = Float(min(scoreFloor ?? 0.05, scoreMin))
        overlapMax = Float(options.number("nms_iou", in: 0...1) ?? 0.45)
        countMax = options.integer("detection_count_max", in: 1...NonMaximumSuppression.candidateCountMax) ?? 300
    }

    /// Suppresses, and finds the boxes' way from the model's input back to the frame.
    func detections(from candidates: [Detection], undoing letterbox: Letterbox) -> Prediction {
        let best = NonMaximumSuppression.best(of: candidates, overlapMax: overlapMax, countMax: countMax)
        return .detection(
            best.compactMap { detection in
                let box = detection.box
                let inFrame = letterbox.frameBox(x0: box.x, y0: box.y, x1: box.x + box.width, y1: box.y + box.height)
                return inFrame.map { Detection(box: $0, classIndex: detection.classIndex, score: detection.score) }
            })
    }
}
