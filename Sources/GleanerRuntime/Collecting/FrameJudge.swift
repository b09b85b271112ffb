import GleanerCore
import GleanerImaging
import GleanerSelection
import GleanerStore

/// Decides what becomes of each frame: the whole path from bytes to outcome.
///
/// `@unchecked Sendable`: made on one thread, then handed to the judge's, the only one to touch it from then on.
final class FrameJudge: @unchecked Sendable {
    /// A frame that is to be kept, in its slot.
    struct Kept: Sendable {
        var slot: FrameSlot
        var candidate: Candidate
        var choice: Choice
        var scene: Int
    }

    /// What a judged frame carries to the writer.
    struct Judged: Sendable {
        var outcome: FrameOutcome
        var instant: Instant
        var entry: DecisionRecorder.Entry?
        /// Set for a frame that is to be kept; what becomes of it is known once its picture is made.
        var kept: Kept?

        /// A group as the queue takes it: what is recorded of all its frames lies in one piece of memory.
        static func recorded(_ group: [Judged]) -> [FrameOutcome] {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(group.count * DecisionRecord.byteCount)
            for frame in group { frame.entry?.record.append(to: &bytes) }
            var rest = bytes[...]
            return group.map { frame in
                var outcome = frame.outcome
                outcome.recording = frame.entry.map { entry in
                    defer { rest = rest.dropFirst(DecisionRecord.byteCount) }
                    return entry.recording(rest.prefix(DecisionRecord.byteCount))
                }
                return outcome
            }
        }
    }

    let device: DeviceID
    let run: RunID
    let settings: Configuration.SelectionSettings
    /// The model that serves, and what it is watched by.
    let serving: ServingModel
    /// A model that is asked about some frames beside the one that serves.
    var shadow: ModelShadow?
    private var selector: Selector
    private var recorder: DecisionRecorder?
    private let draw: SeededDraw
    private let wish: InputWish
    // For kept frames that are scored anew.
    private var decoder = PictureDecoder()
    private var pixels = PixelBuffer()

    init(
        device: DeviceID, run: RunID, settings: Configuration.SelectionSettings, model: LoadedModel,
        memory: HashMemory, bank: EmbeddingBank, state: JSONValue?, recordedByteCountMax: Int,
        inference: InferenceWatch, wish: InputWish = InputWish()
    ) {
        self.device = device
        self.run = run
        self.settings = settings
        self.wish = wish
        serving = ServingModel(model, inference: inference)
        draw = SeededDraw(seed: settings.seed)
        selector = Selector(settings: settings.rules, draw: draw, run: run, memory: memory, bank: bank)
        if let state { restore(state) }
        recorder = DecisionRecorder(
            policy: settings.source, model: model.manifest.id, byteCountMax: recordedByteCountMax)
        wish.serve(model.manifest.input)
    }

    var model: LoadedModel { serving.model }

    /// What a restart goes on from.
    var state: JSONValue {
        guard case .object(var values) = selector.state else { return selector.state }
        values[Self.modelKey] = .string(Self.name(of: model.manifest.id))
        return .object(values)
    }

    private static let modelKey = "model"

    /// Ranks of another model's utilities say nothing of this one's: it may have been swapped in, or have made way, after
    /// the state was written down.
    private func restore(_ state: JSONValue) {
        selector.restore(state)
        guard case .object(let values) = state, let name = values[Self.modelKey] else { return }
        if name != .string(Self.name(of: model.manifest.id)) { selector.modelChanged() }
    }

    private static func name(of id: ModelID) -> String { "\(id) \(id.digest)" }

    /// See ``Selector/takeAlarms()``.
    func takeAlarms() -> [String] { selector.takeAlarms() }

    /// Changes which model serves from the next frame on.
    func changeModel<Value>(_ change: (ServingModel) throws -> Value) rethrows -> Value {
        let before = model
        defer {
            if model.manifest.id != before.manifest.id {
                selector.modelChanged(sharesEmbeddings: model.sharesEmbeddings(with: before))
                recorder?.note(.model(model.manifest.id))
                wish.serve(model.manifest.input)
            }
        }
        return try change(serving)
    }

    /// Takes in what labels said of the model, and which samples will have none.
    func learn(_ news: FeedbackNews) {
        if let competence = news.competence[model.manifest.id] {
            selector.learned(competence)
            recorder?.note(.learned(competence))
        }
        selector.released(news.released)
        recorder?.note(.released(news.released))
    }

