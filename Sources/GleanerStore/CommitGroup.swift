import Foundation
import GleanerCore

/// A group of outcomes on its way into one transaction, with everything computed that needs no database.
struct CommitGroup {
    struct Kept {
        var index: Int
        var record: SampleRecord
        var picture: Picture
        var evictionKey: Double
        var json: Data
        var diskByteCount: Int
        var home: PictureHome.Kind
        var embedding: Embedding?
        var isAudit: Bool { record.reason == SelectionReason.audit.description }
        var path: String {
            PictureHome.path(run: record.id.run, sequence: record.id.sequence, encoding: record.encoding)
        }
    }

    /// What is counted of one frame.
    struct Tally: Hashable {
        var outcome: String
        var reason: String
        var topClass: String
        var model: ModelID?
    }

    private(set) var outcomes: [FrameOutcome]
    private(set) var kept: [Kept] = []
    private(set) var refused: [SampleID: String] = [:]

    init(_ outcomes: [FrameOutcome], homes: PictureHome) {
        self.outcomes = outcomes
        for (index, frame) in outcomes.enumerated() {
            guard case .stored(let record, let picture, let key) = frame.outcome else { continue }
            guard let json = Self.encoded(record, picture, sequence: frame.sequence) else {
                refuse(index, record, because: StoreDropReason.malformed)
                continue
            }
            kept.append(
                Kept(
                    index: index, record: record, picture: picture, evictionKey: key.isNaN ? .infinity : key,
                    json: json, diskByteCount: PictureHome.diskByteCount(picture.bytes.count),
                    home: homes.kind(for: picture.bytes.count), embedding: frame.embedding))
        }
    }

    /// The record's lossless form; `nil` when it is not what it says, or cannot be written.
    private static func encoded(_ record: SampleRecord, _ picture: Picture, sequence: UInt64) -> Data? {
        guard record.bytes == picture.bytes.count, record.sha256 == picture.sha256, record.id.sequence == sequence,
            sequence > 0, Int64(exactly: sequence) != nil, record.utility.isFinite
        else { return nil }
        var record = record
        record.file = ""
        record.label = nil
        return try? CanonicalJSON.encode(record)
    }

    /// Drops samples for which no room could be made.
    mutating func refuse(_ positions: Set<Int>) {
        for position in positions {
            refuse(kept[position].index, kept[position].record, because: StoreDropReason.noSpace)
        }
        kept = kept.enumerated().filter { !positions.contains($0.offset) }.map(\.element)
    }

    private mutating func refuse(_ index: Int, _ record: SampleRecord, because reason: String) {
        let model = ModelID(name: record.model.name, version: record.model.version, digest: record.model.sha256)
        outcomes[index].outcome = .dropped(
            reason: reason, topClass: record.prediction.top?.label, model: model, utility: record.utility)
        refused[record.id] = reason
    }

    var files: [(path: String, bytes: [UInt8])] {
        kept.filter { $0.home == .file }.map { ($0.path, $0.picture.bytes) }
    }

    /// What a model was offered in this group.
    struct Exposures {
        var fresh = 0
        var confidenceSum = 0.0
        var duplicates = 0
    }

    var exposures: [ModelID: Exposures] {
        outcomes.reduce(into: [:]) { exposures, frame in
            guard let exposure = frame.exposure else { return }
            if let confidence = exposure.confidence {
                exposures[exposure.model, default: Exposures()].fresh += 1
                exposures[exposure.model, default: Exposures()].confidenceSum += confidence
            } else {
                exposures[exposure.model, default: Exposures()].duplicates += 1
            }
        }
    }

    /// States and changes beside the decisions themselves, in memory: about what they take as text.
    var recordedByteCount: Int {
        outcomes.reduce(0) { $0 + ($1.recording?.start == nil ? 0 : Self.startByteCount) }
    }
    private static let startByteCount = 64 << 10

    /// What is to be told of frames, by their origin.
    var answers: [FrameOrigin: FrameAnswer] {
        outcomes.reduce(into: [:]) { answers, frame in
            if frame.origin.awaitsAnswer { answers[frame.origin] = frame.answer }
        }
    }

    /// How many frames each kept sample came to stand for.
    var represented: [LocalSampleID: Int] {
        outcomes.reduce(into: [:]) { counts, frame in
            guard case .rejected = frame.outcome, let sample = frame.duplicateOf else { return }
            counts[sample, default: 0] += 1
        }
    }

    /// The frames of the group, and those that were gone before them.
    var offeredCount: Int { outcomes.reduce(outcomes.count) { $0 + $1.lateCount } }

    /// How often each counter grows.
    var tallies: [Tally: Int] {
        outcomes.reduce(into: [:]) { tallies, frame in
            tallies[Self.tally(frame.outcome), default: 0] += 1
            if frame.lateCount > 0 {
                let late = Tally(outcome: "dropped", reason: StoreDropReason.late, topClass: "", model: nil)
                tallies[late, default: 0] += frame.lateCount
            }
        }
    }

    /// How often each bin of each model's histogram grows.
    var utilities: [(model: ModelID, bin: Int)] {
        outcomes.compactMap { frame in
            let (model, utility) = Self.judgement(frame.outcome)
            guard let model, let utility, utility.isFinite else { return nil }
            return (model, UtilityHistogram.bin(of: utility))
        }
    }

    private static func tally(_ outcome: FrameOutcome.Outcome) -> Tally {
        switch outcome {
        case .stored(let record, _, _):
            Tally(
                outcome: "stored", reason: bounded(record.reason),
                topClass: bounded(record.prediction.top?.label ?? ""),
                model: record.model.id)
        case .rejected(let reason, let topClass, let model, _):
            Tally(outcome: "rejected", reason: bounded(reason), topClass: bounded(topClass ?? ""), model: model)
        case .dropped(let reason, let topClass, let model, _):
            Tally(outcome: "dropped", reason: bounded(reason), topClass: bounded(topClass ?? ""), model: model)
        }
    }

    private static func judgement(_ outcome: FrameOutcome.Outcome) -> (ModelID?, Double?) {
        switch outcome {
        case .stored(let record, _, _): (record.model.id, record.utility)
        case .rejected(_, _, let model, let utility), .dropped(_, _, let model, let utility): (model, utility)
        }
    }

    /// Counters are few and short whatever a caller writes.
    private static func bounded(_ text: String) -> String { String(text.prefix(100)) }
}
