import Foundation
public import GleanerCore
import GleanerExport
import GleanerStore

/// What a label import did, for `label import --json`.
public struct LabelImportReport: Sendable, Codable {
    /// Labels for samples that had none.
    public var applied = 0
    /// Labels that replaced another one.
    public var corrected = 0
    /// Labels that were here already.
    public var unchanged = 0
    /// Labels older than the one that counts.
    public var outdated = 0
    /// What was not taken, and why.
    public var rejected: [RejectedLabel] = []
    /// Classes that are not known here, the commonest first.
    public var unknownClasses: [UnknownClass] = []

    enum CodingKeys: String, CodingKey {
        case applied, corrected, unchanged, outdated, rejected
        case unknownClasses = "unknown_classes"
    }
}

extension Deployment {
    /// Reads labels from a file of another tool and applies them, each once, in whatever order they come.
    ///
    /// - Parameters:
    ///   - options: the format's own.
    ///   - mapping: what becomes of classes that are named otherwise, or not known.
    /// - Throws: ``GleanerError`` when the file as a whole cannot be read; nothing of it is then applied.
    public func importLabels(
        _ path: String, format: String, options: [String: JSONValue] = [:], mapping: ClassMapping = ClassMapping(),
        progress: (_ read: Int) -> Void
    ) throws -> LabelImportReport {
        let reader = try labelFormat(format, options)
        let classes = try labelClasses()
        var mapper = ClassMapper(mapping, known: classes)
        // The whole file is read before the first label is applied: a file cut in the middle changes nothing.
        var found: [IncomingLabel] = []
        var rejected: [RejectedLabel] = []
        try reader.read(
            path, found: { if let label = mapper.mapped($0) { found.append(label) } }, rejected: { rejected.append($0) }
        )
        try mapper.requireUsed()
        var report = LabelImportReport(rejected: rejected, unknownClasses: mapper.unknownClasses)
        let allowed = mapping.unknown == .add ? nil : Set(classes)
        let several = try allowsSeveralClasses()
        var done = 0
        for start in stride(from: 0, to: found.count, by: Self.labelGroupCount) {
            let group = Array(found[start..<min(start + Self.labelGroupCount, found.count)])
            let result = try store.apply(group, allowedClasses: allowed, allowsSeveralClasses: several)
            report.applied += result.applied
            report.corrected += result.corrected
            report.unchanged += result.unchanged
            report.outdated += result.outdated
            report.rejected += result.rejected
            done += group.count
            progress(done)
        }
        return report
    }

    private func labelFormat(_ name: String, _ options: [String: JSONValue]) throws -> any LabelFormat {
        let problems = ProblemList()
        let reader = OptionReader(.object(options), path: name, problems: problems)
        let format = try registries.labelFormats.make(name, options: reader)
        try problems.throwFirst()
        return format
    }

    /// A class, or where they do not exclude each other several with commas between, or none.
    private func labelValue(_ text: String, severalAllowed: Bool) throws -> LabelValue {
        if text == "unusable" { return .unusable }
        guard severalAllowed, try !labelClasses().contains(text) else { return .classified(text) }
        if text == "none" { return .classes([]) }
        let names = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        return names.isEmpty ? .classified(text) : .classes(names.sorted())
    }

    /// Labels one sample by hand: a class name, or `unusable`.
    ///
    /// Where classes do not exclude each other, several names with commas between, or `none`.
    ///
    /// - Throws: ``GleanerError`` when there is no such sample, or the class is unknown.
    public func setLabel(_ sample: String, to value: String) throws -> LabelImportReport {
        let stored = try store.sample(sample)
        let several = try allowsSeveralClasses()
        let label = try labelValue(value, severalAllowed: several)
        // Newer than what is there, whatever the wall clock says.
        let (next, isPastEnd) = (stored.record.label?.revision ?? 0).addingReportingOverflow(1)
        let revision = max(Timestamp.now().milliseconds, isPastEnd ? .max : next)
        let incoming = IncomingLabel(
            sample: "\(stored.record.id)", label: LabelRecord(value: label, revision: revision, author: "operator"),
            place: "the command line")
        let result = try store.apply(
            [incoming], allowedClasses: Set(try labelClasses()), allowsSeveralClasses: several)
        if let rejected = result.rejected.first {
            throw GleanerError(
                .malformed, "cannot label \(stored.record.id.short): \(rejected.reason)",
                remedy: "known classes: \(try labelClasses().joined(separator: ", ")), unusable")
        }
        return LabelImportReport(
            applied: result.applied, corrected: result.corrected, unchanged: result.unchanged,
            outdated: result.outdated)
    }

    private static let labelGroupCount = 500
}
