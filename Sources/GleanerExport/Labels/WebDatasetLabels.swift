import Foundation
public import GleanerCore

/// Labels from WebDataset shards: a tar, or a folder of them.
///
/// `<id>.json` holds the label as `samples.jsonl` does, under `label`; else `<id>.cls` is a class by name, or by its index
/// where `classes.txt` lies beside the shards. Pictures are passed over unread.
public struct WebDatasetLabels: LabelFormat {
    public static let entry = Registry<any LabelFormat>.Entry(
        "webdataset", "WebDataset shards: a tar or a folder of them"
    ) {
        _ in WebDatasetLabels()
    }

    public init() {}

    private static let entryByteCountMax = 4 << 20

    private struct Line: Decodable { var label: LabelRecord? }

    public func read(
        _ path: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws {
        let isFolder = InputFolder.isOne(path)
        let folder = isFolder ? path : PathName.parent(of: path)
        let files = isFolder ? try InputFolder.files(in: path, suffixes: [".tar"]) : [PathName.last(of: path)]
        guard !files.isEmpty else {
            throw GleanerError(.malformed, "\(path) has no .tar in it", remedy: "name the shards' folder")
        }
        for file in files {
            let classes = try Self.classes(beside: "\(folder)/\(file)")
            // A sample's entries follow each other, its label in the first that holds one.
            var labeled: Set<String> = []
            try TarEntries.forEach(in: "\(folder)/\(file)", byteCountMax: Self.entryByteCountMax, wanted: Self.isWanted)
            {
                name, content in
                let sample = SampleName.fromFile(name)
                guard !labeled.contains(sample) else { return }
                let place = "\(file), \(name)"
                do {
                    guard let record = try Self.label(name, content, classes: classes) else { return }
                    labeled.insert(sample)
                    try found(IncomingLabel(sample: sample, label: record, place: place))
                } catch let fault as LabelFault {
                    labeled.insert(sample)
                    try rejected(RejectedLabel(place: place, sample: sample, reason: fault.reason))
                }
            }
        }
    }

    private static func isWanted(_ name: String) -> Bool { name.hasSuffix(".json") || name.hasSuffix(".cls") }

    private static func label(_ name: String, _ content: Data, classes: [String]) throws -> LabelRecord? {
        if name.hasSuffix(".json") {
            do {
                return try CanonicalJSON.decode(Line.self, from: content, named: "it").label
            } catch { throw LabelFault(LabelFault.reason(error)) }
        }
        guard let text = String(data: content, encoding: .utf8)?.trimmingCharacters(in: .whitespacesAndNewlines),
            !text.isEmpty
        else { throw LabelFault("is empty or not UTF-8") }
        guard let index = Int(text) else {
            return LabelRecord(value: text == Unusable.name ? .unusable : .classified(text))
        }
        if classes.indices.contains(index) { return LabelRecord(value: .classified(classes[index])) }
        guard classes.isEmpty else { throw LabelFault("is class \(index), and classes.txt names \(classes.count)") }
        return LabelRecord(value: .classified(text))
    }

    private static func classes(beside shard: String) throws -> [String] {
        let path = "\(PathName.parent(of: shard))/\(WebDatasetExport.classesName)"
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        let text = String(decoding: try FileReading.bytes(of: path, byteCountMax: 4 << 20), as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).map(String.init)
    }
}
