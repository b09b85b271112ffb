import Foundation
import GleanerCore

/// The options that every detector's decoder has.
struct DetectionOptions: Sendable {
    /// From this score on the model claims an object.
    let scoreMin: Float
    /// Below this, boxes are noise; between, they are what the model almost saw.
    let scoreFloor: Float
    /// Which boxes can show one object.
    let suppression: NonMaximumSuppression.Scope
    /// Two boxes that overlap more than this show one object.
    let overlapMax: Float
    /// At most so many boxes a frame, the best.
    let countMax: Int

    init(
        _ options: OptionReader, scoreMin scoreMinDefault: Double = 0.25,
        suppression suppressionDefault: NonMaximumSuppression.Scope = .classWise, overlapMax: Double = 0.45
    ) {
        let scoreMin = options.number("score_min", in: 0...1) ?? scoreMinDefault
        let scoreFloor = options.number("score_floor", in: 0...1)
        if let scoreFloor, scoreFloor > scoreMin {
            options.problems.add(
                "\(options.path).score_floor", "is \(scoreFloor), above score_min \(scoreMin)",
                remedy: "lower it: boxes between the two are what the model almost saw")
        }
        self.scoreMin = Float(scoreMin)
        self.scoreFloor = Float(min(scoreFloor ?? 0.05, scoreMin))
        suppression = options.choice("nms", NonMaximumSuppression.Scope.self) ?? suppressionDefault
        self.overlapMax = Float(options.number("nms_iou", in: 0...1) ?? overlapMax)
        countMax = options.integer("detection_count_max", in: 1...NonMaximumSuppression.candidateCountMax) ?? 300
    }

    /// Suppresses, and finds the boxes' way from the model's input back to the frame.
    ///
    /// - Parameter candidates: Its memory becomes the prediction's.
    func detections(from candidates: inout [Detection], undoing letterbox: Letterbox) -> Prediction {
        NonMaximumSuppression.suppress(
            in: &candidates, scope: suppression, overlapMax: overlapMax, countMax: countMax)
        var count = 0
        for index in candidates.indices {
            let box = candidates[index].box
            let inFrame = letterbox.frameBox(x0: box.x, y0: box.y, x1: box.x + box.width, y1: box.y + box.height)
            guard let inFrame else { continue }
            candidates[count] = candidates[index]
            candidates[count].box = inFrame
            count += 1
        }
        candidates.removeLast(candidates.count - count)
        return .detection(candidates)
    }
}

/// What a detector's numbers for classes are.
enum ScoreKind: String, Sendable, CaseIterable {
    /// Probabilities already.
    case probabilities
    /// Logits of classes that each stand alone.
    case sigmoid
    /// Logits of classes of which exactly one is true, the background among them.
    case softmax
}

extension GleanerError {
    /// A model with more or fewer classes than there are labels.
    static func classCount(_ count: Int, of tensor: TensorBuffer, labelCount: Int) -> GleanerError {
        mismatch(
            tensor, expected: "it has \(count) classes, and there are \(labelCount) labels",
            remedy: "write all the labels of the model, in its order, into \(ModelManifest.fileName)")
    }

    static func notProbability(_ value: Float, in tensor: TensorBuffer) -> GleanerError {
        GleanerError(
            .outputNotProbability, "\(tensor.placeText) holds \(value), which is no probability",
            remedy: "use the decoder of the model's kind, or export the model with its last activation")
    }

    /// A class that the model names by a number that no label has.
    static func classNumber(_ value: Float, in tensor: TensorBuffer, labelCount: Int) -> GleanerError {
        mismatch(
            tensor, expected: "it names the class \(value), and there are \(labelCount) labels",
            remedy: "write all the labels of the model, in its order, into \(ModelManifest.fileName)")
    }
}

/// Rounding may push a probability a little out of 0…1; more than that is something else.
func isProbability(_ value: Float) -> Bool { (-0.01...1.01).contains(value) }

func sigmoid(_ value: Float) -> Float { 1 / (1 + exp(-value)) }
