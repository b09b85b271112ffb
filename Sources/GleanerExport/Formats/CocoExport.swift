public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// COCO's object annotations, as pycocotools and most trainers read them.
///
/// A batch for labeling gives `coco.json`, whose annotations are what the model claims, each with its `score`.
/// A batch for training gives one file for each split that has samples, `coco-train.json`, `coco-val.json` and
/// `coco-test.json`: a trainer that reads one file must not train on the samples that measure its model.
///
/// - Pictures are found from the batch's folder: `file_name` is `frames/…`.
/// - Categories are the batch's classes, with ids from 1 in their order.
/// - Every picture carries `gleaner_id`, by which labels find their sample again, and in training `labeled: true`: one
///   without annotations is then known to show nothing.
/// - For classification an annotation is a category for the whole frame and has no `bbox`, as in COCO Camera Traps.
public struct CocoExport: ExportFormat {
    public static let entry = Registry<any ExportFormat>.Entry(
        "coco", "COCO JSON, for pycocotools and most trainers; one file for each split when training"
    ) { _ in CocoExport() }

    public init() {}
    public func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
        CocoWriter(header: header, folder: folder)
    }
}

private struct CocoWriter: ExportWriter {
    let header: BatchHeader
    let folder: String
    private let categories: [String: Int]
    private var files: [String: CocoFile] = [:]

    init(header: BatchHeader, folder: String) {
        self.header = header
        self.folder = folder
        let numbered = header.classes.enumerated().map { ($1, $0 + 1) }
        categories = Dictionary(numbered, uniquingKeysWith: { first, _ in first })
    }

    mutating func append(_ sample: SampleRecord) throws {
        let name = header.purpose == .labeling ? "coco.json" : "coco-\(sample.split.rawValue).json"
        if files[name] == nil { files[name] = try CocoFile("\(folder)/\(name)") }
        let marks = try header.purpose == .labeling ? predicted(sample) : labeled(sample)
        try files[name]?.append(sample, isLabeled: header.purpose == .training, marks)
    }

    mutating func finish() throws {
        // An empty batch is still a file that loads.
        if files.isEmpty {
            let name = header.purpose == .labeling ? "coco.json" : "coco-train.json"
            files[name] = try CocoFile("\(folder)/\(name)")
        }
        for file in files.values { try file.finish(classes: header.classes) }
    }

    private func predicted(_ sample: SampleRecord) -> [CocoFile.Mark] {
        switch header.task {
        case .classification:
            return sample.predictedClasses(among: header.classes).compactMap {
                mark($0.label, score: $0.score, box: nil)
            }
        case .detection:
            return sample.predictedBoxes(among: header.classes).compactMap {
                mark($0.label, score: $0.score, box: $0.box)
            }
        }
    }

    private func labeled(_ sample: SampleRecord) throws -> [CocoFile.Mark] {
        switch header.task {
        case .classification: try sample.labeledClasses().map { try known($0, box: nil, of: sample) }
        case .detection: try sample.labeledBoxes().map { try known($0.label, box: $0.box, of: sample) }
        }
    }

    private func known(_ label: String, box: Box?, of sample: SampleRecord) throws -> CocoFile.Mark {
        if let mark = mark(label, score: nil, box: box) { return mark }
        throw GleanerError(.exportLabel, "sample \(sample.id) is labeled '\(label)', which is no class of the batch")
    }

    private func mark(_ label: String, score: Float?, box: Box?) -> CocoFile.Mark? {
        categories[label].map { CocoFile.Mark(category: $0, score: score, box: box) }
    }
}

/// One COCO file; annotations wait in a file beside it, for they follow the last picture.
private struct CocoFile {
    /// A category on a frame: at a box, or of the whole frame.
    struct Mark {
        var category: Int
        var score: Float?
        var box: Box?
    }
    private struct Picture: Encodable {
        var id: Int
        var file_name: String
        var width: Int
        var height: Int
        var gleaner_id: SampleID
        var labeled: Bool?
    }
    private struct Annotation: Encodable {
        var id: Int
        var image_id: Int
        var category_id: Int
        var bbox: [Float]?
        var area: Float
        var iscrowd = 0
        var score: Float?
    }
    private struct Category: Encodable {
        var id: Int
        var name: String
    }

    private var pictures: JSONArrayFile
    private var annotations: JSONArrayFile
    private var pictureCount = 0
    private var annotationCount = 0

    init(_ path: String) throws {
        pictures = JSONArrayFile(try BufferedFile(path))
        annotations = JSONArrayFile(try BufferedFile("\(path).annotations\(DurableFile.partialSuffix)"))
        try pictures.file.write("{\"images\":[")
    }

    mutating func append(_ sample: SampleRecord, isLabeled: Bool, _ marks: [Mark]) throws {
        pictureCount += 1
        try pictures.append(
            Picture(
                id: pictureCount, file_name: sample.file, width: sample.width, height: sample.height,
                gleaner_id: sample.id, labeled: isLabeled ? true : nil))
        for mark in marks {
            annotationCount += 1
            let area = mark.box?.area ?? Float(sample.width) * Float(sample.height)
            try annotations.append(
                Annotation(
                    id: annotationCount, image_id: pictureCount, category_id: mark.category,
                    bbox: mark.box.map { [$0.x, $0.y, $0.width, $0.height] }, area: area, score: mark.score))
        }
    }

    func finish(classes: [String]) throws {
        try annotations.file.finish()
        try pictures.file.write("\n],\"annotations\":[")
        try pictures.file.write(contentsOf: annotations.file.path)
        try pictures.file.write("\n],\"categories\":[")
        var categories = JSONArrayFile(pictures.file)
        for (index, name) in classes.enumerated() { try categories.append(Category(id: index + 1, name: name)) }
        try pictures.file.write("\n]}\n")
        try pictures.file.finish()
        guard unlink(annotations.file.path) == 0 else {
            throw GleanerError.system("cannot remove", annotations.file.path, errno: errno)
        }
    }
}
