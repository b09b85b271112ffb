import GleanerCore
import GleanerImaging
import GleanerSelection
import GleanerStore

/// Decides what becomes of each frame: the whole path from bytes to outcome.
///
/// `@unchecked Sendable`: made on one thread, then handed to the judge's, the only one to touch it from then on.
final class FrameJudge: @unchecked Sendable {
    /// What a judged frame carries to the writer.
    struct Judged: Sendable {
        var outcome: FrameOutcome
        /// The selector's state after this frame, now and then: what a restart goes on from.
        var state: JSONValue?
        var instant: Instant
    }

    let device: DeviceID
    let run: RunID
    let settings: Configuration.SelectionSettings
    private(set) var model: LoadedModel
    private var selector: Selector
    private let draw: SeededDraw
    private var decoder = PictureDecoder()
    private var pixels = PixelBuffer()

    init(
        device: DeviceID, run: RunID, settings: Configuration.SelectionSettings, model: LoadedModel,
        memory: HashMemory, state: JSONValue?
    ) {
        self.device = device
        self.run = run
        self.settings = settings
        self.model = model
        draw = SeededDraw(seed: settings.seed)
        selector = Selector(settings: settings.rules, draw: draw, run: run, memory: memory)
        if let state { selector.restore(state) }
    }

    var state: JSONValue { selector.state }

    /// Goes on with another model from the next frame.
    func swap(to model: LoadedModel) {
        self.model = model
        selector.modelChanged()
    }

    /// Judges one frame. It never throws: a frame that cannot be judged has that as its outcome.
    func judge(_ slot: FrameSlot, at now: Instant) -> FrameOutcome {
        let outcome: FrameOutcome.Outcome
        if let failure = slot.failure {
            outcome = .dropped(reason: failure.code.rawValue)
        } else {
            outcome = judgePicture(slot, at: now)
        }
        return FrameOutcome(sequence: slot.sequence, origin: slot.buffer.origin, outcome: outcome)
    }

    private func judgePicture(_ slot: FrameSlot, at now: Instant) -> FrameOutcome.Outcome {
        let header: PictureHeader
        do {
            header = try slot.buffer.encoded.withUnsafeBytes { try decoder.decode($0, into: &pixels) }
        } catch {
            return .dropped(reason: error.codeText)
        }
        let hash = PerceptualHash.of(pixels)
        let gate = selector.gate(sequence: slot.sequence, hash: hash, at: now)
        if case .duplicate = gate { return .rejected(reason: RejectionReason.duplicate.rawValue) }
        let prediction: Prediction
        do {
            prediction = try model.predict(pixels)
        } catch {
            return .dropped(reason: error.codeText, model: model.manifest.id)
        }
        let candidate = Candidate(
            sequence: slot.sequence, prediction: prediction, manifest: model.manifest,
            scoreMin: model.decoder.scoreMin, hash: hash)
        switch selector.decide(candidate, gate: gate, at: now) {
        case .reject(let reason, let utility):
            return .rejected(
                reason: reason.rawValue, topClass: topClass(prediction), model: model.manifest.id,
                utility: utility?.value)
        case .keep(let utility, let reason, let probability):
            let record = record(
                of: candidate, slot: slot, header: header, utility: utility, reason: reason, probability: probability)
            let key = EvictionKey(utility: utility, run: run, sequence: slot.sequence, draw: draw)
            return .stored(record, picture: slot.buffer.encoded, evictionKey: key.value)
        }
    }

    private func record(
        of candidate: Candidate, slot: FrameSlot, header: PictureHeader, utility: Utility,
        reason: SelectionReason, probability: Double
    ) -> SampleRecord {
        let id = SampleID(device: device, run: run, sequence: slot.sequence)
        return SampleRecord(
            id: id, sha256: Digest(of: slot.buffer.encoded), bytes: slot.buffer.encoded.count,
            encoding: header.encoding, width: header.width, height: header.height,
            source: slot.buffer.origin.source, origin: slot.buffer.origin.name, capturedAt: slot.buffer.capturedAt,
            model: candidate.manifest.id,
            prediction: PredictionRecord(
                candidate.prediction, labels: candidate.manifest.labels, scoreMin: candidate.scoreMin),
            utility: utility.value, reason: reason, inclusionProbability: probability,
            perceptualHash: candidate.hash,
            split: SplitRule.split(of: id, isAudit: reason.isAudit, validationShare: settings.validationShare))
    }

    private func topClass(_ prediction: Prediction) -> String? {
        prediction.topClassIndex.map { model.manifest.labels[$0] }
    }
}

extension Error {
    /// The code to count a failure under.
    var codeText: String { (self as? GleanerError)?.code.rawValue ?? "failed" }
}
