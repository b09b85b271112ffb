import Foundation
public import GleanerCore

/// Seals a batch: writes `samples.jsonl`, the views and at last `manifest.json`, which lists every file with its size
/// and digest.
///
/// Pictures are listed by the digests that their samples carry and are not written here: until a batch is delivered
/// they lie where they lay. Call ``append(_:)`` until it has all samples, then ``finish(picture:)``.
///
/// The label of a training sample must be of the batch's task and classes. A *prediction* of a class that the batch
/// does not have (an older model's) stays in `samples.jsonl` and is left out of the views.
public struct BatchWriter {
    private struct View {
        var name: String
        var format: any ExportFormat
        var writer: any ExportWriter
    }

    private let folder: String
    private let header: BatchHeader
    private let classes: Set<String>
    private var views: [View]
    private let lines: BufferedFile
    private var sampleCount = 0
    private var pictures: [BatchManifest.File] = []
    private var paths: Set<String> = []
    /// Those that predicted the samples so far.
    public private(set) var models: Set<SampleRecord.ModelReference> = []

    /// - Parameters:
    ///   - folder: made already, empty, and nobody else's.
    ///   - formats: the views by name, as the manifest lists them.
    public init(folder: String, header: BatchHeader, formats: [(String, any ExportFormat)]) throws {
        self.folder = folder
        self.header = header
        classes = Set(header.classes)
        lines = try BufferedFile("\(folder)/\(BatchManifest.samplesFileName)")
        views = try formats.map {
            View(name: $0, format: $1, writer: try $1.makeWriter(for: header, in: folder))
        }
    }

    /// Adds samples in this order; many at once are encoded on all processors.
    ///
    /// - Throws: ``GleanerError``; the batch cannot be finished then.
    public mutating func append(_ samples: [SampleRecord]) throws {
        let placed = try samples.map { try place($0) }
        for line in try Workers.map(placed, { sample in try Self.written(sample) { try CanonicalJSON.encode(sample) } })
        {
            try lines.write(line)
            try lines.write("\n")
        }
        sampleCount += samples.count
    }

    /// Adds a sample to the views, and sets ``SampleRecord/file`` to the place of its picture in the batch.
    private mutating func place(_ sample: SampleRecord) throws -> SampleRecord {
        try check(sample)
        let place = try place(of: sample)
        guard BatchPath.isSafe(place.path) else {
            throw GleanerError(.batchSample, "the picture of sample \(sample.id) cannot lie at '\(place.path)'")
        }
        if case .file(let path) = place {
            // Whoever delivers the batch finds the sample by it.
            precondition(PathName.last(of: path) == sample.fileName, "'\(path)' is not named like its sample")
            guard paths.insert(path).inserted else {
                throw GleanerError(.batchSample, "two samples of the batch have the picture '\(path)'")
            }
            pictures.append(BatchManifest.File(path: path, bytes: sample.bytes, sha256: sample.sha256))
        }
        models.insert(sample.model)
        var sample = sample
        sample.file = place.path
        try Self.written(sample) {
            for index in views.indices { try views[index].writer.append(sample) }
        }
        return sample
    }

    private static func written<Value>(_ sample: SampleRecord, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let error as EncodingError {
            throw GleanerError(.batchSample, "sample \(sample.id) cannot be written as JSON", cause: error)
        }
    }

    /// Completes the batch and makes it durable.
    ///
    /// - Parameter picture: gives the bytes of a sample's picture, for the digests of files that pack them.
    /// - Returns: the manifest, and the digest of its file, which is the batch's id.
    public mutating func finish(
        picture: (SampleID) throws -> [UInt8] = { _ in [] }
    ) throws -> (BatchManifest, BatchID) {
        guard sampleCount == header.sampleCount else {
            throw GleanerError(
                .batchSample, "the batch has \(sampleCount) samples, and \(header.sampleCount) were announced")
        }
        try lines.finish()
        for index in views.indices { try views[index].writer.finish() }
        let tree = try BatchTree(folder)
        var own: [BatchManifest.File] = []
        for path in tree.files {
            let byteCount = try tree.flush(path)
            guard !PackedFile.isPart(path) else { continue }
            own.append(.init(path: path, bytes: byteCount, sha256: try Digest(ofFile: "\(folder)/\(path)")))
        }
        own += try PackedFile.list(in: tree).map { try PackedFile.describe($0, in: folder, picture: picture) }
        if let shared = own.first(where: { paths.contains($0.path) }) {
            throw GleanerError(.batchSample, "a format wrote to '\(shared.path)', where a picture belongs")
        }
        let newestFirst = models.sorted {
            ($0.version, $1.name, "\($1.sha256)") > ($1.version, $0.name, "\($0.sha256)")
        }
        let manifest = BatchManifest(
            header: header, formats: views.map(\.name), models: newestFirst,
            files: (own + pictures).sorted { $0.path < $1.path })
        var text = try CanonicalJSON.encodePretty(manifest)
        text.append(UInt8(ascii: "\n"))
        try DurableFile.write(text, to: "\(folder)/\(BatchManifest.fileName)")
        try tree.flushFolders()
        return (manifest, BatchID(Digest(of: text)))
    }

    /// Where the picture lies: as the one format with an opinion wants it, else in `frames/`.
    private mutating func place(of sample: SampleRecord) throws -> FramePlace {
        var wishes: [(name: String, place: FramePlace)] = []
        for index in views.indices {
            if let place = try views[index].writer.place(of: sample) { wishes.append((views[index].name, place)) }
        }
        guard let wish = wishes.first else { return .file("frames/\(sample.fileName)") }
        guard wishes.count == 1 else {
            let names = wishes.map(\.name).joined(separator: " and ")
            throw GleanerError(
                .exportUnsupported, "the formats \(names) both say where pictures have to lie",
                remedy: "export them as two batches")
        }
        if case .packed = wish.place, views.count > 1 {
            throw GleanerError(
                .exportUnsupported, "the format \(wish.name) packs the pictures, and no other finds them there",
                remedy: "export it as a batch of its own")
        }
        return wish.place
    }

    private func check(_ sample: SampleRecord) throws {
        guard sample.prediction.task == header.task else {
            throw GleanerError(
                .batchSample,
                "sample \(sample.id) is of a model for \(sample.prediction.task), and the batch is for \(header.task)",
                remedy: "export the samples of the two models as two batches")
        }
        guard header.purpose == .training else { return }
        let labels: [String] =
            switch header.task {
            case .classification: try sample.labeledClasses()
            case .detection: try sample.labeledBoxes().map(\.label)
            }
        if let unknown = labels.first(where: { !classes.contains($0) }) {
            throw GleanerError(
                .exportLabel, "sample \(sample.id) is labeled '\(unknown)', which is no class of the batch",
                remedy: "add the class to the batch, or correct the label")
        }
    }
}
