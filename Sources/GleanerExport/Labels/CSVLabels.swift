import Foundation
public import GleanerCore

/// Labels from comma-separated values.
///
/// The first line names the columns. Needed are `label` and one of `sample_id`, `id` and `file` (whose name without
/// ending is the id); `revision` (a whole number) or `labeled_at` (RFC 3339) and `author` are read where they are. A
/// label is a class, `unusable`, a JSON list of classes that do not exclude each other, or boxes as JSON in the pixels
/// of the frame:
/// `[{"label":"apple","box":{"x":1,"y":2,"width":30,"height":40}}]`. A line with an empty label is not labeled.
public struct CSVLabels: LabelFormat {
    public static let entry = Registry<any LabelFormat>.Entry(
        "csv", "a table with the columns sample_id (or id, or file) and label"
    ) { _ in CSVLabels() }

    public init() {}

    public func read(
        _ path: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws {
        var columns: CSVLabelColumns?
        try CSVReader.forEachRow(in: path) { fields, line in
            guard let columns else { return columns = try CSVLabelColumns(header: fields, path: path) }
            switch columns.label(fields, line: line) {
            case .label(let label): try found(label)
            case .rejected(let rejection): try rejected(rejection)
            case .unlabeled: break
            }
        }
        guard columns != nil else {
            throw GleanerError(
                .malformed, "\(path) is empty", remedy: "begin it with a line that names its columns: id,label")
        }
    }
}

/// What one place of a label file turned out to hold.
enum LabelReading {
    case label(IncomingLabel)
    case rejected(RejectedLabel)
    case unlabeled
}

private struct CSVLabelColumns {
    private let count: Int
    private let sample: Int
    private let sampleIsFile: Bool
    private let label: Int
    private let revision: Int?
    private let labeledAt: Int?
    private let author: Int?

    init(header: [String], path: String) throws {
        let names = header.map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
        count = names.count
        let ids = ["sample_id", "id", "file"]
        guard let id = ids.first(where: names.contains), let sample = names.firstIndex(of: id),
            let label = names.firstIndex(of: "label")
        else {
            let shown = names.joined(separator: ", ").prefix(200)
            throw GleanerError(
                .malformed, "\(path) lacks a column 'label' or one of \(ids.joined(separator: ", ")); it has \(shown)",
                remedy: "name the columns in the first line, such as id,label")
        }
        self.sample = sample
        self.label = label
        sampleIsFile = id == "file"
        revision = names.firstIndex(of: "revision")
        labeledAt = names.firstIndex(of: "labeled_at")
        author = names.firstIndex(of: "author")
    }

    func label(_ fields: [String], line: Int) -> LabelReading {
        let place = "line \(line)"
        guard fields.count == count else {
            let reason = "has \(fields.count) fields, and the first line names \(count) columns"
            return .rejected(RejectedLabel(place: place, sample: "", reason: reason))
        }
        let text = fields[label].trimmingCharacters(in: .whitespaces)
        if text.isEmpty { return .unlabeled }
        let named = fields[sample].trimmingCharacters(in: .whitespaces)
        let id = sampleIsFile ? SampleName.fromFile(named) : named
        do {
            guard !id.isEmpty else { throw LabelFault("names no sample") }
            let record = LabelRecord(value: try value(text), revision: try revision(fields), author: author(fields))
            return .label(IncomingLabel(sample: id, label: record, place: place))
        } catch {
            return .rejected(RejectedLabel(place: place, sample: id, reason: LabelFault.reason(error)))
        }
    }

    private func value(_ text: String) throws -> LabelValue {
        if text == Unusable.name { return .unusable }
        guard text.hasPrefix("[") else { return .classified(text) }
        if let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)), !names.isEmpty {
            return .classes(Set(names).sorted())
        }
        let boxes: [LabeledBox] = try CanonicalJSON.decode(from: Data(text.utf8), named: "the list of boxes")
        return .boxes(try boxes.map { LabeledBox(label: $0.label, box: try BoxCheck.checked($0.box)) })
    }

    private func revision(_ fields: [String]) throws -> Int64? {
        if let revision, !fields[revision].isEmpty {
            guard let number = Int64(fields[revision]) else {
                throw LabelFault("has the revision '\(fields[revision].prefix(40))', which is no whole number")
            }
            return number
        }
        guard let labeledAt, !fields[labeledAt].isEmpty else { return nil }
        guard let time = Timestamp(fields[labeledAt]) else {
            throw LabelFault("has the time '\(fields[labeledAt].prefix(40))', which is not as 2026-01-31T12:00:00Z")
        }
        return time.milliseconds
    }

    private func author(_ fields: [String]) -> String? {
        author.flatMap { fields[$0].isEmpty ? nil : String(fields[$0].prefix(200)) }
    }
}
