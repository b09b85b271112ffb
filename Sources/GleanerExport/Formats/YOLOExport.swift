import Foundation
public import GleanerCore

/// The layouts that Ultralytics trains from.
///
/// Detection: `images/<part>/<id>.<ext>`, `labels/<part>/<id>.txt` with a line `class cx cy width height` for each
/// object (shares of the frame), and `data.yaml`. A part is a split, or `unlabeled` in a batch for labeling, whose
/// lines are what the model claims. A frame without objects has an empty file.
///
/// Classification: `<part>/<class>/<id>.<ext>`, as ``ImageFolderExport``, and nothing but pictures.
public struct YOLOExport: ExportFormat {
    public static let entry = Registry<any ExportFormat>.Entry(
        "yolo", "Ultralytics YOLO: images, labels and data.yaml, or a folder for each class"
    ) { _ in YOLOExport() }

    public static let fileName = "data.yaml"

    public init() {}
    public var filesPerSample: Int { 1 }
    public func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
        header.task == .detection
            ? YOLOWriter(header: header, folder: folder)
            : ImageFolderWriter(header: header, folder: folder, hasList: false)
    }
}

private struct YOLOWriter: ExportWriter {
    let header: BatchHeader
    let folder: String
    private let numbers: [String: Int]
    private var parts: Set<String> = []

    init(header: BatchHeader, folder: String) {
        self.header = header
        self.folder = folder
        numbers = Dictionary(header.classes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func place(of sample: SampleRecord) -> FramePlace? {
        .file("images/\(ViewFolder.part(of: sample, header.purpose))/\(sample.fileName)")
    }

    mutating func append(_ sample: SampleRecord) throws {
        let part = ViewFolder.part(of: sample, header.purpose)
        if parts.insert(part).inserted { try ViewFolder.make("labels/\(part)", in: folder) }
        let lines = try sample.shownBoxes(header).map { mark in
            guard let number = numbers[mark.label] else {
                throw GleanerError(
                    .exportLabel, "sample \(sample.id) is labeled '\(mark.label)', which is no class of the batch")
            }
            return "\(number) \(Self.shares(mark.box, of: sample))\n"
        }
        let file = try BufferedFile("\(folder)/labels/\(part)/\(sample.id).txt")
        try file.write(lines.joined())
        try file.finish()
    }

    private static func shares(_ box: Box, of sample: SampleRecord) -> String {
        let (width, height) = (Double(sample.width), Double(sample.height))
        let shares = [
            (Double(box.x) + Double(box.width) / 2) / width, (Double(box.y) + Double(box.height) / 2) / height,
            Double(box.width) / width, Double(box.height) / height,
        ]
        // Eight digits: a ten-thousandth of a pixel in the largest frame.
        return shares.map { "\(($0 * 1e8).rounded() / 1e8)" }.joined(separator: " ")
    }

    func finish() throws {
        let file = try BufferedFile("\(folder)/\(YOLOExport.fileName)")
        try file.write("# Paths are relative to this file.\n")
        for line in keys() { try file.write("\(line)\n") }
        try file.write("names:\n")
        for (index, name) in header.classes.enumerated() {
            // A text in JSON is one in YAML.
            try file.write("  \(index): \(String(decoding: CanonicalJSON.encode(name), as: UTF8.self))\n")
        }
        try file.finish()
    }

    /// Ultralytics wants `train` and `val` to be there; where no sample fell into one, another stands in.
    private func keys() -> [String] {
        func path(_ key: String, _ choices: String...) -> String {
            let part = choices.first(where: parts.contains) ?? key
            let note = parts.contains(key) ? "" : "  # no sample of this batch is in \(key)"
            return "\(key): images/\(part)\(note)"
        }
        if header.purpose == .labeling { return ["train: images/unlabeled", "val: images/unlabeled"] }
        // Never `test` for `train`: those samples measure the model.
        let both = [path("train", "train", "val"), path("val", "val", "train")]
        return parts.contains("test") ? both + [path("test", "test")] : both
    }
}
