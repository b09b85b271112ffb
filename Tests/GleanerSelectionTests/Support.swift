import GleanerCore

extension Candidate {
    /// A frame that a classifier gave these probabilities.
    static func classified(
        _ probabilities: [Float], labels: [String]? = nil, sequence: UInt64 = 1, hash: UInt64 = 0
    ) -> Candidate {
        let labels = labels ?? probabilities.indices.map { "class \($0)" }
        return Candidate(
            sequence: sequence, prediction: .classification(probabilities: probabilities),
            manifest: .test(.classification, labels: labels), scoreMin: nil, hash: PerceptualHash(bits: hash))
    }

    /// A frame in which a detector, which claims objects from a score of 0.65 on, found boxes of these scores.
    static func detected(_ scores: [Float], classIndices: [Int]? = nil, sequence: UInt64 = 1) -> Candidate {
        let boxes = scores.enumerated().map { place, score in
            Detection(
                box: Box(x: 0, y: 0, width: 8, height: 8), classIndex: classIndices?[place] ?? 0, score: score)
        }
        return Candidate(
            sequence: sequence, prediction: .detection(boxes),
            manifest: .test(.detection, labels: ["apple", "leaf"]), scoreMin: 0.65, hash: PerceptualHash(bits: 0))
    }
}

extension ModelManifest {
    static func test(_ task: ModelTask, labels: [String]) -> ModelManifest {
        ModelManifest(
            name: "test", version: 1, task: task, bytes: 0, sha256: Digest(of: [UInt8]()), labels: labels,
            input: InputSpec(width: 8, height: 8), decoder: DecoderSpec(name: "none"))
    }
}

extension RunID {
    static let test = RunID(counter: 3, nonce: 0x1234_5678_9abc_def0)
}

extension StreamContext {
    static let test = StreamContext(run: .test, now: Instant(seconds: 0), draw: SeededDraw(seed: 1))
}

/// A number in 0..<1 for each place of a stream.
func noise(_ place: Int, salt: UInt64 = 0) -> Double {
    SeededDraw(seed: 99).uniform(.export, run: .test, sequence: UInt64(place), salt: salt)
}

/// Hashes that are far apart for different places.
func scattered(_ place: Int) -> UInt64 {
    UInt64(noise(place, salt: 1) * 0x1p53) << 32 ^ UInt64(noise(place, salt: 2) * 0x1p53)
}
