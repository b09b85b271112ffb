import Foundation
import GleanerCore
import GleanerSelection
import GleanerStore

/// What a recorded run kept, and what it would have kept under another policy: the document of `replay --json`.
/// Schema: `Schemas/replay.schema.json`.
public struct ReplayReport: Sendable, Codable {
    /// What became of the frames under one policy.
    public struct Choices: Sendable, Codable {
        public var kept = 0
        /// Of these: by the coin, and for coverage.
        public var audit = 0
        public var coverage = 0
        /// Frames that resembled a kept one.
        public var duplicates = 0
        public var belowBudget = 0
        /// By what the model claims to see most of all; frames without anything count under the empty name.
        public var classes: [String: Int] = [:]
        /// By the hour of collecting.
        public var hours: [Hour] = []

        enum CodingKeys: String, CodingKey {
            case kept, audit, coverage, duplicates, classes, hours
            case belowBudget = "below_budget"
        }
    }

    public struct Hour: Sendable, Codable {
        public var hour: Int
        public var offered: Int
        public var kept: Int
    }

    public var run: String
    /// The number of the first frame that is recorded: 1 unless the beginning had to make room.
    public var first: UInt64
    public var frames: Int
    /// The configuration whose policy decided anew; `nil` for the one that was in force.
    public var policy: String?
    /// Frames about which both decide alike.
    public var alike: Int
    /// Frames whose likeness to others had to be guessed.
    public var guessed: Int
    public var recorded: Choices
    public var replayed: Choices
}

extension Deployment {
    /// Decides about a recorded run anew.
    ///
    /// - Parameters:
    ///   - runCounter: Which run; the newest one when `nil`.
    ///   - path: A configuration whose `selection` decides instead of the one that was in force.
    /// - Throws: ``GleanerError`` when there is no such run, or the policy cannot be replayed.
    public func replay(run runCounter: UInt32? = nil, policy path: String? = nil) throws -> ReplayReport {
        let runs = try store.recordedRuns(recordByteCount: DecisionRecord.byteCount)
        guard let recorded = runs.first(where: { runCounter == nil || $0.run.counter == runCounter }) else {
            throw GleanerError(
                .notFound, "no decisions are recorded of \(runCounter.map { "run \($0)" } ?? "any run")",
                remedy: runs.isEmpty
                    ? "collect first; nothing is recorded with `storage.decisions: 0`"
                    : "there are: \(runs.map { "\($0.run.counter)" }.joined(separator: ", "))")
        }
        let policy = try path.map { try Configuration.policy(in: $0, registries: registries) }
        var session = ReplaySession(recorded.run, policy: policy, deployment: self)
        try store.segments(of: recorded.run) { try session.decide($0) }
        return try session.report(policy: path)
    }

    /// The labels of every model that the queue knows.
    fileprivate func modelLabels() throws -> [ModelID: [String]] {
        Dictionary(try store.models().map { ($0.id, $0.manifest.labels) }) { first, _ in first }
    }
}

/// A replay on its way.
private struct ReplaySession {
    let run: RunID
    let policy: Configuration.SelectionSettings?
    let deployment: Deployment
    private var replay: Replay?
    private var asksAnew = false
    private var labels: [ModelID: [String]] = [:]
    private var first: UInt64?
    private var frameCount = 0
    private var alikeCount = 0
    private var recorded = ReplayReport.Choices()
    private var replayed = ReplayReport.Choices()

    init(_ run: RunID, policy: Configuration.SelectionSettings?, deployment: Deployment) {
        self.run = run
        self.policy = policy
        self.deployment = deployment
    }

