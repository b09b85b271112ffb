import Foundation
public import GleanerCore

/// WebDataset shards: `webdataset/<part>-000000.tar`, read from the first byte to the last by any number of readers.
///
/// A part is a split, or `unlabeled` in a batch for labeling. A sample is `<id>.<ext>`, its picture, `<id>.json`, its
/// line of `samples.jsonl`, and in a batch of a classifier `<id>.cls`, the class's index (in training), as well
/// as `classes.txt` beside the shards. A shard holds up to 1,000 samples or 256 MiB.
public struct WebDatasetExport: ExportFormat {
    public static let entry = Registry<any ExportFormat>.Entry(
        "webdataset", "WebDataset: tar shards with pictures and JSON; the only view of its batch"
    ) { _ in WebDatasetExport() }

    static let folderName = "webdataset"
    static let classesName = "classes.txt"

    public init() {}
    public var filesPerSample: Int { 1 }
    public func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
        try WebDatasetWriter(header: header, folder: folder)
    }
}

private struct WebDatasetWriter: ExportWriter {
    private struct Shard {
        var file: PackedFile
        var path: String
        var number: Int
        var sampleCount = 0
    }
    private static let sampleCountMax = 1_000
    private static let byteCountMax = 256 << 20

    let header: BatchHeader
    let folder: String
    private var shards: [String: Shard] = [:]

    init(header: BatchHeader, folder: String) throws {
        self.header = header
        self.folder = folder
        try ViewFolder.make(WebDatasetExport.folderName, in: folder)
        let classes = try BufferedFile("\(folder)/\(WebDatasetExport.folderName)/\(WebDatasetExport.classesName)")
        for name in header.classes { try classes.write("\(name.filter { !$0.isNewline })\n") }
        try classes.finish()
    }

    /// Opens the sample's shard when there is none with room.
    mutating func place(of sample: SampleRecord) throws -> FramePlace? {
        let part = ViewFolder.part(of: sample, header.purpose)
        let shard = shards[part]
        if let shard, shard.sampleCount < Self.sampleCountMax, shard.file.byteCount + sample.bytes < Self.byteCountMax {
            return .packed(in: shard.path)
        }
        try shard.map(Self.finish)
        let number = (shard?.number ?? -1) + 1
        let digits = String("\(1_000_000 + number)".dropFirst())
        let path = "\(WebDatasetExport.folderName)/\(part)-\(digits).tar"
        shards[part] = Shard(file: try PackedFile("\(folder)/\(path)"), path: path, number: number)
        return .packed(in: path)
    }

    mutating func append(_ sample: SampleRecord) throws {
        let part = ViewFolder.part(of: sample, header.purpose)
        guard let file = shards[part]?.file else { return }
        shards[part]?.sampleCount += 1
        try file.write(TarBlocks.header(name: sample.fileName, byteCount: sample.bytes))
        try file.writePicture(of: sample)
        try file.write(TarBlocks.padding(after: sample.bytes))
        try append("\(sample.id).json", CanonicalJSON.encode(sample), to: file)
        if header.purpose == .training, header.task == .classification {
            let names = try sample.labeledClasses()
            // One index cannot say more than one class; the JSON does.
            guard let name = names.first, names.count == 1 else { return }
            guard let index = header.classes.firstIndex(of: name) else {
                throw GleanerError(
                    .exportLabel, "sample \(sample.id) is labeled '\(name)', which is no class of the batch")
            }
            try append("\(sample.id).cls", Data("\(index)".utf8), to: file)
        }
    }

    private func append(_ name: String, _ content: Data, to file: PackedFile) throws {
        try file.write(TarBlocks.header(name: name, byteCount: content.count))
        try file.write(Array(content))
        try file.write(TarBlocks.padding(after: content.count))
    }

    private static func finish(_ shard: Shard) throws {
        try shard.file.write(TarBlocks.end)
        try shard.file.finish()
    }

    func finish() throws { try shards.values.forEach(Self.finish) }
}
