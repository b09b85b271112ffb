import Foundation
import GRDB
import GleanerCore
import Testing

@testable import GleanerStore

/// Every label belongs to the frame it was asked about and to the models that said something of it, whatever happened
/// in between: beside the queue a second book is kept the simplest way, and both must say the same.
@Suite struct AttributionTests {
    @Test(arguments: 1...16 as ClosedRange<UInt64>)
    func noInterleavingMisattributesALabel(seed: UInt64) throws {
        var life = try Life(seed: seed)
        defer { life.cleanUp() }
        for step in 1...90 {
            try life.step()
            if step.isMultiple(of: 15) { try life.expectSameBooks() }
        }
        try life.expectSameBooks()
        // The book has seen what it was made for.
        #expect(life.labelCount > 10 && life.crashCount > 0 && life.versionCount > 1, "seed \(seed)")
    }
}

/// A deployment's life at random, and the second book.
private struct Life {
    private struct Entry {
        var id: SampleID
        var model: Int
        var isAudit: Bool
        var isDuplicate: Bool
        /// What each model that saw it says.
        var said: [Int: String]
        var labels: [LabelRecord] = []
        var state = LabelState.queued
        var exportedAt: Double?
    }

    private static let classes = ["a", "b", "c"]
    private static let settings = StoreSettings(quotaByteCount: 1 << 30, keepFreeByteCount: 0)

    private let seed: UInt64
    private var drawCount: UInt64 = 0
    private var folders: [String]
    private var store: DeploymentStore
    private var run: RunID
    private let device: DeviceID
    private var sequence: UInt64 = 0
    private var seconds = 1.0
    private var active = 1
    private var entries: [Entry] = []
    private var sealed: [(number: Int, id: BatchID, members: [SampleID])] = []
    private var asked: [SampleID] = []
    private var fresh: [Int: (count: Int, confidence: Double)] = [:]
    private var duplicates: [Int: Int] = [:]
    private(set) var labelCount = 0
    private(set) var crashCount = 0
    private(set) var versionCount = 1

    init(seed: UInt64) throws {
        self.seed = seed
        folders = [try StoreFixture.makeFolder()]
        store = try DeploymentStore.open(folders[0], settings: Self.settings)
        for version in 1...3 { try ModelFixture(version, labels: Self.classes).place(in: store) }
        try store.activate(ModelFixture(1).id)
        run = try store.beginRun()
        device = try store.device()
    }

    func cleanUp() { for folder in folders { try? FileManager.default.removeItem(atPath: folder) } }

    private mutating func draw() -> Double {
        drawCount += 1
        return SeededDraw(seed: seed).uniform(.export, run: RunID(counter: 1, nonce: 1), sequence: drawCount)
    }

    private mutating func pick(_ count: Int) -> Int { min(Int(draw() * Double(count)), count - 1) }

    mutating func step() throws {
        switch draw() {
        case ..<0.30: try decide()
        case ..<0.45: try export()
        case ..<0.55: try acknowledge()
        case ..<0.72: try label()
        case ..<0.80: try swap()
        case ..<0.90: try rescore()
        case ..<0.95: try expire()
        default: try crash()
        }
    }

    // MARK: What happens

    private mutating func decide() throws {
        var frames: [FrameOutcome] = []
        for _ in 0...pick(4) {
            sequence += 1
            var frame = FrameOutcome(
                sequence: sequence,
                origin: FrameOrigin(
                    source: "folder:/frames", name: "\(run.counter)-\(sequence)", byteCount: 9,
                    modifiedNanoseconds: Int64(sequence)),
                outcome: .rejected(reason: "below_budget", model: ModelFixture(active).id, utility: 0.1))
            let isDuplicate = draw() < 0.3
            let confidence = (draw() * 64).rounded() / 64
            frame.exposure = .init(model: ModelFixture(active).id, confidence: isDuplicate ? nil : confidence)
            if isDuplicate {
                duplicates[active, default: 0] += 1
            } else {
                let known = fresh[active] ?? (0, 0)
                fresh[active] = (known.count + 1, known.confidence + confidence)
            }
            if draw() < 0.7 { keep(&frame, isDuplicate: isDuplicate) }
            frames.append(frame)
        }
        seconds += draw() * 10
        _ = try store.commit(frames, collectorState: nil, at: Instant(seconds: seconds))
    }

