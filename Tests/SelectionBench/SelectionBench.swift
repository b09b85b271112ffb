import Foundation
import GleanerCore
import GleanerSelection

/// Measures what selection promises and prints one JSON document: how often the accuracy's interval covers the truth,
/// how far the estimate is off on average, what eviction does to it, and what a frame costs.
///
///     swift run -c release SelectionBench [--replays 2000]
@main
enum SelectionBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        let replays = arguments.firstIndex(of: "--replays").flatMap { Int(arguments[$0 + 1]) } ?? 2000
        var document: [String: JSONValue] = ["replays": .integer(replays)]
        document.merge(EstimateReplay.measure(replays: replays)) { $1 }
        document.merge(EvictionReplay.measure(replays: replays)) { $1 }
        document.merge(try FrameCost.measure()) { $1 }
        FileHandle.standardOutput.write(try CanonicalJSON.encode(JSONValue.object(document)))
        FileHandle.standardOutput.write(Data("\n".utf8))
    }
}

/// A stream whose truth is known: scenes of 5 to 20 frames that a model has right or wrong together, with a
/// confidence that is too high, and some scenes that come again.
struct KnownStream {
    struct Frame {
        var hash: PerceptualHash
        var isRight: Bool
        var confidence: Double
    }

    private(set) var frames: [Frame] = []
    var accuracy: Double { Double(frames.count { $0.isRight }) / Double(frames.count) }

    init(frameCount: Int, seed: UInt64) {
        var random = SplitMix(seed)
        var scenes: [(UInt64, Bool, Double)] = []
        while frames.count < frameCount {
            let scene: (UInt64, Bool, Double)
            if !scenes.isEmpty, random.unit() < 0.2 {
                scene = scenes[Int(random.unit() * Double(scenes.count))]
            } else {
                // How hard the scene is decides both: sure and right go together, but not well.
                let ease = random.unit()
                let isRight = random.unit() < 0.3 + 0.6 * ease
                scene = (random.next(), isRight, 0.5 + 0.5 * ease)
                scenes.append(scene)
            }
            for _ in 0..<Int(5 + random.unit() * 16) {
                // A bit of noise; one frame in ten the model sees otherwise.
                let flips = random.unit() < 0.1
                frames.append(
                    Frame(
                        hash: PerceptualHash(bits: scene.0 ^ (1 << (random.next() % 64))),
                        isRight: scene.1 != flips, confidence: min(max(scene.2 + 0.1 * (random.unit() - 0.5), 0), 1)))
            }
        }
        frames.removeLast(frames.count - frameCount)
    }
}

/// Random numbers from a seed.
struct SplitMix {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// Collects each stream as a device would, has a part of the audit samples labeled, and holds the estimate against
/// the truth.
enum EstimateReplay {
    static let frameCount = 10_000
    static let share = 0.03
    /// Labels that never come.
    static let lost = 0.3

    static func measure(replays: Int) -> [String: JSONValue] {
        var covered = 0
        var counted = 0
        var refused = 0
        var error = 0.0
        var naiveError = 0.0
        for replay in 0..<replays {
            let stream = KnownStream(frameCount: frameCount, seed: UInt64(replay) &* 7919 &+ 17)
            let (observations, population, naive) = collect(stream, seed: UInt64(replay))
            guard let estimate = AuditEstimate(observations, in: population) else {
                refused += 1
                continue
            }
            counted += 1
            error += estimate.accuracy - stream.accuracy
            naiveError += naive - stream.accuracy
            if estimate.interval.contains(stream.accuracy) { covered += 1 }
        }
        return [
            "interval_coverage": .number(Double(covered) / Double(max(counted, 1))),
            "estimate_bias_points": .number(100 * error / Double(max(counted, 1))),
            "naive_bias_points": .number(100 * naiveError / Double(max(counted, 1))),
            "estimates_refused": .integer(refused),
        ]
    }

    private static func collect(
        _ stream: KnownStream, seed: UInt64
    ) -> ([AuditEstimate.Observation], AuditEstimate.Population, naive: Double) {
        var selector = Selector(
            settings: SelectorSettings(
                strategies: Combination([("margin", Margin())]), budget: QuantileBudget(share: share), fixedWeight: 1),
            draw: SeededDraw(seed: seed), run: RunID(counter: 1, nonce: seed))
        var scenes = SceneCounter()
        var random = SplitMix(seed ^ 0xabcd)
        var observations: [AuditEstimate.Observation] = []
        var population = AuditEstimate.Population(freshCount: 0, freshConfidenceSum: 0, duplicateCount: 0)
        var chosen = (right: 0, count: 0)
        for (index, frame) in stream.frames.enumerated() {
            let now = Instant(seconds: Double(index))
            let scene = scenes.next(frame.hash).scene
            let gate = selector.gate(sequence: UInt64(index + 1), hash: frame.hash, at: now)
            if gate.duplicateOf != nil {
                population.duplicateCount += 1
            } else {
                population.freshCount += 1
                population.freshConfidenceSum += frame.confidence
            }
            if gate.stops { continue }
            let candidate = Candidate(
                sequence: UInt64(index + 1),
                prediction: .classification(
                    probabilities: [Float(frame.confidence), Float(1 - frame.confidence)]),
                manifest: .bench, scoreMin: nil, hash: frame.hash)
            guard case .keep(let choice) = selector.decide(candidate, gate: gate, at: now),
                random.unit() >= lost
            else { continue }
            chosen.right += frame.isRight ? 1 : 0
            chosen.count += 1
            guard choice.reason.isAudit else { continue }
            observations.append(
                AuditEstimate.Observation(
                    hit: frame.isRight ? 1 : 0, confidence: frame.confidence,
                    probability: choice.inclusionProbability, isDuplicate: choice.duplicateOf != nil, scene: scene))
        }
        return (observations, population, Double(chosen.right) / Double(max(chosen.count, 1)))
    }
}

/// Fills a disk that holds a tenth of what was kept, evicts by key, and estimates the mean error of all from those
/// that are left.
enum EvictionReplay {
    private static let keptCount = 2000
    private static let placeCount = 200

