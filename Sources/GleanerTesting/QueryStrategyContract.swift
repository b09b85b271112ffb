public import GleanerCore

/// The promises of ``QueryStrategy``, checked against any implementation.
///
/// In a test, expect that ``brokenPromises(tasks:of:)`` is empty. That utilities lie in 0…1 is the type's own promise:
/// a strategy that breaks it traps here.
public struct QueryStrategyContract {
    private let make: () throws -> any QueryStrategy

    /// Asks strategies about ordinary and odd predictions.
    ///
    /// - Parameters:
    ///   - tasks: The kinds of prediction that it applies to.
    ///   - make: A new strategy each time, always the same.
    /// - Returns: A sentence for each promise that does not hold.
    public static func brokenPromises(
        tasks: Set<ModelTask>, of make: @escaping () throws -> any QueryStrategy
    ) throws -> [String] {
        let contract = Self(make: make)
        let candidates = ordinary + odd
        let first = contract.utilities(of: candidates, by: try make())
        var broken: [String] = []
        if try make().tasks != tasks { broken.append("it says which tasks it applies to") }
        if contract.utilities(of: candidates, by: try make()) != first {
            broken.append("equal strategies give one stream equal utilities")
        }
        if try !contract.copiesAreIndependent(candidates) {
            broken.append("a copy shares no state with its original: a replay gives the same utilities")
        }
        return broken + contract.wrongAnswers(first, tasks: tasks)
    }

    private func utilities(of candidates: [Candidate], by strategy: any QueryStrategy) -> [Utility?] {
        var strategy = strategy
        return candidates.map { strategy.utility(of: $0, in: Self.context) }
    }

    /// A strategy is a value: using a copy must not change the original.
    private func copiesAreIndependent(_ candidates: [Candidate]) throws -> Bool {
        let original = try make()
        let ofCopy = utilities(of: candidates, by: original)
        return utilities(of: candidates, by: original) == ofCopy
    }

    private func wrongAnswers(_ utilities: [Utility?], tasks: Set<ModelTask>) -> [String] {
        zip(Self.ordinary, utilities).compactMap { candidate, utility in
            switch (tasks.contains(candidate.prediction.task), utility) {
            case (true, nil): "there is a utility for \(candidate.prediction)"
            case (false, .some): "what it does not apply to has no utility at all: \(candidate.prediction)"
            default: nil
            }
        }
    }
}

extension QueryStrategyContract {
    private static let context = StreamContext(
        run: RunID(counter: 1, nonce: 0x0123_4567_89ab_cdef), now: Instant(seconds: 1), draw: SeededDraw(seed: 7))

    /// Predictions that a strategy of their task must have an opinion about.
    private static var ordinary: [Candidate] {
        let classifications: [[Float]] = [
            [0.5, 0.5], [1, 0], [0, 1], [0.2, 0.3, 0.5], [1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25],
            [Float](repeating: 1 / 1000, count: 1000), [0.999_999_94, 6e-8], [1, .leastNonzeroMagnitude],
        ]
        let box = Box(x: 4, y: 4, width: 20, height: 10)
        let detections: [[Float]] = [
            [], [1], [0.5], [0.65], [0.649_999_9], [0], [0.9, 0.1, 0.05], [Float](repeating: 0.5, count: 300),
        ]
        return classifications.map {
            candidate(.classification(probabilities: $0, logSumExp: 1), classCount: $0.count)
        }
            + detections.map { scores in
                candidate(
                    .detection(scores.map { Detection(box: box, classIndex: 0, score: $0) }), classCount: 2)
            }
    }

    /// Predictions that a careful decoder never gives: any answer will do, as long as there is one.
    private static var odd: [Candidate] {
        let classifications: [[Float]] = [
            [1], [], [0, 0], [1, 1], [-0.1, 1.1], [3, 4], [.nan, 0.5], [.nan, .nan], [.infinity, 0], [-.infinity, 0],
        ]
        let box = Box(x: 0, y: 0, width: 0, height: 0)
        return classifications.map { candidate(.classification(probabilities: $0), classCount: $0.count) }
            + [Float.nan, .infinity, -.infinity, -1, 2].map { score in
                candidate(.detection([Detection(box: box, classIndex: 5, score: score)]), classCount: 2)
            }
    }

    private static func candidate(_ prediction: Prediction, classCount: Int) -> Candidate {
        Candidate(
            sequence: 42, prediction: prediction,
            manifest: ModelManifest(
                name: "contract", version: 1, task: prediction.task, bytes: 0, sha256: Digest(of: [UInt8]()),
                labels: (0..<classCount).map { "class \($0)" }, input: InputSpec(width: 8, height: 8),
                decoder: DecoderSpec(name: "none")),
            scoreMin: prediction.task == .detection ? 0.65 : nil, hash: PerceptualHash(bits: 0))
    }
}
