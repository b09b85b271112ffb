public import GleanerCore

/// Folders that Hugging Face's `imagefolder` reads; for classification a folder for each class, as torchvision, Keras
/// and Ultralytics read them too.
///
/// A part is a split, or `unlabeled` in a batch for labeling. Classification: `<part>/<class>/<id>.<ext>`; in a batch for
/// labeling the class is the predicted one, so that a person sorts by moving files. Detection: `<part>/<id>.<ext>`.
/// Each part has a `metadata.jsonl`: the class as it is really named, whatever its folder had to be called, or
/// `objects` with `bbox` (left, top, width, height in pixels) and `categories`.
public struct ImageFolderExport: ExportFormat {
    public static let entry = Registry<any ExportFormat>.Entry(
        "imagefolder", "Hugging Face imagefolder with metadata.jsonl; for classification a folder for each class"
    ) { _ in ImageFolderExport() }

    public init() {}
    public func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
        ImageFolderWriter(header: header, folder: folder, hasList: true)
    }
}

struct ImageFolderWriter: ExportWriter {
    /// Samples without a prediction lie in a folder of this name.
    private static let unknownClass = "unknown"

    let header: BatchHeader
    let folder: String
    /// Whether each part has a `metadata.jsonl`; some readers take pictures and nothing else.
    let hasList: Bool
    /// The folders of classes.
    private let folders: [String: String]
    private var files: [String: BufferedFile] = [:]

    init(header: BatchHeader, folder: String, hasList: Bool) {
        self.header = header
        self.folder = folder
        self.hasList = hasList
        folders = FolderName.of(header.classes)
    }

    func place(of sample: SampleRecord) throws -> FramePlace? {
        .file("\(ViewFolder.part(of: sample, header.purpose))/\(try name(of: sample))")
    }

    /// The picture's path from the folder of its part.
    private func name(of sample: SampleRecord) throws -> String {
        guard header.task == .classification else { return sample.fileName }
        let name =
            header.purpose == .training ? try sample.labeledClass() : sample.prediction.top?.label ?? Self.unknownClass
        return "\(folders[name] ?? FolderName.of(name))/\(sample.fileName)"
    }

    mutating func append(_ sample: SampleRecord) throws {
        guard hasList else { return }
        let part = ViewFolder.part(of: sample, header.purpose)
        if files[part] == nil {
            try ViewFolder.make(part, in: folder)
            files[part] = try BufferedFile("\(folder)/\(part)/metadata.jsonl")
        }
        try files[part]?.write(line(of: sample))
    }

    /// One JSON object, written by hand: Hugging Face takes a column's type from the first numbers it sees, and a `1`
    /// among fractions is another type than they are. So every line has every key, and numbers their fraction.
    private func line(of sample: SampleRecord) throws -> String {
        let top = sample.prediction.top
        var keys = [
            "\"file_name\":\(try Self.text(try name(of: sample)))", "\"gleaner_id\":\"\(sample.id)\"",
            "\"inclusion_probability\":\(sample.inclusionProbability)",
        ]
        switch header.task {
        case .classification where header.purpose == .training:
            keys.append("\"label\":\(try Self.text(try sample.labeledClass()))")
        case .classification: break
        case .detection:
            let marks = try sample.shownBoxes(header)
            let boxes = marks.map { "[\($0.box.x),\($0.box.y),\($0.box.width),\($0.box.height)]" }.joined(
                separator: ",")
            let names = try marks.map { try Self.text($0.label) }.joined(separator: ",")
            keys.append("\"objects\":{\"bbox\":[\(boxes)],\"categories\":[\(names)]}")
        }
        keys += [
            "\"predicted\":\(try Self.text(top?.label ?? ""))", "\"reason\":\(try Self.text(sample.reason))",
            "\"score\":\(top?.score ?? 0)", "\"utility\":\(sample.utility)",
        ]
        return "{\(keys.joined(separator: ","))}\n"
    }

    private static func text(_ text: String) throws -> String {
        String(decoding: try CanonicalJSON.encode(text), as: UTF8.self)
    }

    func finish() throws {
        for file in files.values { try file.finish() }
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

    /// Folders of several classes. Sticks take `Apple` and `apple` for one: the later gets eight digits of its digest.
    static func of(_ names: [String]) -> [String: String] {
        var taken: Set<String> = []
        var folders: [String: String] = [:]
        for name in names {
            let folder = of(name)
            let isFree = taken.insert(folder.lowercased()).inserted
            folders[name] = isFree ? folder : "\(folder)~\(Digest(of: Array(name.utf8)).description.prefix(8))"
        }
        return folders
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
