import Foundation
import GleanerCore
import GleanerImaging
import GleanerStore

/// Proves a challenger in a process of its own, and compares it there with the model that serves.
///
/// What a model does wrong is the verdict, not an error: only what keeps Gleaner itself from proving is thrown.
struct ModelProver {
    let store: DeploymentStore
    let settings: ModelSettings
    let isolation: ModelIsolation
    /// A person wants the challenger whatever the labels say.
    var accepts = false

    /// Runs at least, so that what goes wrong only after some frames shows too.
    private static let runCountMin = 32
    private static let sampleCountMax = 16
    /// No frame is so fast that this is too slow, in seconds.
    private static let latencyFloorSeconds = 0.02
    /// Memory that the second half of the runs may add: by then nothing new is needed.
    private static let growthByteCountMax = 16 << 20
    /// Labeled frames are asked about for so long at most.
    private static let gateSecondsMax = 300.0

    /// What one model said of all the frames that it was asked about.
    private struct Answers {
        var trial: [IsolationReply.Answer] = []
        /// By the labeled frames' order; `nil` where the picture cannot be read.
        var labeled: [PredictionRecord?] = []
    }

    /// - Parameter active: What serves; `nil` for the first model.
    /// - Throws: ``GleanerError`` when samples cannot be read or no process can be started.
    func verdict(on challenger: ModelBundle, beside active: ModelBundle?, signer: String?) throws -> ModelVerdict {
        var verdict = ModelVerdict(
            model: .init(challenger.manifest.id), at: .now(), signer: signer, proof: ModelVerdict.Proof())
        let pictures = try trialPictures()
        let labeled = try labeledSamples(challenger, active)
        do {
            let answers = try prove(challenger, on: pictures, labeled?.samples ?? [], into: &verdict.proof)
            guard let active, let labeled else {
                try checkLatency(verdict.proof, challenger.manifest.id)
                verdict.gate = Self.alone
                return verdict
            }
            try compare(challenger, answers, with: active, pictures, labeled, into: &verdict)
        } catch let fault as ModelFault {
            verdict.proof.failure = .init(fault.error)
        }
        return verdict
    }

    private static var alone: ModelVerdict.Gate {
        .init(outcome: .alone, requirement: "nothing", margin: 0, message: "there is no model to compare it with")
    }

    // MARK: What it is asked about

    private func trialPictures() throws -> [[UInt8]] {
        let page = try store.samples(filter: SampleFilter(pixels: .present), limit: Self.sampleCountMax)
        // A sample that is evicted or damaged meanwhile is one picture less.
        let own = page.samples.compactMap { try? store.picture(of: $0.record.id) }
        return try own + Self.drawnPictures()
    }

