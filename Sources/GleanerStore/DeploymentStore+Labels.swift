import Foundation
import GRDB
public import GleanerCore

/// What became of the labels of a file.
public struct LabelReport: Sendable, Hashable, Codable {
    /// First labels of their samples.
    public var applied = 0
    /// Labels that replaced an earlier one.
    public var corrected = 0
    /// Labels that were there already.
    public var unchanged = 0
    /// Labels that a newer one beats.
    public var outdated = 0
    public var rejected: [RejectedLabel] = []
    public init() {}
}

extension DeploymentStore {
    /// So many labels share a transaction, so that a collector never waits long for its turn.
    private static let labelsPerTransaction = 500

    /// Takes labels: in any order, any number of times, some or all. The outcome is the same.
    ///
    /// For each sample the largest revision counts. Two different labels of one revision are ordered by their
    /// content, so that the order of imports never matters; without a revision the one imported last counts, and
    /// never over one that has a revision. What is already taken stays when a later transaction fails; taking the
    /// file again completes it.
    ///
    /// - Parameters:
    ///   - allowedClasses: names that a label may have; `nil` allows any.
    ///   - allowsSeveralClasses: whether the classes of a classifier do not exclude each other.
    public func apply(
        _ labels: [IncomingLabel], allowedClasses: Set<String>? = nil, allowsSeveralClasses: Bool = false
    ) throws -> LabelReport {
        var report = LabelReport()
        let check = LabelCheck(classes: allowedClasses, allowsSeveralClasses: allowsSeveralClasses)
        for start in stride(from: 0, to: labels.count, by: Self.labelsPerTransaction) {
            let part = labels[start..<min(start + Self.labelsPerTransaction, labels.count)]
            report = try write { db in
                var next = report
                for label in part { try apply(label, check, &next, db) }
                return next
            }
        }
        return report
    }

    private func apply(_ incoming: IncomingLabel, _ check: LabelCheck, _ report: inout LabelReport, _ db: Database)
        throws
    {
        do {
            guard let id = SampleID(incoming.sample), let row = try SampleRow.find(id, db) else {
                throw LabelCheck.Refusal(reason: "no sample of this deployment has this id")
            }
            let task = try String.fetchOne(
                db.cachedStatement(sql: "SELECT task FROM model WHERE model_key = ?"), arguments: [row.model])
            let label = try check.check(
                incoming.label, unit: incoming.boxUnit, task: task.flatMap(ModelTask.init), width: row.width,
                height: row.height)
            report[keyPath: try apply(label, to: row, db)] += 1
        } catch let refusal as LabelCheck.Refusal {
            let sample = String(incoming.sample.prefix(200))
            report.rejected.append(RejectedLabel(place: incoming.place, sample: sample, reason: refusal.reason))
            try Self.addToTotal("label_rejected", "", db)
        }
    }

    /// Writes the label to the history, makes it the current one if it wins, and says which count grows.
    private func apply(
        _ label: LabelRecord, to row: SampleRow, _ db: Database
    ) throws -> WritableKeyPath<LabelReport, Int> {
        let json = try CanonicalJSON.encode(label)
        let current = try db.first(
            "SELECT l.json, l.revision FROM sample s JOIN label l USING (label_key) WHERE s.sample_key = ?", [row.key])
        if current?["json"] as Data? == json { return \.unchanged }
        try db.run(
            "INSERT INTO label (sample_key, revision, json, received_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [row.key, label.revision, json, Timestamp.now().milliseconds])
        if let current, !Self.wins(json, label.revision, over: current["json"], current["revision"]) {
            return \.outdated
        }
        let state = label.value == .unusable ? LabelState.unusable : .labeled
        try db.run(
            """
            UPDATE sample SET label_state = ?,
              label_key = (SELECT label_key FROM label WHERE sample_key = sample.sample_key AND json = ?)
            WHERE sample_key = ?
            """, [state.rawValue, json, row.key])
        try assess(row, label.value, db)
        return current == nil ? \.applied : \.corrected
    }

    /// Whether a label replaces the current one.
    static func wins(_ json: Data, _ revision: Int64?, over current: Data, _ currentRevision: Int64?) -> Bool {
        switch (revision, currentRevision) {
        case (nil, nil): true
        case (nil, .some): false
        case (.some, nil): true
        case (let revision?, let currentRevision?):
            revision == currentRevision
                ? current.lexicographicallyPrecedes(json) : revision > currentRevision
        }
    }
}