    mutating func decide(_ segment: RecordedSegment) throws {
        if replay == nil { try begin(segment) }
        var changes = segment.changes[...]
        for (place, start) in stride(from: 0, to: segment.records.count, by: DecisionRecord.byteCount).enumerated() {
            let sequence = segment.first + UInt64(place)
            while let change = changes.first, change.before <= sequence {
                try apply(change.json)
                changes.removeFirst()
            }
            let end = min(start + DecisionRecord.byteCount, segment.records.count)
            guard let record = DecisionRecord(encoded: segment.records[start..<end]) else {
                throw damaged("the record of frame \(sequence)")
            }
            if asksAnew, record.course == .judged { try refuseUnanswerable(record.scores.task) }
            decide(record, sequence)
        }
    }

    private func refuseUnanswerable(_ task: ModelTask) throws {
        let names = policy?.rules.strategies.unanswerable(task) ?? []
        guard names.isEmpty else {
            throw GleanerError(
                .malformed,
                "\(names.joined(separator: ", ")) cannot be replayed: it needs more of a frame than is recorded",
                remedy: "leave it out of the policy, or try it live")
        }
    }

    private mutating func begin(_ segment: RecordedSegment) throws {
        labels = try deployment.modelLabels()
        guard let start = RecordedStart(segment.start) else { throw damaged("the start of a segment") }
        let inForce = try Configuration.selection(start.policy, registries: deployment.registries)
        asksAnew = policy.map { $0.strategiesSource != inForce.strategiesSource } ?? false
        var replay = Replay(
            recorded: inForce.rules, policy: policy?.rules, asksAnew: asksAnew, seed: (policy ?? inForce).seed,
            run: run, state: start.state)
        replay.labels = labels[start.model] ?? []
        replay.learned(start.competence)
        self.replay = replay
        first = segment.first
    }

    private func damaged(_ what: String) -> GleanerError {
        GleanerError(.storeCorrupt, "\(what) of run \(run.counter) cannot be read", remedy: "replay another run")
    }

    private mutating func apply(_ json: JSONValue) throws {
        switch SelectorChange(json) {
        case .model(let id)?: replay?.modelChanged(to: labels[id] ?? [])
        case .learned(let competence)?: replay?.learned(competence)
        case .released(let samples)?: replay?.released(samples)
        case nil: throw damaged("a change")
        }
    }

    private mutating func decide(_ record: DecisionRecord, _ sequence: UInt64) {
        frameCount += 1
        let verdict = replay?.decide(record, sequence: sequence)
        let outcome = verdict.map { DecisionRecord.Outcome($0) } ?? .none
        if outcome == record.outcome { alikeCount += 1 }
        let topClass = replay?.topClass(of: record) ?? ""
        recorded.count(record.outcome, topClass, at: record.instant)
        replayed.count(outcome, topClass, at: record.instant)
    }

    func report(policy path: String?) throws -> ReplayReport {
        ReplayReport(
            run: run.description, first: first ?? 1, frames: frameCount, policy: path, alike: alikeCount,
            guessed: replay?.guessCount ?? 0, recorded: recorded, replayed: replayed)
    }
}

extension ReplayReport.Choices {
    fileprivate mutating func count(_ outcome: DecisionRecord.Outcome, _ topClass: String, at now: Instant) {
        let hour = now.seconds.isFinite ? Int(min(max(now.seconds, 0), 1e12) / 3600) : 0
        if hours.last?.hour != hour { hours.append(.init(hour: hour, offered: 0, kept: 0)) }
        hours[hours.count - 1].offered += 1
        switch outcome {
        case .duplicate: duplicates += 1
        case .belowBudget: belowBudget += 1
        case .audit: audit += 1
        case .coverage: coverage += 1
        default: break
        }
        guard outcome.isKept else { return }
        kept += 1
        classes[topClass, default: 0] += 1
        hours[hours.count - 1].kept += 1
    }
}

extension Configuration.SelectionSettings {
    /// What the utilities come from, as the configuration says it.
    fileprivate var strategiesSource: [JSONValue?] {
        guard case .object(let values) = source else { return [nil, nil] }
        return [values["strategies"], values["combine"]]
    }
}
