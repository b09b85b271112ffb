import GleanerCapture
public import GleanerCore
import GleanerImaging
import GleanerSelection
import GleanerStore

/// What a frame costs on this machine, stage by stage: the document of `bench --json`. Schema:
/// `Schemas/bench.schema.json`.
public struct MachineBudget: Sendable, Codable {
    /// In milliseconds.
    public struct Line: Sendable, Codable {
        public var stage: String
        public var p50: Double
        public var p95: Double
        public var p99: Double
        /// What its work takes when nothing else happens in between.
        public var alone: Double?
    }

    public var source: String
    public var model: SampleRecord.ModelReference
    public var frames: Int
    public var width: Int
    public var height: Int
    /// In the order of a frame's way; `frame` is all of them but reading.
    public var stages: [Line]
    /// That pass in a second where one is prepared while another is judged, and none is kept.
    public var framesPerSecond: Double
    /// What a frame takes beside the model and is not kept, against its parts alone: 1 is as good as it gets.
    public var overParts: Double

    enum CodingKeys: String, CodingKey {
        case source, model, frames, width, height, stages
        case framesPerSecond = "frames_per_second"
        case overParts = "over_parts"
    }
}

extension Deployment {
    /// Judges frames of a source as collecting does, from nothing on and without keeping any, and times each stage.
    ///
    /// A source that ends before is begun anew. Frames are not held against the hashes of those before them: what is
    /// known for a duplicate costs hardly anything.
    ///
    /// - Throws: ``GleanerError`` when there is no active model, or no frame.
    public func budget(of source: SourceMaker? = nil, frameCount: Int) async throws -> MachineBudget {
        let source = try self.source(instead: source)
        guard let bundle = try store.activeModel() else { throw noActiveModel }
        let model = try LoadedModel(bundle, engine: try engine(), registries: registries)
        var trial = BudgetTrial(model: model, settings: configuration.selection)
        let clock = CollectingClock(start: Instant(seconds: 0))
        while trial.frameCount < frameCount {
            let begun = trial.frameCount
            var frames = try await source.make(
                .init(deploymentFolder: folder, endsAtLast: true, stop: StopSignal(), recorded: { _, _ in [] }))
            while trial.frameCount < frameCount, try trial.judge(from: &frames, at: clock.now()) {}
            guard trial.frameCount > begun else {
                throw GleanerError(
                    .sourceEmpty, "\(source.name) gives no frame that can be judged", remedy: "put pictures there")
            }
        }
        return trial.budget(source: source.name)
    }
}

/// Frames on trial: the judge's times, and between them those of the parts alone.
private struct BudgetTrial: ~Copyable {
    private let times = StageTimes()
    /// Of the parts alone.
    private let alone = StageTimes()
    private let model: LoadedModel
    private let preparer: FramePreparer
    private let judge: FrameJudge
    private let keeper: FrameKeeper
    private let slot = FrameSlot()
    private var decoder = PictureDecoder()
    private var pixels = PixelBuffer()
    private(set) var frameCount = 0
    /// The parts are timed after every so many frames, so that both meet the machine in the same moods.
    private static let aloneInterval = 10
    private static let aloneCount = 10

    init(model: LoadedModel, settings: Configuration.SelectionSettings) {
        self.model = model
        var settings = settings
        settings.rules.hashDistanceMax = nil
        let wish = InputWish()
        preparer = FramePreparer(wish: wish, times: times)
        judge = FrameJudge(
            device: DeviceID(rawValue: 0), run: RunID(counter: 0, nonce: 0), settings: settings, model: model,
            memory: HashMemory(), bank: EmbeddingBank(), state: nil, recordedByteCountMax: 0,
            inference: InferenceWatch(), wish: wish)
        keeper = FrameKeeper(device: judge.device, run: judge.run, settings: settings)
    }

    /// Judges the source's next frame; `false` at its end.
    mutating func judge(from source: inout any FrameSource, at now: Instant) throws -> Bool {
        switch try times.measure(.read, { try source.next(into: &slot.buffer) }) {
        case .end: return false
        case .interrupted(let error): throw error
        case .unreadable(let error): slot.failure = error
        case .frame: slot.failure = nil
        }
        slot.sequence += 1
        preparer.prepare(slot)
        let frame = judge.judge(slot, at: now)
        let outcome = frame.kept.map { keeper.outcome(of: $0) } ?? frame.outcome.outcome
        if case .dropped(let reason, _, _, _) = outcome {
            throw GleanerError(.sourceUnavailable, "\(slot.buffer.origin.name) cannot be judged: \(reason)")
        }
        frameCount += 1
        if frameCount % Self.aloneInterval == 1 { try timeParts() }
        return true
    }

    private mutating func timeParts() throws {
        pixels = slot.buffer.pixels
        for _ in 0..<Self.aloneCount {
            if slot.buffer.content == .encoded {
                let begin = ContinuousClock.now
                _ = try slot.buffer.encoded.withUnsafeBytes {
                    try decoder.decode($0, into: &pixels, for: model.manifest.input)
                }
                alone.add(.decode, .now - begin)
            }
        }
        for _ in 0..<Self.aloneCount { _ = alone.measure(.hash) { PerceptualHash.of(pixels) } }
        var letterbox = try model.prepare(pixels)
        for _ in 0..<Self.aloneCount { letterbox = try alone.measure(.prepare) { try model.prepare(pixels) } }
        let outputs = try model.infer()
        for _ in 0..<Self.aloneCount {
            _ = try alone.measure(.interpret) { try model.interpret(outputs, of: pixels, letterbox) }
        }
    }

    func budget(source: String) -> MachineBudget {
        func milliseconds(_ histogram: LatencyHistogram, _ share: Double) -> Double {
            1000 * (histogram.percentile(share) ?? 0)
        }
        let stages = Stage.allCases.filter { times[$0].count > 0 }.map { stage in
            MachineBudget.Line(
                stage: stage.name, p50: milliseconds(times[stage], 0.5), p95: milliseconds(times[stage], 0.95),
                p99: milliseconds(times[stage], 0.99),
                alone: alone[stage].count > 0 ? milliseconds(alone[stage], 0.5) : nil)
        }
        func sum(_ stages: [Stage], _ times: StageTimes) -> Double {
            stages.reduce(0) { $0 + milliseconds(times[$1], 0.5) }
        }
        let preparing: [Stage] = [.decode, .hash, .prepare]
        let judging: [Stage] = [.gate, .infer, .interpret, .select]
        let beside = sum(preparing + judging, times) - sum([.infer], times)
        return MachineBudget(
            source: source, model: .init(model.manifest.id), frames: frameCount, width: pixels.frameWidth,
            height: pixels.frameHeight, stages: stages,
            framesPerSecond: 1000 / max(sum(preparing, times), sum(judging, times), 1e-6),
            overParts: beside / max(sum(Stage.allCases, alone), 1e-6))
    }
}

extension GleanerError.Code {
    /// A source that has no frames at all.
    static let sourceEmpty = Self("source.empty")
}
