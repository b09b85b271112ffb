import Foundation
public import GleanerCore

/// `samples.csv`: one line a sample, for spreadsheets and plain scripts.
///
/// The column `label` is empty, or has the class, `unusable`, or the boxes as JSON. Fill it in and import the file
/// again with the label format `csv`.
public struct CSVExport: ExportFormat {
    public static let entry = Registry<any ExportFormat>.Entry(
        "csv", "one line a sample, for spreadsheets; its column 'label' can be filled in and imported"
    ) { _ in CSVExport() }

    public static let fileName = "samples.csv"

    public init() {}
    public func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
        try header.requireNoReservedClass()
        return try CSVExportWriter(folder: folder)
    }
}

private struct CSVExportWriter: ExportWriter {
    private static let columns = [
        "id", "file", "width", "height", "model", "predicted", "score", "utility", "reason", "inclusion_probability",
        "split", "label",
    ]
    private let file: BufferedFile

    init(folder: String) throws {
        file = try BufferedFile("\(folder)/\(CSVExport.fileName)")
        try file.write(CSVWriter.row(Self.columns))
    }

    mutating func append(_ sample: SampleRecord) throws {
        let top = sample.prediction.top
        try file.write(
            CSVWriter.row([
                "\(sample.id)", sample.file, "\(sample.width)", "\(sample.height)",
                "\(sample.model.name)@\(sample.model.version)", top?.label ?? "", top.map { "\($0.score)" } ?? "",
                "\(sample.utility)", sample.reason, "\(sample.inclusionProbability)", sample.split.rawValue,
                Self.text(of: sample.label),
            ]))
    }

    mutating func finish() throws { try file.finish() }

    private static func text(of label: LabelRecord?) throws -> String {
        switch label?.value {
        case nil: ""
        case .classified(let name): name
        case .classes(let names): String(decoding: try CanonicalJSON.encode(names), as: UTF8.self)
        case .boxes(let boxes): String(decoding: try CanonicalJSON.encode(boxes), as: UTF8.self)
        case .unusable: Unusable.name
        }
    }
}