    /// Judges one frame that was prepared. It never throws: a frame that cannot be judged has that as its outcome.
    func judge(_ slot: FrameSlot, at now: Instant) -> Judged {
        var frame = FrameOutcome(
            sequence: slot.sequence, origin: slot.buffer.origin, outcome: .dropped(reason: "failed"))
        frame.lateCount = slot.buffer.lateCount
        recorder?.willDecide { selector.state }
        var record = DecisionRecord(course: .unread, instant: now)
        var kept: Kept?
        if let failure = slot.failure ?? slot.damage {
            frame.outcome = .dropped(reason: failure.codeText)
        } else {
            slot.watch.resume()
            kept = judgePicture(slot, at: now, into: &frame, &record)
            if kept == nil { slot.watch.endFrame() }
        }
        return Judged(outcome: frame, instant: now, entry: recorder?.entry(of: record), kept: kept)
    }

    /// - Returns: the frame, if it is to be kept.
    private func judgePicture(
        _ slot: FrameSlot, at now: Instant, into frame: inout FrameOutcome, _ record: inout DecisionRecord
    ) -> Kept? {
        let id = model.manifest.id
        let gate = selector.gate(
            sequence: slot.sequence, hash: slot.hash, of: slot.buffer.sourceNumber, at: now)
        record = selector.record(of: slot.hash, gate: gate, at: now)
        slot.watch.end(.gate)
        wish.tell(wasAsked: !gate.stops)
        if gate.stops {
            frame.exposure = .init(model: id, confidence: nil)
            frame.duplicateOf = gate.duplicateOf
            frame.outcome = .rejected(reason: RejectionReason.duplicate.rawValue, model: id)
            return nil
        }
        let said: ServingModel.Said
        do {
            said = try serving.say(of: slot)
            slot.gotThrough = true
        } catch {
            frame.outcome = .dropped(reason: error.codeText, model: id)
            return nil
        }
        let (manifest, scoreMin) = (said.model.manifest, said.scoreMin)
        var candidate = Candidate(
            sequence: slot.sequence, prediction: said.prediction, manifest: manifest, scoreMin: scoreMin,
            hash: slot.hash, embedding: said.embedding,
            frameSize: FrameSize(
                width: slot.buffer.pixels.frameWidth, height: slot.buffer.pixels.frameHeight))
        candidate.disagreement = shadow?.disagreement(
            with: said.prediction, of: manifest, scoreMin: scoreMin, on: { try slot.picture() },
            sequence: slot.sequence)
        let confidence = Double(said.prediction.confidence(scoreMin: scoreMin))
        frame.exposure = .init(model: manifest.id, confidence: gate.duplicateOf == nil ? confidence : nil)
        let decision = selector.decision(about: candidate, gate: gate, at: now)
        record = decision.record
        slot.watch.end(.select)
        switch decision.verdict {
        case .reject(let reason, let utility, let original):
            frame.duplicateOf = original
            frame.outcome = .rejected(
                reason: reason.rawValue, topClass: candidate.topClass, model: manifest.id, utility: utility?.value)
            return nil
        case .keep(let choice):
            if choice.reason == .strategy(Disagreement.name) { shadow?.report.kept += 1 }
            frame.embedding = candidate.embedding
            return Kept(slot: slot, candidate: candidate, choice: choice, scene: gate.scene)
        }
    }

    // MARK: Kept frames, seen by a later model

    /// What the model that serves now makes of a frame that was kept earlier; `nil` when it cannot tell.
    ///
    /// Utilities of strategies that go by the frames before and after are not found again: those are long gone.
    func rescore(_ id: SampleID, picture: [UInt8], at now: Instant) -> SampleScore? {
        guard
            (try? picture.withUnsafeBytes { try decoder.decode($0, into: &pixels, for: model.manifest.input) }) != nil,
            let said = try? serving.sayAnew(of: pixels)
        else { return nil }
        let candidate = Candidate(
            sequence: id.sequence, prediction: said.prediction, manifest: model.manifest,
            scoreMin: model.decoder.scoreMin, hash: PerceptualHash.of(pixels), embedding: said.embedding)
        var strategies = settings.rules.strategies
        let best = strategies.best(of: candidate, in: StreamContext(run: id.run, now: now, draw: draw))
        let utility = best?.utility ?? Utility(0)
        if let embedding = said.embedding { selector.embedded(id.local, embedding, at: now) }
        return SampleScore(
            id: id, model: model.manifest.id,
            prediction: PredictionRecord(
                said.prediction, labels: model.manifest.labels, scoreMin: model.decoder.scoreMin),
            utility: utility,
            evictionKey: EvictionKey(utility: utility, run: id.run, sequence: id.sequence, draw: draw).value,
            embedding: said.embedding)
    }
}

extension Error {
    /// The code to count a failure under.
    var codeText: String { (self as? GleanerError)?.code.rawValue ?? "failed" }
}
