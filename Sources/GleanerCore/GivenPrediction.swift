import Foundation

/// What a model that runs elsewhere said of a frame, which brings it along.
public struct GivenPrediction: Hashable, Sendable {
    /// That model, as far as it is known here: see ``ModelManifest/init(elsewhere:version:digest:task:labels:allowsSeveralClasses:)``.
    public var model: ModelManifest
    public var prediction: Prediction
    /// From this score on the model claims what it predicts; see ``OutputDecoder/scoreMin``.
    public var scoreMin: Float?
    /// What it sees in the frame; `nil` when it does not say.
    public var embedding: Embedding?

    public init(model: ModelManifest, prediction: Prediction, scoreMin: Float? = nil, embedding: Embedding? = nil) {
        self.model = model
        self.prediction = prediction
        self.scoreMin = scoreMin
        self.embedding = embedding
    }
}

/// What became of a frame, for whoever gave it and waits to know.
public struct FrameAnswer: Hashable, Sendable {
    public enum Decision: String, Sendable, Codable, CaseIterable {
        /// It is a sample now.
        case stored
        /// It was judged, and is not worth keeping.
        case rejected
        /// It could not be judged or kept.
        case dropped
    }

    public var decision: Decision
    /// Why: a query strategy's name or `audit`, or the word that it is counted under.
    public var reason: String
    /// Of a stored one.
    public var sample: SampleID?

    public init(_ decision: Decision, reason: String, sample: SampleID? = nil) {
        self.decision = decision
        self.reason = reason
        self.sample = sample
    }
}

extension ModelManifest {
    /// Stands for the decoder of a model that has none here.
    private static let elsewhere = "elsewhere"
    private static let severalClassesKey = "several_classes"

    /// A model that runs elsewhere: known by what it says of itself, without a file.
    ///
    /// - Parameters:
    ///   - digest: Of its file; `nil` where the other side does not know it: what is known of it then stands for it.
    ///   - allowsSeveralClasses: A classifier whose classes do not exclude each other.
    public init(
        elsewhere name: String, version: Int, digest: Digest?, task: ModelTask, labels: [String],
        allowsSeveralClasses: Bool = false
    ) {
        let text = [name, "\(version)", task.rawValue, "\(allowsSeveralClasses)"] + labels
        // Each with its length before it: no two lists give the same bytes.
        let known = text.reduce(into: Data()) { $0 += Data("\($1.utf8.count):\($1)".utf8) }
        self.init(
            name: name, version: version, task: task, file: "", bytes: 0, sha256: digest ?? Digest(of: known),
            labels: labels, input: InputSpec(width: 1, height: 1),
            decoder: DecoderSpec(
                name: Self.elsewhere, options: [Self.severalClassesKey: .bool(allowsSeveralClasses)]))
    }

    /// Whether it runs elsewhere, and its predictions come with the frames.
    public var isElsewhere: Bool { decoder.name == Self.elsewhere }

    /// Of a model that runs elsewhere: whether its classes do not exclude each other.
    public var allowsSeveralClassesElsewhere: Bool { decoder.options[Self.severalClassesKey] == .bool(true) }
}

extension GleanerError.Code {
    /// A model that runs elsewhere has the name and version of another one.
    public static let modelDiffers = Self("model.differs")
}
