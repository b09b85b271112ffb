import GleanerCore
import GleanerSelection
import GleanerStore

/// Makes of a frame that is to be kept what the queue stores: its picture, the picture's digest and the record.
///
/// It is the judge's no more: a large picture takes longer to encode than a small model to look at.
struct FrameKeeper: Sendable {
    private let device: DeviceID
    private let run: RunID
    private let validationShare: Double
    private let draw: SeededDraw

    init(device: DeviceID, run: RunID, settings: Configuration.SelectionSettings) {
        self.device = device
        self.run = run
        validationShare = settings.validationShare
        draw = SeededDraw(seed: settings.seed)
    }

    /// What becomes of a frame. It never throws: one whose picture cannot be had is lost, and counts so.
    func outcome(of kept: FrameJudge.Kept) -> FrameOutcome.Outcome {
        kept.slot.watch.resume()
        defer { kept.slot.watch.endFrame() }
        do {
            let picture = Picture(try kept.slot.picture())
            let record = record(of: kept, picture)
            kept.slot.watch.end(.keep)
            let key = EvictionKey(
                utility: kept.choice.utility, isAudit: kept.choice.reason.isAudit, run: run,
                sequence: record.id.sequence,
                draw: draw)
            return .stored(record, picture: picture, evictionKey: key.value)
        } catch {
            return .dropped(
                reason: error.codeText, topClass: kept.candidate.topClass, model: kept.candidate.manifest.id)
        }
    }

    private func record(of kept: FrameJudge.Kept, _ picture: Picture) -> SampleRecord {
        let (slot, candidate, choice) = (kept.slot, kept.candidate, kept.choice)
        let id = SampleID(device: device, run: run, sequence: slot.sequence)
        var record = SampleRecord(
            id: id, sha256: picture.sha256, bytes: picture.bytes.count, encoding: slot.encoding,
            width: slot.buffer.pixels.frameWidth, height: slot.buffer.pixels.frameHeight,
            source: slot.buffer.origin.source, origin: String(slot.buffer.origin.name),
            capturedAt: slot.buffer.capturedAt,
            model: candidate.manifest.id,
            prediction: PredictionRecord(
                candidate.prediction, labels: candidate.manifest.labels, scoreMin: candidate.scoreMin),
            utility: choice.utility.value, reason: choice.reason, inclusionProbability: choice.inclusionProbability,
            perceptualHash: candidate.hash,
            split: SplitRule.split(of: id, isAudit: choice.reason.isAudit, validationShare: validationShare))
        record.scene = kept.scene
        record.distance = choice.distance
        record.uncertaintyWeight = choice.uncertaintyWeight
        record.duplicateOf = choice.duplicateOf?.description
        return record
    }
}