    private mutating func keep(_ frame: inout FrameOutcome, isDuplicate: Bool) {
        let isAudit = isDuplicate || draw() < 0.4
        let said = Self.classes[pick(3)]
        let picture = StoreFixture.bytes(64, seed: sequence &+ UInt64(run.counter) << 32)
        let id = SampleID(device: device, run: run, sequence: sequence)
        let reason: SelectionReason = isAudit ? .audit : .strategy("margin")
        var record = SampleRecord(
            id: id, sha256: Digest(of: picture), bytes: picture.count, encoding: .jpeg, width: 8, height: 8,
            source: "folder:/frames", origin: "\(sequence)", capturedAt: Timestamp(milliseconds: 0),
            model: ModelFixture(active).id, prediction: prediction(said), utility: draw(), reason: reason,
            inclusionProbability: isAudit ? 0.25 : 1, perceptualHash: PerceptualHash(bits: sequence), split: .train)
        record.duplicateOf = isDuplicate ? "1-1" : nil
        frame.outcome = .stored(record, picture: Picture(picture), evictionKey: draw())
        entries.append(
            Entry(id: id, model: active, isAudit: isAudit, isDuplicate: isDuplicate, said: [active: said]))
    }

    private func prediction(_ top: String) -> PredictionRecord {
        let others = Self.classes.filter { $0 != top }
        return PredictionRecord(
            .classification(probabilities: [0.5, 0.25, 0.25]), labels: [top] + others, scoreMin: nil)
    }

    /// Opens a batch; it is sealed, discarded, or its process dies.
    private mutating func export() throws {
        withExtendedLifetime(try store.beginExport()) {}
        guard
            let batch = try store.openBatch(
                .labeling, destination: "stick", limit: 1 + pick(8), formats: ["csv"], task: .classification)
        else { return }
        let fate = draw()
        if fate < 0.15 { return try store.discardBatch(batch.number) }
        if fate < 0.3 { return try crash() }
        let members = try store.members(of: batch.number, from: 0, limit: 100).map(\.id)
        let id = BatchID(Digest(of: Array("batch \(batch.number)".utf8)))
        try store.sealBatch(batch.number, id: id)
        sealed.append((batch.number, id, members))
        asked += members
    }

    private mutating func acknowledge() throws {
        guard !sealed.isEmpty else { return }
        let batch = sealed[pick(sealed.count)]
        // The receipt may come twice.
        for _ in 0...pick(2) { try store.acknowledge(batch.number, receipt: batch.id.digest) }
        sealed.removeAll { $0.number == batch.number }
        for index in entries.indices where batch.members.contains(entries[index].id) {
            entries[index].exportedAt = seconds
            if entries[index].state == .queued { entries[index].state = .exported }
        }
    }

    /// Labels and corrections in files of some lines, in any order, lines of strangers among them, some twice.
    private mutating func label() throws {
        guard !entries.isEmpty else { return }
        var lines: [IncomingLabel] = []
        for _ in 0...pick(6) {
            let index = pick(entries.count)
            let revision: Int64? = draw() < 0.4 ? nil : Int64(pick(4))
            let value: LabelValue = draw() < 0.1 ? .unusable : .classified(Self.classes[pick(3)])
            let label = LabelRecord(value: value, revision: revision)
            for _ in 0...pick(2) {
                lines.append(IncomingLabel(sample: entries[index].id.description, label: label, place: "line"))
                take(label, index)
            }
        }
        let stranger = SampleID(device: device, run: run, sequence: 1_000_000).description
        lines.append(IncomingLabel(sample: stranger, label: LabelRecord(value: .unusable), place: "line"))
        let report = try store.apply(lines)
        #expect(report.rejected.count == 1, "seed \(seed)")
        labelCount += report.applied
    }

    private mutating func take(_ label: LabelRecord, _ index: Int) {
        entries[index].labels.append(label)
        entries[index].state = current(entries[index])?.value == .unusable ? .unusable : .labeled
    }

