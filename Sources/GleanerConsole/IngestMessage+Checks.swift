import GleanerCore

/// From a message to what the collector takes: everything in it is checked here.
extension IngestMessage {
    /// What labels say of frames that teach nothing.
    private static let unusable = "unusable"
    private static let idByteCountMax = 200
    private static let labelCountMax = 10_000
    private static let boxCountMax = 1000
    private static let featureCountMax = 65_536
    /// Probabilities were rounded on their way.
    private static let sumTolerance: Float = 0.01

    /// Where the frame came from.
    ///
    /// - Throws: ``GleanerError`` with code `ingest.invalid`, as all of these do.
    func origin() throws -> FrameOrigin {
        guard Self.isText(id, byteCountMax: Self.idByteCountMax) else {
            throw GleanerError.invalid(
                "id must have 1 to \(Self.idByteCountMax) bytes and no control characters",
                remedy: "give each frame an id of its own, and the same one when it is sent again")
        }
        guard let client else { return FrameOrigin(source: "ingest", name: id[...], awaitsAnswer: true) }
        guard Self.isName(client) else { throw Self.badName("client") }
        return FrameOrigin(source: "ingest:\(client)", name: id[...], awaitsAnswer: true)
    }

    /// - Parameters:
    ///   - size: Of the frame, upright.
    ///   - standard: Labels of messages that name none.
    func given(in size: FrameSize, labels standard: [String]?) throws -> GivenPrediction {
        guard Self.isName(model.name) else { throw Self.badName("model.name") }
        guard (1...1_000_000_000).contains(model.version) else {
            throw GleanerError.invalid(
                "model.version must be 1 to 1000000000", remedy: "raise it with each retraining")
        }
        let labels = try checked(labels ?? standard)
        if let scoreMin { try Self.requireScore(scoreMin, "score_min") }
        let known = ModelManifest(
            elsewhere: model.name, version: model.version, digest: model.sha256, task: task, labels: labels,
            allowsSeveralClasses: task == .classification && scoreMin != nil)
        let prediction =
            switch task {
            case .classification: try classification(labels)
            case .detection: try detection(labels, size)
            }
        return GivenPrediction(
            model: known, prediction: prediction, scoreMin: scoreMin, embedding: try embedding.flatMap(Self.embedding))
    }

    private func checked(_ labels: [String]?) throws -> [String] {
        guard let labels else {
            throw GleanerError.invalid(
                "labels are missing",
                remedy: "list the model's classes in its order, here or under `source` in gleaner.yaml")
        }
        let isSound =
            (1...Self.labelCountMax).contains(labels.count)
            && labels.allSatisfy { Self.isText($0, byteCountMax: 200) && $0 != Self.unusable }
            && Set(labels).count == labels.count
        guard isSound else {
            throw GleanerError.invalid(
                "labels must be 1 to \(Self.labelCountMax) different names of 1 to 200 bytes, none of them '\(Self.unusable)'",
                remedy: "list each of the model's classes once, in its order")
        }
        return labels
    }

    // MARK: Classification

    private func classification(_ labels: [String]) throws -> Prediction {
        guard let probabilities, boxes == nil else {
            throw GleanerError.invalid("a classification needs probabilities and no boxes", remedy: Self.taskRemedy)
        }
        let (values, isComplete) = try spread(probabilities, over: labels)
        for value in values { try Self.requireScore(value, "each of the probabilities") }
        let sum = values.reduce(0, +)
        if scoreMin == nil, sum > 1 + Self.sumTolerance || isComplete && sum < 1 - Self.sumTolerance {
            throw GleanerError.invalid(
                "probabilities must sum to 1, not \(sum)",
                remedy: "apply softmax; where classes do not exclude each other, give score_min")
        }
        return .classification(probabilities: values)
    }

