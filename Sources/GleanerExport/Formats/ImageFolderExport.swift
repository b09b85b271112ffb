public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A folder for each class, as torchvision, Keras, Ultralytics and Hugging Face read them.
///
/// Training: `<split>/<class>/<id>.<ext>`; labeling: `unlabeled/<predicted class>/<id>.<ext>`, so that a person sorts
/// by moving files. Each split has a `metadata.jsonl` with the class as it is really named, whatever its folder had to
/// be called. Only for classification.
public struct ImageFolderExport: ExportFormat {
    public static let entry = Registry<any ExportFormat>.Entry(
        "imagefolder", "a folder for each class, for torchvision, Keras and Hugging Face; classification only"
    ) { _ in ImageFolderExport() }

    public init() {}

    public func framePath(for sample: SampleRecord, purpose: BatchPurpose) throws -> String? {
        let (split, name) = try Self.place(of: sample, purpose: purpose)
        return "\(split)/\(FolderName.of(name))/\(sample.fileName)"
    }

    public func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
        guard header.task == .classification else {
            throw GleanerError(
                .exportUnsupported, "the format imagefolder has a class for each frame and cannot hold boxes",
                remedy: "use coco, label-studio or csv for detection")
        }
        return ImageFolderWriter(header: header, folder: folder)
    }

    /// Samples without a prediction lie in a folder of this name.
    private static let unknownClass = "unknown"

    fileprivate static func place(
        of sample: SampleRecord, purpose: BatchPurpose
    ) throws -> (split: String, class: String) {
        switch purpose {
        case .training: (sample.split.rawValue, try sample.labeledClass())
        case .labeling: ("unlabeled", sample.prediction.top?.label ?? unknownClass)
        }
    }
}

private struct ImageFolderWriter: ExportWriter {
    private struct Line: Encodable {
        var file_name: String
        /// The true class.
        var label: String?
        var predicted: String?
        var score: Float?
        var gleaner_id: SampleID
        var utility: Double
        var reason: String
        var inclusion_probability: Double
    }
    let header: BatchHeader
    let folder: String
    private var files: [String: BufferedFile] = [:]

    init(header: BatchHeader, folder: String) {
        self.header = header
        self.folder = folder
    }

    mutating func append(_ sample: SampleRecord) throws {
        let (split, name) = try ImageFolderExport.place(of: sample, purpose: header.purpose)
        let file = try files[split] ?? makeFile(split)
        files[split] = file
        // `file_name` starts from the folder that `metadata.jsonl` is in.
        let line = Line(
            file_name: "\(FolderName.of(name))/\(sample.fileName)", label: header.purpose == .training ? name : nil,
            predicted: sample.prediction.top?.label, score: sample.prediction.top?.score, gleaner_id: sample.id,
            utility: sample.utility, reason: sample.reason, inclusion_probability: sample.inclusionProbability)
        try file.write(CanonicalJSON.encode(line))
        try file.write("\n")
    }

    mutating func finish() throws {
        for file in files.values { try file.finish() }
    }

    private func makeFile(_ split: String) throws -> BufferedFile {
        let path = "\(folder)/\(split)"
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw GleanerError.system("cannot make the folder", path, errno: errno)
        }
        return try BufferedFile("\(path)/metadata.jsonl")
    }
}

/// Class names as names of folders that every file system takes, FAT on a stick included.
enum FolderName {
    private static let byteCountMax = 120

    /// Letters and digits of any script, and `-_+() .` stay; the rest is percent-encoded as in URLs, and so is a dot
    /// or space at an end. A name too long for a folder is cut and gets eight digits of its digest.
    static func of(_ name: String) -> String {
        let scalars = Array(name.unicodeScalars)
        let encoded = scalars.indices.map { index in
            let isAtEnd = index == 0 || index == scalars.count - 1
            return isSafe(scalars[index], isAtEnd: isAtEnd) ? String(scalars[index]) : percent(scalars[index])
        }
        let whole = encoded.joined()
        guard whole.utf8.count > byteCountMax else { return whole }
        var cut = ""
        for part in encoded {
            guard cut.utf8.count + part.utf8.count <= byteCountMax - 9 else { break }
            cut += part
        }
        return "\(cut)~\(Digest(of: Array(name.utf8)).description.prefix(8))"
    }

    private static func isSafe(_ scalar: Unicode.Scalar, isAtEnd: Bool) -> Bool {
        if scalar == "." || scalar == " " { return !isAtEnd }
        return scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal
            || "-_+()".unicodeScalars.contains(scalar)
    }

    private static func percent(_ scalar: Unicode.Scalar) -> String {
        String(scalar).utf8.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return digits.count == 1 ? "%0\(digits)" : "%\(digits)"
        }.joined()
    }
}
