public import GleanerCore

/// What every output decoder must do, whatever it reads. Run it on yours:
///
///     let contract = OutputDecoderContract(labelCount: 80) { TensorOutputs([...]) }
///     #expect(contract.violations(of: decoder) == [])
public struct OutputDecoderContract {
    private let labelCount: Int
    private let countsClasses: Bool
    private let make: () -> TensorOutputs

    /// - Parameters:
    ///   - labelCount: The number of the model's labels.
    ///   - countsClasses: Whether the outputs tell how many classes there are. If not, they show at least one object of
    ///     the last label.
    ///   - make: Outputs that fit the decoder and show at least one object, in new memory each time.
    public init(labelCount: Int, countsClasses: Bool = true, make: @escaping () -> TensorOutputs) {
        self.labelCount = labelCount
        self.countsClasses = countsClasses
        self.make = make
    }

    /// What it does wrong, in sentences; empty when it keeps the contract.
    public func violations(of decoder: any OutputDecoder) -> [String] {
        do {
            try decoder.check(make(), labelCount: labelCount)
            let prediction = try decoder.decode(make(), undoing: Self.letterbox)
            return checkViolations(decoder) + predictionViolations(prediction, decoder)
                + repetitionViolations(prediction, decoder) + finiteViolations(decoder)
        } catch {
            return ["it refuses outputs that fit it: \(error)"]
        }
    }

    /// A frame of 200 × 100, halved, with a border of 7 above and below.
    private static let letterbox = Letterbox(
        frameWidth: 200, frameHeight: 100, inputWidth: 100, inputHeight: 64, scaleX: 0.5, scaleY: 0.5, offsetX: 0,
        offsetY: 7)

    private func checkViolations(_ decoder: any OutputDecoder) -> [String] {
        var cases: [(String, TensorOutputs, Int)] = [
            ("a label too few", make(), labelCount - 1), ("no outputs at all", TensorOutputs([]), labelCount),
        ]
        if countsClasses { cases.append(("a label too many", make(), labelCount + 1)) }
        return cases.compactMap { name, outputs, count in
            Self.throwsGleanerError { try decoder.check(outputs, labelCount: count) }
                ? nil : "check(_:labelCount:) does not refuse \(name) with a GleanerError"
        }
    }

    private func predictionViolations(_ prediction: Prediction, _ decoder: any OutputDecoder) -> [String] {
        var violations: [String] = []
        if prediction.task != decoder.task { violations.append("its prediction is of another task than it says") }
        switch prediction {
        case .classification(let probabilities, _):
            if probabilities.count != labelCount { violations.append("there is not one probability for each label") }
            if !probabilities.allSatisfy({ (0...1).contains($0) }) {
                violations.append("probabilities lie outside of 0…1: \(probabilities)")
            }
            if decoder.scoreMin == nil, abs(probabilities.reduce(0, +) - 1) > 1e-3 {
                violations.append("probabilities of classes that exclude each other do not sum to 1: \(probabilities)")
            }
        case .detection(let detections):
            if decoder.scoreMin == nil { violations.append("a detector has a scoreMin") }
            if detections.isEmpty { violations.append("it finds nothing in outputs that show something") }
            if zip(detections, detections.dropFirst()).contains(where: { $0.score < $1.score }) {
                violations.append("detections do not come best first")
            }
            violations += detections.compactMap(detectionViolation)
        }
        return violations
    }

    private func detectionViolation(_ detection: Detection) -> String? {
        let box = detection.box
        if !(0..<labelCount).contains(detection.classIndex) { return "there is no label for \(detection)" }
        if !(0...1).contains(detection.score) { return "a score lies outside of 0…1: \(detection)" }
        let right = Float(Self.letterbox.frameWidth) + 0.01
        let bottom = Float(Self.letterbox.frameHeight) + 0.01
        let isInside = box.x >= 0 && box.y >= 0 && box.x + box.width <= right && box.y + box.height <= bottom
        return isInside && box.width > 0 && box.height > 0 ? nil : "a box lies outside of the frame: \(detection)"
    }

    private func repetitionViolations(_ first: Prediction, _ decoder: any OutputDecoder) -> [String] {
        var again = first
        let kept = again
        guard (try? decoder.decode(make(), undoing: Self.letterbox, into: &again)) != nil, again == first else {
            return ["equal outputs give different predictions"]
        }
        return kept == first ? [] : ["it writes into a prediction that somebody keeps"]
    }

    private func finiteViolations(_ decoder: any OutputDecoder) -> [String] {
        let outputs = make()
        let tensors = outputs.tensors.filter { $0.elementType == .float32 && $0.elementCount > 0 }
        guard !tensors.isEmpty else { return [] }
        return [Float.nan, .infinity].compactMap { value in
            for tensor in tensors { tensor.floats.update(repeating: value) }
            return Self.throwsGleanerError { _ = try decoder.decode(outputs, undoing: Self.letterbox) }
                ? nil : "outputs that hold nothing but \(value) are not refused with a GleanerError"
        }
    }

    private static func throwsGleanerError(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return false
        } catch { return error is GleanerError }
    }
}