    /// Pictures of nothing: a device that has none of its own yet must still see that the model runs.
    private static func drawnPictures() throws -> [[UInt8]] {
        try [(160, 120), (640, 480)].map { width, height in
            var pixels = PixelBuffer(width: width, height: height)
            pixels.withMutableBytes { bytes in
                for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* index >> 8 &+ index) }
            }
            return try PNGEncoder.encode(pixels)
        }
    }

    private typealias Labeled = (
        samples: [LabeledAuditSample], challenger: ModelVerdict.Gate.Lineage, active: ModelVerdict.Gate.Lineage
    )

    private func labeledSamples(_ challenger: ModelBundle, _ active: ModelBundle?) throws -> Labeled? {
        guard let active else { return nil }
        let all = try store.labeledAuditSamples(limit: settings.gate.labelCountMax)
        return ModelGate.usable(all, challenger: challenger.manifest, active: active.manifest)
    }

    // MARK: The proof

    private func prove(
        _ challenger: ModelBundle, on pictures: [[UInt8]], _ labeled: [LabeledAuditSample],
        into proof: inout ModelVerdict.Proof
    ) throws -> Answers {
        let golden = try ModelFault.of { try GoldenFrames.read(of: challenger) }
        var model = try ModelFault.of { try IsolatedModel(challenger, isolation, processorSeconds: processorSeconds) }
        (proof.walls, proof.loadSeconds) = (model.ready.walls, model.ready.loadSeconds)
        if let golden { try check(golden, of: challenger, &model, into: &proof) }
        var answers = Answers()
        var memory: [Int] = []
        while memory.count < max(Self.runCountMin, pictures.count) {
            let picture = pictures[memory.count % pictures.count]
            let answer = try ModelFault.of { try model.judge(picture) }
            if memory.count < pictures.count, let answer { answers.trial.append(answer) }
            memory.append(answer?.memoryByteCount ?? memory.last ?? 0)
            proof.frames += 1
        }
        proof.memoryByteCount = memory.max()
        proof.latencyMilliseconds = Self.latency(answers.trial).map { $0 * 1000 }
        try checkGrowth(of: memory, challenger.manifest.id)
        answers.labeled = try self.labeled(labeled, &model)
        return answers
    }

    /// Enough for everything that it will be asked, if each frame takes as long as a frame may.
    private var processorSeconds: Int {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let frames = Double(2 * Self.runCountMin) * isolation.frameSecondsMax
        return Int((isolation.loadSecondsMax + frames + Self.gateSecondsMax).rounded(.up)) * cores
    }

    private func check(
        _ golden: GoldenFrames, of challenger: ModelBundle, _ model: inout IsolatedModel,
        into proof: inout ModelVerdict.Proof
    ) throws {
        for frame in golden.frames {
            let name = "\(GoldenFrames.folderName)/\(frame.file)"
            let path = challenger.folder.appending(path: name).path(percentEncoded: false)
            guard let picture = try? FileReading.bytes(of: path, byteCountMax: GoldenFrames.pictureByteCountMax) else {
                throw ModelFault(.modelGolden, "\(name) is not in the bundle", "pack the bundle again")
            }
            guard let answer = try ModelFault.of({ try model.judge([UInt8](picture)) }) else {
                throw ModelFault(.modelGolden, "\(name) is no picture that can be read", "pack the bundle again")
            }
            if let difference = golden.difference(answer.prediction, frame.prediction) {
                throw ModelFault(
                    .modelGolden,
                    "\(challenger.manifest.id) does not say of \(name) what it said where it was trained: \(difference)",
                    "compare `input` in model.json with how the training code makes the input")
            }
            proof.frames += 1
            proof.goldenFrames += 1
        }
    }

    private func checkGrowth(of memory: [Int], _ id: ModelID) throws {
        let half = memory.count / 2
        guard let last = memory.last, memory.count >= Self.runCountMin else { return }
        let growth = last - memory[half]
        guard growth > Self.growthByteCountMax else { return }
        throw ModelFault(
            .modelMemory,
            "\(id) leaks: \(memory.count - half) frames that it had seen before took \(ByteCount.format(growth)) more memory",
            "try it with this version of ONNX Runtime where it was trained")
    }

    private func labeled(
        _ samples: [LabeledAuditSample], _ model: inout IsolatedModel
    ) throws -> [PredictionRecord?] {
        let deadline = ContinuousClock.now + .seconds(Self.gateSecondsMax)
        var predictions: [PredictionRecord?] = []
        for sample in samples {
            guard ContinuousClock.now < deadline else { break }
            guard let picture = try? store.picture(of: sample.id) else {
                predictions.append(nil)
                continue
            }
            predictions.append(try ModelFault.of { try model.judge(picture) }?.prediction)
        }
        return predictions
    }

    // MARK: Beside the active model

    private func compare(
        _ challenger: ModelBundle, _ answers: Answers, with active: ModelBundle, _ pictures: [[UInt8]],
        _ labeled: Labeled, into verdict: inout ModelVerdict
    ) throws {
        let serving: Answers
        do {
            serving = try self.answers(of: active, on: pictures, labeled.samples)
        } catch let fault as ModelFault {
            // What serves is not on trial here; without it there is nothing to compare with.
            try checkLatency(verdict.proof, challenger.manifest.id)
            verdict.gate = ModelGate(settings: settings.gate, accepts: accepts)
                .withoutComparison("the active model cannot be asked: \(fault.error.message)")
            return
        }
        verdict.proof.activeLatencyMilliseconds = Self.latency(serving.trial).map { $0 * 1000 }
        try checkLatency(verdict.proof, challenger.manifest.id)
        try checkVariety(answers.trial, serving.trial, challenger.manifest.id)
        var gate = ModelGate(settings: settings.gate, accepts: accepts)
            .decide(
                Self.pairs(labeled.samples, answers.labeled, serving.labeled), challenger: challenger.manifest.id,
                active: active.manifest.id)
        (gate.lineage, gate.activeLineage) = (labeled.challenger, labeled.active)
        verdict.gate = gate
    }

    private func answers(
        of model: ModelBundle, on pictures: [[UInt8]], _ labeled: [LabeledAuditSample]
    ) throws -> Answers {
        var isolated = try ModelFault.of { try IsolatedModel(model, isolation) }
        var answers = Answers()
        for picture in pictures {
            if let answer = try ModelFault.of({ try isolated.judge(picture) }) { answers.trial.append(answer) }
        }
        answers.labeled = try self.labeled(labeled, &isolated)
        return answers
    }

    private static func pairs(
        _ samples: [LabeledAuditSample], _ challenger: [PredictionRecord?], _ active: [PredictionRecord?]
    ) -> [ModelGate.Answer] {
        zip(samples, zip(challenger, active)).compactMap { sample, said in
            guard let challenger = said.0, let active = said.1 else { return nil }
            return ModelGate.Answer(label: sample.label, challenger: challenger, active: active)
        }
    }

    private func checkLatency(_ proof: ModelVerdict.Proof, _ id: ModelID) throws {
        guard let own = proof.latencyMilliseconds else { return }
        let shown = "\((own * 10).rounded() / 10) ms a frame"
        if let most = settings.proof.latencySecondsMax, own > most * 1000 {
            throw ModelFault(
                .modelSlow, "\(id) takes \(shown), and models.proof.latency_ms_max allows \((most * 1000))",
                "use a smaller model, or raise it")
        }
        guard let active = proof.activeLatencyMilliseconds,
            own > max(active * settings.proof.slowdownMax, Self.latencyFloorSeconds * 1000)
        else { return }
        throw ModelFault(
            .modelSlow,
            "\(id) takes \(shown), \((own / active * 10).rounded() / 10) times as long as the active model",
            "use a smaller model, or raise models.proof.slowdown_max")
    }

    /// A model that says the same of every frame has learnt nothing, or reads none of it.
    private func checkVariety(
        _ challenger: [IsolationReply.Answer], _ active: [IsolationReply.Answer], _ id: ModelID
    ) throws {
        let predictions = challenger.map(\.prediction)
        guard predictions.count >= 8, Set(predictions).count == 1,
            Set(active.map(\.prediction)).count > predictions.count / 2
        else { return }
        throw ModelFault(
            .modelCollapsed,
            "\(id) says exactly the same of \(predictions.count) frames, of which the active model says different things",
            "compare `input` in model.json with how the training code makes the input")
    }

    /// Seconds, in the middle.
    private static func latency(_ answers: [IsolationReply.Answer]) -> Double? {
        let sorted = answers.map(\.seconds).sorted()
        return sorted.isEmpty ? nil : sorted[sorted.count / 2]
    }
}

/// What a model did wrong: kept apart from what Gleaner itself cannot do.
struct ModelFault: Error {
    let error: GleanerError

    init(_ error: GleanerError) { self.error = error }
    init(_ code: GleanerError.Code, _ message: String, _ remedy: String) {
        error = GleanerError(code, message, remedy: remedy)
    }

    /// Turns what a model's process reports into its fault.
    static func of<Value: ~Copyable>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as GleanerError where isOfModel(error.code) {
            throw ModelFault(error)
        }
    }

    /// A full disk and a runtime that is not there are nobody's fault but the device's.
    static func isOfModel(_ code: GleanerError.Code) -> Bool {
        code != .fileSystem && (!code.rawValue.hasPrefix("runtime.") || code.rawValue == "runtime.failed")
    }
}

extension GleanerError.Code {
    /// It does not say of the bundle's own frames what the bundle says it does.
    static let modelGolden = Self("model.golden")
    /// It says the same of everything.
    static let modelCollapsed = Self("model.collapsed")
}
