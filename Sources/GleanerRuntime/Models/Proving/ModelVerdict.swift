public import GleanerCore

/// What was found out about a model on this device: the document of `model show`, and part of every batch.
///
/// Schema: `Schemas/model-verdict.schema.json`.
public struct ModelVerdict: Hashable, Sendable, Codable {
    /// Why a model was not let in, for people and for scripts.
    public struct Failure: Hashable, Sendable, Codable {
        public var code: String
        public var message: String
        public var remedy: String

        init(_ error: GleanerError) {
            (code, message, remedy) = (error.code.rawValue, error.message, error.remedy)
        }

        /// Any error, with what led to it, for those who do not have it at hand.
        init(telling error: any Error) {
            let known = error as? GleanerError ?? GleanerError(.modelFailed, "\(error)")
            self.init(known)
            message = String((known.message + (known.cause.map { ": \($0)" } ?? "")).prefix(4000))
            remedy = String(known.remedy.prefix(4000))
        }

        var error: GleanerError { GleanerError(.init(code), message, remedy: remedy) }
    }

    /// A share of some labeled frames, with the interval that holds it with 95 %.
    public struct Share: Hashable, Sendable, Codable {
        public var share: Double
        public var low: Double
        public var high: Double
    }

    /// What it did in a process of its own.
    public struct Proof: Hashable, Sendable, Codable {
        public var failure: Failure?
        /// What stood around that process.
        public var walls: [IsolationWall] = []
        public var loadSeconds: Double?
        /// Frames that it ran on, and how many of them the bundle brought with the answers.
        public var frames = 0
        public var goldenFrames = 0
        /// Median time of a frame, in milliseconds, and the active model's on the same frames.
        public var latencyMilliseconds: Double?
        public var activeLatencyMilliseconds: Double?
        /// Most memory that the process had, in bytes, runtime included.
        public var memoryByteCount: Int?

        enum CodingKeys: String, CodingKey {
            case failure, walls, frames
            case loadSeconds = "load_seconds"
            case goldenFrames = "golden_frames"
            case latencyMilliseconds = "latency_ms"
            case activeLatencyMilliseconds = "active_latency_ms"
            case memoryByteCount = "memory_bytes"
        }
    }

    /// What the labels of this device say of it.
    public struct Gate: Hashable, Sendable, Codable {
        public enum Outcome: String, Sendable, Codable {
            case passed, refused
            /// There are too few labels to require anything.
            case tooFewLabels = "too_few_labels"
            /// A person is to activate it.
            case waits
            /// It would have been refused, and a person wanted it all the same.
            case overruled
            /// No model serves yet that it could be compared with.
            case alone
        }

        /// Whether the labels are of frames that a model was not trained on.
        public enum Lineage: String, Sendable, Codable {
            /// They are in none of its training batches.
            case disjoint
            /// They are, as samples of the split `test`, which its manifest says were left out.
            case heldOut = "held_out"
            /// Its manifest does not say what it was trained on.
            case unknown
        }

        /// One class among the labels.
        public struct ClassLine: Hashable, Sendable, Codable {
            public var label: String
            /// Labeled frames that show it.
            public var count: Int
            /// How many of those the model said so of.
            public var challenger: Share
            public var active: Share
        }

        public var outcome: Outcome
        public var requirement: String
        public var margin: Double
        public var lineage: Lineage?
        public var activeLineage: Lineage?
        /// The model that it was compared with.
        public var active: SampleRecord.ModelReference?
        /// Labeled audit samples that both were asked about.
        public var labels = 0
        /// Shares of those of which the model was right.
        public var challengerRight: Share?
        public var activeRight: Share?
        /// By how much it is right more often, with the interval that holds it with 95 %.
        public var difference: Share?
        /// Samples that only it has right, and that only the active model has.
        public var wins = 0
        public var losses = 0
        /// The chance of such a difference between equal models (McNemar's test, exact, both sides).
        public var pValue: Double?
        public var classes: [ClassLine] = []
        /// The verdict in a sentence.
        public var message: String

        enum CodingKeys: String, CodingKey {
            case outcome, requirement, margin, lineage, active, labels, difference, wins, losses, classes, message
            case activeLineage = "active_lineage"
            case challengerRight = "challenger_right"
            case activeRight = "active_right"
            case pValue = "p_value"
        }
    }

    /// What it said of live frames while another model served.
    public struct Shadow: Hashable, Sendable, Codable {
        public var failure: Failure?
        public var frames = 0
        /// Frames of which the two said something else, and how many of them were kept for it.
        public var disagreements = 0
        public var kept = 0
        public var latencyMilliseconds: Double?
        public var activeLatencyMilliseconds: Double?

        enum CodingKeys: String, CodingKey {
            case failure, frames, disagreements, kept
            case latencyMilliseconds = "latency_ms"
            case activeLatencyMilliseconds = "active_latency_ms"
        }
    }

    public static let currentSchema = "gleaner/model-verdict/1"

    public var schema = currentSchema
    public var model: SampleRecord.ModelReference
    /// The wall clock when it was proved.
    public var at: Timestamp
    /// The key that vouched for the bundle; `nil` when none had to.
    public var signer: String?
    /// What it is to the device now, how far it has come, and why it was rejected; `nil` in what is written down.
    public var state: String?
    public var stage: String?
    public var reason: String?
    /// Frames of its shadow or probation so far.
    public var servedFrames: Int?
    public var proof: Proof
    public var gate: Gate?
    public var shadow: Shadow?

    enum CodingKeys: String, CodingKey {
        case schema, model, at, signer, state, stage, reason, proof, gate, shadow
        case servedFrames = "served_frames"
    }

    /// As it is written down: without what the slot says better.
    var text: String {
        get throws {
            var own = self
            (own.state, own.stage, own.reason, own.servedFrames) = (nil, nil, nil, nil)
            return String(decoding: try CanonicalJSON.encode(own), as: UTF8.self)
        }
    }

    /// Why it is not let in; `nil` when it is.
    public var failure: Failure? {
        if let failure = proof.failure { return failure }
        guard let gate, gate.outcome == .refused else { return nil }
        return Failure(
            GleanerError(
                .modelRefused, gate.message,
                remedy: "train it better; --accept lets it in on your word (models.gate sets what is required)"))
    }
}

extension GleanerError.Code {
    /// The labels of this device say that a model is not good enough.
    static let modelRefused = Self("model.refused")
}
