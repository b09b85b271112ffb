/// What a label for a frame is expected to teach: 0 nothing, 1 the most.
public struct Utility: Comparable, Hashable, Sendable, Codable {
    public let value: Double
    /// Traps outside 0…1.
    public init(_ value: Double) {
        precondition((0...1).contains(value), "utility \(value) is outside 0...1")
        self.value = value
    }
    /// The nearest value in 0…1, for sums that rounding carries past an end; 0 for what is not a number.
    public init(clamping value: Double) {
        self.value = value > 0 ? min(value, 1) : 0
    }
    public static func < (a: Utility, b: Utility) -> Bool { a.value < b.value }

    /// What it weighs when the disk is full: a sample without any may stay, but seldom does.
    public var evictionWeight: Double { 0.05 + value }
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let value = try container.decode(Double.self)
        guard (0...1).contains(value) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "utility \(value) is outside 0...1")
        }
        self.value = value
    }
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// A 64-bit perceptual hash: near-identical pictures differ in few bits.
public struct PerceptualHash: Hashable, Sendable {
    public let bits: UInt64
    public init(bits: UInt64) { self.bits = bits }
    /// The number of bits that differ, 0…64.
    public func distance(to other: PerceptualHash) -> Int { (bits ^ other.bits).nonzeroBitCount }
}

/// Width and height of a frame in pixels.
public struct FrameSize: Hashable, Sendable {
    public var width: Int
    public var height: Int
    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }
}

/// A frame with its prediction, before anybody decided to keep it.
public struct Candidate: Sendable {
    public var sequence: UInt64
    public var prediction: Prediction
    public var manifest: ModelManifest
    /// From this score on the model claims a detection; `nil` for classifiers.
    public var scoreMin: Float?
    public var hash: PerceptualHash
    /// What the frame shows; `nil` when nothing is known of it.
    public var embedding: Embedding?
    /// In pixels; `nil` when nobody said.
    public var frameSize: FrameSize?
    /// How far the model in the shadow is from this prediction; `nil` for a frame that it was not asked about.
    public var disagreement: Utility?
    public init(
        sequence: UInt64, prediction: Prediction, manifest: ModelManifest, scoreMin: Float?, hash: PerceptualHash,
        embedding: Embedding? = nil, frameSize: FrameSize? = nil
    ) {
        self.sequence = sequence
        self.prediction = prediction
        self.manifest = manifest
        self.scoreMin = scoreMin
        self.hash = hash
        self.embedding = embedding
        self.frameSize = frameSize
    }

    /// The label of its best class; `nil` for a frame in which nothing was found.
    public var topClass: String? { prediction.topClassIndex.map { manifest.labels[$0] } }
}

/// Randomness that can be replayed: a number for each frame and purpose, drawn from the seed alone.
///
/// It has no state, so a restart, a crash or a skipped frame never shifts the draws of the frames after it.
/// Mixing function: SplitMix64's (Steele, Lea, Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014).
public struct SeededDraw: Hashable, Sendable, Codable {
    public let seed: UInt64
    public init(seed: UInt64) { self.seed = seed }

    /// What a draw is for; two purposes never share a number.
    public enum Purpose: UInt64, Sendable { case audit = 1, strategy, eviction, export, coverage, scale }

    /// A number in 0..<1 for frame `sequence` of run `run`.
    public func uniform(_ purpose: Purpose, run: RunID, sequence: UInt64, salt: UInt64 = 0) -> Double {
        var state = Self.mix(seed ^ Self.mix(purpose.rawValue))
        state = Self.mix(state ^ run.nonce)
        state = Self.mix(state ^ sequence)
        state = Self.mix(state ^ salt)
        return Double(state >> 11) * 0x1p-53
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// What a strategy may know beside the candidate.
public struct StreamContext: Sendable {
    public var run: RunID
    public var now: Instant
    public var draw: SeededDraw
    /// How far the candidate is from everything that was kept: 0 for the same, 1 for two frames that have nothing to
    /// do with each other; `nil` when nothing is known of it, as for the first frame.
    public var distance: Double?
    public init(run: RunID, now: Instant, draw: SeededDraw, distance: Double? = nil) {
        self.run = run
        self.now = now
        self.draw = draw
        self.distance = distance
    }
}

/// Says what a label for a candidate would teach.
///
/// `nil` means that the strategy does not apply to this kind of prediction; it is never a low utility.
/// Called once for each candidate, in order. It has no clock, no I/O and no randomness of its own.
public protocol QueryStrategy: Sendable {
    /// The tasks whose predictions it applies to; both unless it says otherwise.
    var tasks: Set<ModelTask> { get }
    /// Whether it goes by how sure the model is of itself: its utilities are then worth as much as the model, and
    /// are weighed against coverage.
    var measuresUncertainty: Bool { get }
    mutating func utility(of candidate: Candidate, in context: StreamContext) -> Utility?
}

extension QueryStrategy {
    public var tasks: Set<ModelTask> { [.classification, .detection] }
}

/// Spends the label budget: decides which utilities are worth one of the labels there will be.
public protocol BudgetManager: Sendable {
    /// The share of all offered frames that it means to have labeled as things are now, in 0…1. The audit coin's
    /// probability is a part of it.
    var share: Double { get }
    /// How many frames it keeps for every label there will be, at least 1. Which of them are labeled is chosen when
    /// they leave, by what is known then.
    var keepFactor: Double { get set }
    /// All the labels that it has granted so far.
    var labelsEarned: Double { get }
    /// Whether a candidate of this utility is kept. Called for every candidate that reaches it, in order.
    mutating func admits(_ utility: Utility, at now: Instant) -> Bool
    /// Told of every frame that was offered, whatever became of it: a share is a share of all frames.
    mutating func frameOffered(at now: Instant)
    /// Told of a frame that another rule kept (the audit coin): it costs a label too.
    mutating func spent(at now: Instant)
    /// Told that utilities now come from another model: ranks of the old one say nothing about it.
    mutating func modelChanged()
    /// What must survive a restart.
    var state: JSONValue { get }
    /// Goes on from a ``state``; one that it does not understand is ignored.
    mutating func restore(_ state: JSONValue)
}
