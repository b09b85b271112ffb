import Foundation
public import GleanerCore

/// Labels from folders: pictures lie in a folder named as their class.
///
/// Whatever lies in the folder counts as sorted by a person, so take out what nobody has looked at. Names that could
/// be no folder's are read as Gleaner writes them, percent-encoded. Where a folder has a `metadata.jsonl`, its lines say
/// the class (`label`) or the boxes (`objects`) of the pictures they name, and the others' folders do.
public struct ImageFolderLabels: LabelFormat {
    public static let entry = Registry<any LabelFormat>.Entry(
        "imagefolder", "pictures in a folder named as their class, or Hugging Face's metadata.jsonl"
    ) { _ in ImageFolderLabels() }

    public init() {}

    private static let pictureSuffixes = [".jpg", ".jpeg", ".png", ".webp", ".bmp"]

    private struct Named: Decodable { var file_name: String }
    private struct Line: Decodable {
        struct Objects: Decodable {
            var bbox: [[Double]]
            var categories: [String]
        }
        var file_name: String
        var label: String?
        var objects: Objects?
    }

    public func read(
        _ path: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws {
        guard InputFolder.isOne(path) else {
            throw GleanerError(
                .malformed, "\(path) is no folder", remedy: "name the folder that holds the classes' folders")
        }
        var told: Set<String> = []
        for file in try InputFolder.files(in: path, suffixes: ["metadata.jsonl"]) {
            try readLines(file, in: path, &told, found: found, rejected: rejected)
        }
        for file in try InputFolder.files(in: path, suffixes: Self.pictureSuffixes) where !told.contains(file) {
            let sample = SampleName.fromFile(file)
            let folder = PathName.last(of: PathName.parent(of: "\(path)/\(file)"))
            let name = folder.removingPercentEncoding ?? folder
            guard file.contains("/"), !name.isEmpty else {
                try rejected(RejectedLabel(place: file, sample: sample, reason: "lies in no folder of a class"))
                continue
            }
            let value: LabelValue = name == Unusable.name ? .unusable : .classified(name)
            try found(IncomingLabel(sample: sample, label: LabelRecord(value: value), place: file))
        }
    }

    private func readLines(
        _ file: String, in root: String, _ told: inout Set<String>, found: (IncomingLabel) throws -> Void,
        rejected: (RejectedLabel) throws -> Void
    ) throws {
        let folder = file.contains("/") ? PathName.parent(of: file) + "/" : ""
        try JSONLines.forEachForeignLine(in: "\(root)/\(file)") { text, number in
            let place = "\(file), line \(number)"
            let line: Line
            do {
                line = try CanonicalJSON.decode(from: text, named: "it")
            } catch {
                // Whose label it was to be may still be told; its picture must not count by its folder then.
                let name = (try? JSONDecoder().decode(Named.self, from: text))?.file_name
                if let name { told.insert(folder + name) }
                let sample = name.map(SampleName.fromFile) ?? ""
                return try rejected(RejectedLabel(place: place, sample: sample, reason: LabelFault.reason(error)))
            }
            let sample = SampleName.fromFile(line.file_name)
            do {
                guard let value = try Self.value(of: line) else { return }
                told.insert(folder + line.file_name)
                try found(IncomingLabel(sample: sample, label: LabelRecord(value: value), place: place))
            } catch let fault as LabelFault {
                told.insert(folder + line.file_name)
                try rejected(RejectedLabel(place: place, sample: sample, reason: fault.reason))
            }
        }
    }

    private static func value(of line: Line) throws -> LabelValue? {
        if let label = line.label { return label == Unusable.name ? .unusable : .classified(label) }
        guard let objects = line.objects else { return nil }
        guard objects.bbox.count == objects.categories.count else {
            throw LabelFault("has \(objects.bbox.count) boxes and \(objects.categories.count) categories")
        }
        return .boxes(
            try zip(objects.bbox, objects.categories).enumerated().map { index, mark in
                let (numbers, label) = mark
                do {
                    guard numbers.count == 4 else { throw LabelFault("has \(numbers.count) numbers instead of 4") }
                    let box = try BoxCheck.checked(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
                    return LabeledBox(label: label, box: box)
                } catch { throw LabelFault("box \(index + 1) \(LabelFault.reason(error))") }
            })
    }
}