    /// The largest revision, of equal ones the one whose content is greater; the last one if none has any.
    private func current(_ entry: Entry) -> LabelRecord? {
        func text(_ label: LabelRecord) -> String {
            (try? CanonicalJSON.encode(label)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        let revised = entry.labels.filter { $0.revision != nil }
        return revised.max { ($0.revision ?? 0, text($0)) < ($1.revision ?? 0, text($1)) } ?? entry.labels.last
    }

    private mutating func swap() throws {
        let next = 1 + pick(3)
        guard next != active else { return }
        try store.activate(ModelFixture(next).id)
        active = next
        versionCount += 1
    }

    private mutating func rescore() throws {
        guard !entries.isEmpty else { return }
        var scores: [SampleScore] = []
        for _ in 0...pick(4) {
            let index = pick(entries.count)
            // A frame's own model said what it said.
            guard entries[index].model != active else { continue }
            let said = Self.classes[pick(3)]
            entries[index].said[active] = said
            scores.append(
                SampleScore(
                    id: entries[index].id, model: ModelFixture(active).id, prediction: prediction(said),
                    utility: Utility(draw()), evictionKey: draw(), embedding: nil))
        }
        try store.record(scores)
    }

    private mutating func expire() throws {
        let limit = seconds - draw() * 20
        let gone = Set(try store.expire(exportedBefore: Instant(seconds: limit)))
        for index in entries.indices where entries[index].state == .exported {
            guard let at = entries[index].exportedAt, at < limit else { continue }
            entries[index].state = .expired
            #expect(gone.contains(entries[index].id.local), "seed \(seed)")
        }
    }

    /// The power goes: what is on the disk at this moment is all there is.
    private mutating func crash() throws {
        let copy = FileManager.default.temporaryDirectory.path + "/gleaner-life-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.copyItem(atPath: folders[folders.count - 1], toPath: copy)
        folders.append(copy)
        store = try DeploymentStore.open(copy, settings: Self.settings)
        run = try store.beginRun()
        sequence = 0
        crashCount += 1
    }

    // MARK: What must be so

    func expectSameBooks() throws {
        try expectStatesAndLabels()
        try expectAssessments()
        for version in 1...3 { try expectFeedback(version) }
        #expect(Set(asked).count == asked.count, "seed \(seed): a question was asked twice")
        #expect(try store.labelingCount() == asked.count, "seed \(seed)")
    }

    private func expectStatesAndLabels() throws {
        for entry in entries {
            let stored = try store.sample(entry.id.description)
            #expect(stored.labelState == entry.state, "seed \(seed), sample \(entry.id)")
            #expect(stored.record.label == current(entry), "seed \(seed), sample \(entry.id)")
            #expect(stored.record.prediction.top?.label == entry.said[entry.model], "seed \(seed)")
        }
    }

    private struct Judgement: Hashable {
        var sample: SampleID
        var model: Int
        var isRight: Bool
    }

    private func judgements(_ isIncluded: (Entry) -> Bool = { _ in true }) -> Set<Judgement> {
        var found: Set<Judgement> = []
        for entry in entries where isIncluded(entry) {
            guard case .classified(let truth)? = current(entry)?.value else { continue }
            for (model, said) in entry.said {
                found.insert(Judgement(sample: entry.id, model: model, isRight: said == truth))
            }
        }
        return found
    }

    private func expectAssessments() throws {
        let rows = try store.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT counter, nonce, sequence, version, false_alarms + misses = 0 AS right FROM assessment a
                    JOIN sample s USING (sample_key) JOIN run USING (run_key) JOIN model m ON m.model_key = a.model_key
                    """)
        }
        let stored = Set(
            rows.map { row in
                let run = RunID(
                    counter: UInt32(clamping: row["counter"] as Int64), nonce: UInt64(bitPattern: row["nonce"] as Int64)
                )
                let id = SampleID(device: device, run: run, sequence: UInt64(clamping: row["sequence"] as Int64))
                return Judgement(sample: id, model: row["version"], isRight: row["right"])
            })
        let errors = stored.symmetricDifference(judgements()).count
        #expect(errors == 0, "seed \(seed): \(errors) attribution errors")
        #expect(rows.count == stored.count, "seed \(seed)")
    }

    private func expectFeedback(_ version: Int) throws {
        let id = ModelFixture(version).id
        let audit = judgements(\.isAudit).filter { $0.model == version }
        let hits = try store.auditHits(of: id)
        #expect(hits == (Double(audit.count(where: \.isRight)), Double(audit.count)), "seed \(seed)")
        guard let feedback = try store.feedback().first(where: { $0.model == id }) else {
            #expect(fresh[version] == nil && duplicates[version] == nil, "seed \(seed)")
            return
        }
        #expect(feedback.freshCount == fresh[version]?.count ?? 0, "seed \(seed)")
        #expect(feedback.freshConfidenceSum == fresh[version]?.confidence ?? 0, "seed \(seed)")
        #expect(feedback.duplicateCount == duplicates[version] ?? 0, "seed \(seed)")
        let own = entries.filter { $0.model == version }
        #expect(
            Set(feedback.audit.map(\.sample)) == Set(own.filter(\.isAudit).map(\.id.local)), "seed \(seed)")
        #expect(
            Set(feedback.audit.filter(\.isDuplicate).map(\.sample))
                == Set(own.filter(\.isDuplicate).map(\.id.local)), "seed \(seed)")
        for isAudit in [true, false] {
            let sent = own.filter { $0.isAudit == isAudit && ($0.exportedAt != nil || !$0.labels.isEmpty) }
            #expect(feedback.sentCount[isAudit] ?? 0 == sent.count, "seed \(seed)")
            #expect(
                feedback.answeredCount[isAudit] ?? 0 == sent.count { !$0.labels.isEmpty }, "seed \(seed)")
        }
    }
}
