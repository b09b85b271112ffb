/// A rectangle in the pixels of a frame; the origin is its top left corner.
public struct Box: Hashable, Sendable, Codable {
    public var x: Float
    public var y: Float
    public var width: Float
    public var height: Float
    public init(x: Float, y: Float, width: Float, height: Float) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    public var area: Float { width * height }

    /// Intersection over union, in 0…1; 0 for boxes without area or with a coordinate that is no number.
    public func overlap(with other: Box) -> Float {
        let w = min(x + width, other.x + other.width) - max(x, other.x)
        let h = min(y + height, other.y + other.height) - max(y, other.y)
        guard w > 0, h > 0 else { return 0 }
        let shared = w * h
        let overlap = shared / (area + other.area - shared)
        // Rounding can make the shared part larger than either box, and huge boxes have no finite area.
        return overlap >= 0 ? min(overlap, 1) : 0
    }
}

/// One object that a detector found.
public struct Detection: Hashable, Sendable, Codable {
    public var box: Box
    /// Index into the model's labels.
    public var classIndex: Int
    /// The model's confidence, in 0…1.
    public var score: Float
    public init(box: Box, classIndex: Int, score: Float) {
        self.box = box
        self.classIndex = classIndex
        self.score = score
    }
}

/// What a model says of a frame.
public enum Prediction: Hashable, Sendable {
    /// A probability for each of the model's labels, in their order. They sum to 1, unless the classes do not exclude each
    /// other: the model's decoder then has a `score_min`, from which on a class is claimed. For a model that gives logits z
    /// also `ln Σ exp z`, which says how much of anything it knows it sees.
    case classification(probabilities: [Float], logSumExp: Float? = nil)
    /// Objects, best score first. It holds those below the model's `score_min` too, down to its `score_floor`:
    /// what a detector almost saw is where labels teach most. Use ``confident(scoreMin:)`` for what it claims.
    case detection([Detection])

    public var task: ModelTask {
        switch self {
        case .classification: .classification
        case .detection: .detection
        }
    }

    /// The memory of its detections, for those of the next frame. It is left empty.
    public mutating func takeDetections() -> [Detection] {
        guard case .detection(var detections) = self else { return [] }
        self = .detection([])
        detections.removeAll(keepingCapacity: true)
        return detections
    }

    /// The memory of its probabilities, for those of the next frame. It is left empty.
    public mutating func takeProbabilities() -> [Float] {
        guard case .classification(var probabilities, _) = self else { return [] }
        self = .detection([])
        probabilities.removeAll(keepingCapacity: true)
        return probabilities
    }

    /// The objects that the model claims to see.
    public func confident(scoreMin: Float) -> [Detection] {
        guard case .detection(let detections) = self else { return [] }
        return detections.filter { $0.score >= scoreMin }
    }

    /// The index of the most probable class, or of the best detection's; `nil` when there is none.
    public var topClassIndex: Int? {
        switch self {
        case .classification(let probabilities, _):
            probabilities.indices.max { probabilities[$0] < probabilities[$1] }
        case .detection(let detections):
            detections.first?.classIndex
        }
    }

    /// How sure the model is of what it says of the frame: the best score; of classes that do not exclude each other the
    /// chance that it is right of all of them, if each were so for itself.
    public func confidence(scoreMin: Float?) -> Float {
        guard case .classification(let probabilities, _) = self, scoreMin != nil else { return topScore ?? 0 }
        return probabilities.reduce(1) { $0 * max($1, 1 - $1) }
    }

    /// Its confidence in ``topClassIndex``.
    public var topScore: Float? {
        switch self {
        case .classification(let probabilities, _): probabilities.max()
        case .detection(let detections): detections.first?.score
        }
    }
}

/// What a model does.
public enum ModelTask: String, Sendable, Codable, CaseIterable {
    case classification
    case detection
}

/// A prediction as it is stored and sent: by class name, best first, bounded.
public struct PredictionRecord: Hashable, Sendable, Codable {
    /// A class and the probability that the model gives it.
    public struct ClassScore: Hashable, Sendable, Codable {
        public var label: String
        public var score: Float
        public init(label: String, score: Float) {
            self.label = label
            self.score = score
        }
    }
    /// A box, its class and the model's confidence.
    public struct BoxScore: Hashable, Sendable, Codable {
        public var label: String
        public var score: Float
        public var box: Box
        public init(label: String, score: Float, box: Box) {
            self.label = label
            self.score = score
            self.box = box
        }
    }

    public var task: ModelTask
    /// The most probable classes; `nil` for a detector.
    public var classes: [ClassScore]?
    /// Every box down to the model's `score_floor`; `nil` for a classifier.
    public var boxes: [BoxScore]?
    /// From this score on the model claims the object, or the class where classes do not exclude each other; `nil` for
    /// other classifiers.
    public var scoreMin: Float?

    /// At most this many classes and boxes are recorded.
    public static let entryCountMax = 100

    public init(_ prediction: Prediction, labels: [String], scoreMin: Float?) {
        task = prediction.task
        switch prediction {
        case .classification(let probabilities, _):
            let order = probabilities.indices.sorted { probabilities[$0] > probabilities[$1] }
            classes = order.prefix(Self.entryCountMax).map {
                ClassScore(label: Self.name($0, labels), score: probabilities[$0])
            }
        case .detection(let detections):
            boxes = detections.prefix(Self.entryCountMax).map {
                BoxScore(label: Self.name($0.classIndex, labels), score: $0.score, box: $0.box)
            }
        }
        self.scoreMin = scoreMin
    }

    /// A class that the manifest has no name for goes by its number.
    private static func name(_ classIndex: Int, _ labels: [String]) -> String {
        labels.indices.contains(classIndex) ? labels[classIndex] : "\(classIndex)"
    }

    /// The boxes that the model claims: what a labeling tool shows as pre-labels.
    public var confidentBoxes: [BoxScore] { (boxes ?? []).filter { $0.score >= (scoreMin ?? 0) } }

    /// The classes that a classifier claims: the most probable, or all those that do not exclude each other and reach
    /// ``scoreMin``.
    public var claimedClasses: [ClassScore] {
        guard let scoreMin else { return classes?.first.map { [$0] } ?? [] }
        return (classes ?? []).filter { $0.score >= scoreMin }
    }

    /// See ``Prediction/confidence(scoreMin:)``; `nil` when nothing was predicted. Classes beyond those recorded are all but
    /// impossible.
    public var confidence: Float? {
        guard let classes, scoreMin != nil else { return top?.score }
        return classes.reduce(1) { $0 * max($1.score, 1 - $1.score) }
    }

    /// The most probable class, or the best box's.
    public var top: ClassScore? {
        classes?.first ?? boxes?.first.map { ClassScore(label: $0.label, score: $0.score) }
    }

    enum CodingKeys: String, CodingKey {
        case task, classes, boxes
        case scoreMin = "score_min"
    }
}