    /// What is left of 1 belongs to the classes that are not named, to each as much.
    private func spread(
        _ probabilities: Probabilities, over labels: [String]
    ) throws -> (values: [Float], isComplete: Bool) {
        switch probabilities {
        case .list(let values):
            guard values.count == labels.count else {
                throw GleanerError.invalid(
                    "there are \(values.count) probabilities and \(labels.count) labels",
                    remedy: "give one for each label, in their order, or some by name")
            }
            return (values, true)
        case .named(let named):
            if let name = named.keys.first(where: { !labels.contains($0) }) {
                throw Self.unknownLabel(name, "probabilities")
            }
            let unnamedCount = labels.count - named.count
            let rest = scoreMin == nil ? max(0, 1 - named.values.reduce(0, +)) / Float(max(unnamedCount, 1)) : 0
            return (labels.map { named[$0] ?? rest }, unnamedCount == 0)
        }
    }

    // MARK: Detection

    private func detection(_ labels: [String], _ size: FrameSize) throws -> Prediction {
        guard let boxes, probabilities == nil else {
            throw GleanerError.invalid("a detection needs boxes and no probabilities", remedy: Self.taskRemedy)
        }
        guard boxes.count <= Self.boxCountMax else {
            throw GleanerError.invalid(
                "there are \(boxes.count) boxes, more than \(Self.boxCountMax)",
                remedy: "send those with the best scores")
        }
        let shares = boxes.allSatisfy { $0.box.x + $0.box.width <= 1 && $0.box.y + $0.box.height <= 1 }
        guard boxes.isEmpty || !shares || size.width * size.height == 1 else {
            throw GleanerError.invalid(
                "all boxes lie within the first pixel",
                remedy: "give pixels: multiply by the width and height of the frame")
        }
        let indices = Dictionary(labels.enumerated().map { ($1, $0) }) { first, _ in first }
        let found = try boxes.enumerated().map { index, each in
            guard let classIndex = indices[each.label] else { throw Self.unknownLabel(each.label, "boxes[\(index)]") }
            try Self.requireScore(each.score, "boxes[\(index)].score")
            return Detection(
                box: try Self.clip(each.box, to: size, "boxes[\(index)]"), classIndex: classIndex, score: each.score)
        }
        // Stable, so that equal scores keep the order of the model.
        let order = found.indices.sorted { (found[$1].score, $0) < (found[$0].score, $1) }
        return .detection(order.map { found[$0] })
    }

    /// Detectors give boxes that reach over the edge a little; labels may not.
    private static func clip(_ box: Box, to size: FrameSize, _ path: String) throws -> Box {
        let left = max(box.x, 0)
        let top = max(box.y, 0)
        let right = min(box.x + box.width, Float(size.width))
        let bottom = min(box.y + box.height, Float(size.height))
        guard box.width > 0, box.height > 0, right > left, bottom > top else {
            throw GleanerError.invalid(
                "\(path) has no area in the frame of \(size.width) × \(size.height) pixels",
                remedy: "give x, y, width and height in pixels of this very frame, from its top left corner")
        }
        if left == box.x, top == box.y, right == box.x + box.width, bottom == box.y + box.height { return box }
        return Box(x: left, y: top, width: right - left, height: bottom - top)
    }

    // MARK: Small things

    private static let taskRemedy = "give probabilities for the task classification, boxes for detection"

    private static func embedding(_ features: [Float]) throws -> Embedding? {
        guard features.count <= featureCountMax else {
            throw GleanerError.invalid(
                "the embedding has more than \(featureCountMax) numbers", remedy: "pool it over the frame")
        }
        return Embedding(features)
    }

    private static func requireScore(_ value: Float, _ path: String) throws {
        guard (0...1).contains(value) else {
            throw GleanerError.invalid("\(path) must be 0 to 1, not \(value)", remedy: "give scores as shares of 1")
        }
    }

    private static func unknownLabel(_ name: String, _ path: String) -> GleanerError {
        .invalid("\(path) names '\(name.prefix(60))', which is none of the labels", remedy: "list it in labels")
    }

    private static func badName(_ path: String) -> GleanerError {
        .invalid(
            "\(path) must be 1 to 64 of a-z, 0-9, dot, underscore and dash, and begin with a letter or digit",
            remedy: "write it in small letters, without a path")
    }

    /// Models of one's own are named by the same rule.
    private static func isName(_ text: String) -> Bool {
        text.wholeMatch(of: /[a-z0-9][a-z0-9._-]{0,63}/) != nil
    }

    private static func isText(_ text: String, byteCountMax: Int) -> Bool {
        (1...byteCountMax).contains(text.utf8.count)
            && !text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
    }
}