    static func measure(replays: Int) -> [String: JSONValue] {
        var bias = 0.0
        var values = (ours: 0.0, fifo: 0.0, reservoir: 0.0)
        let rounds = max(replays / 10, 1)
        for replay in 0..<rounds {
            var random = SplitMix(UInt64(replay) &* 104_729 &+ 5)
            let draw = SeededDraw(seed: UInt64(replay))
            let run = RunID(counter: 1, nonce: UInt64(replay))
            let samples = (0..<keptCount).map { index in
                let utility = pow(random.unit(), 2)
                // The more valuable, the likelier that the model is wrong.
                return (utility: utility, isWrong: random.unit() < 0.1 + 0.6 * utility, sequence: UInt64(index + 1))
            }
            let keyed = samples.map { sample in
                (
                    sample,
                    EvictionKey(utility: Utility(sample.utility), run: run, sequence: sample.sequence, draw: draw).value
                )
            }.sorted { $0.1 < $1.1 }
            let left = keyed.prefix(placeCount)
            let threshold = keyed[placeCount].1
            var sums = (wrong: 0.0, all: 0.0)
            for (sample, _) in left {
                let probability = min(1, Utility(sample.utility).evictionWeight * threshold)
                sums.all += 1 / probability
                sums.wrong += sample.isWrong ? 1 / probability : 0
            }
            let truth = Double(samples.count { $0.isWrong }) / Double(keptCount)
            bias += sums.wrong / sums.all - truth
            values.ours += left.reduce(0) { $0 + $1.0.utility } / Double(placeCount)
            values.fifo += samples.suffix(placeCount).reduce(0) { $0 + $1.utility } / Double(placeCount)
            values.reservoir += samples.reduce(0) { $0 + $1.utility } / Double(keptCount)
        }
        let n = Double(rounds)
        return [
            "eviction_bias_points": .number(100 * bias / n), "eviction_value": .number(values.ours / n),
            "eviction_value_fifo": .number(values.fifo / n), "eviction_value_reservoir": .number(values.reservoir / n),
        ]
    }
}

/// What a frame costs beside pixels and inference: gate, strategies, search of a full bank and a full ring, budget.
enum FrameCost {
    private static let frameCount = 2000

    static func measure() throws -> [String: JSONValue] {
        var document: [String: JSONValue] = [:]
        for (name, prediction) in [("classes_1000", classification()), ("boxes_100", detection())] {
            let times = try times(prediction).sorted()
            document["frame_ms_p50_\(name)"] = .number(times[times.count / 2])
            document["frame_ms_p99_\(name)"] = .number(times[times.count * 99 / 100])
        }
        return document
    }

    private static func classification() -> Prediction {
        var random = SplitMix(3)
        let numbers = (0..<1000).map { _ in Float(random.unit()) }
        let sum = numbers.reduce(0, +)
        return .classification(probabilities: numbers.map { $0 / sum })
    }

    private static func detection() -> Prediction {
        var random = SplitMix(4)
        return .detection(
            (0..<100).map { _ in
                Detection(
                    box: Box(x: Float(random.unit() * 500), y: Float(random.unit() * 500), width: 40, height: 40),
                    classIndex: Int(random.next() % 80), score: Float(random.unit()))
            }.sorted { $0.score > $1.score })
    }

    /// Milliseconds for each frame.
    private static func times(_ prediction: Prediction) throws -> [Double] {
        var random = SplitMix(9)
        func embedding() -> Embedding? { Embedding((0..<128).map { _ in Float(random.unit() - 0.5) }) }
        var memory = HashMemory()
        var bank = EmbeddingBank()
        for index in 0..<memory.capacity {
            let sample = LocalSampleID(runCounter: 1, sequence: UInt64(index))
            memory.remember(.init(hash: PerceptualHash(bits: random.next()), sample: sample))
            if index < EmbeddingBank.standardCapacity, let embedding = embedding() {
                bank.add(embedding, of: sample, at: Instant(seconds: 0))
            }
        }
        var selector = Selector(
            settings: SelectorSettings(
                strategies: Combination([("margin", Margin()), ("box-uncertainty", BoxUncertainty())]),
                budget: QuantileBudget()),
            draw: SeededDraw(seed: 1), run: RunID(counter: 2, nonce: 1), memory: memory, bank: bank)
        return (0..<frameCount).map { index in
            let candidate = Candidate(
                sequence: UInt64(index + 1), prediction: prediction, manifest: .bench,
                scoreMin: prediction.task == .detection ? 0.5 : nil, hash: PerceptualHash(bits: random.next()),
                embedding: embedding())
            let begin = ContinuousClock.now
            let now = Instant(seconds: Double(index))
            let gate = selector.gate(sequence: candidate.sequence, hash: candidate.hash, at: now)
            _ = selector.decide(candidate, gate: gate, at: now)
            let elapsed = ContinuousClock.now - begin
            return Double(elapsed.components.attoseconds) * 1e-15 + Double(elapsed.components.seconds) * 1000
        }
    }
}

extension ModelManifest {
    static let bench = ModelManifest(
        name: "bench", version: 1, task: .classification, bytes: 0, sha256: Digest(of: [UInt8]()),
        labels: (0..<1000).map { "\($0)" }, input: InputSpec(width: 8, height: 8),
        decoder: DecoderSpec(name: "none"))
}
