import Foundation
public import GleanerCore
import Yams

/// Labels from YOLO's text files: a folder with `data.yaml` (or `classes.txt`, or `obj.names`) and, for each picture, a
/// file of its name with a line `class cx cy width height`, in shares of the frame.
///
/// Files are looked for in every folder called `labels`, or, where there is none, everywhere in the folder. An empty
/// file is a frame without objects; a picture without a file is not labeled. One bad line rejects its whole file: half
/// of the truth would teach that the other half is background. A sixth number is a confidence, which makes the line a
/// prediction; the option `scored: labels` takes it.
public struct YOLOLabels: LabelFormat {
    public static let entry = Registry<any LabelFormat>.Entry(
        "yolo", "a folder of YOLO's text files with data.yaml, classes.txt or obj.names"
    ) { options in YOLOLabels(scored: options.choice("scored", CocoLabels.Scored.self) ?? .predictions) }

    let scored: CocoLabels.Scored
    public init(scored: CocoLabels.Scored = .predictions) { self.scored = scored }

    private static let lineCountMax = 100_000
    private static let fileByteCountMax = 64 << 20

    public func read(
        _ path: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws {
        let folder = InputFolder.isOne(path) ? path : PathName.parent(of: path)
        let classes = try YOLOClasses.read(from: path)
        let files = try Self.labelFiles(in: folder)
        guard !files.isEmpty else {
            throw GleanerError(
                .malformed, "\(folder) has no text files with labels", remedy: "name the folder that holds `labels`")
        }
        for file in files {
            let sample = SampleName.fromFile(file)
            let text = try FileReading.bytes(of: "\(folder)/\(file)", byteCountMax: Self.fileByteCountMax)
            do {
                let boxes = try boxes(text, classes: classes)
                let record = LabelRecord(value: .boxes(boxes))
                try found(IncomingLabel(sample: sample, label: record, place: file, boxUnit: .fraction))
            } catch let fault as LabelFault {
                try rejected(RejectedLabel(place: file, sample: sample, reason: fault.reason))
            }
        }
    }

    private static func labelFiles(in folder: String) throws -> [String] {
        let all = try InputFolder.files(in: folder, suffixes: [".txt"])
        let inLabels = all.filter { $0.split(separator: "/").dropLast().contains("labels") }
        guard inLabels.isEmpty else { return inLabels }
        let others: Set = ["classes.txt", "train.txt", "val.txt", "valid.txt", "test.txt", "labels.txt"]
        return all.filter { file in
            let name = PathName.last(of: file).lowercased()
            return !others.contains(name) && !name.hasPrefix("readme")
        }
    }

    private func boxes(_ data: Data, classes: [String]) throws -> [LabeledBox] {
        guard var text = String(data: data, encoding: .utf8) else { throw LabelFault("is not UTF-8") }
        if text.first == "\u{FEFF}" { text.removeFirst() }
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard lines.count <= Self.lineCountMax else { throw LabelFault("has more than \(Self.lineCountMax) lines") }
        return try lines.enumerated().compactMap { number, line in
            let fields = line.split { $0 == " " || $0 == "\t" }
            guard !fields.isEmpty else { return nil }
            do {
                return try box(fields, classes: classes)
            } catch let fault as LabelFault { throw LabelFault("line \(number + 1) \(fault.reason)") }
        }
    }

    private func box(_ fields: [Substring], classes: [String]) throws -> LabeledBox {
        if fields.contains(where: { $0.contains(",") }) {
            throw LabelFault("has commas, and YOLO separates by spaces")
        }
        let numbers = fields.compactMap { Double($0) }
        guard numbers.count == fields.count, numbers.allSatisfy(\.isFinite) else {
            throw LabelFault(
                "has '\(fields.first { Double($0)?.isFinite != true }?.prefix(40) ?? "")', which is no number")
        }
        guard numbers.count == 5 || numbers.count == 6 else {
            let polygon =
                numbers.count >= 7 && numbers.count % 2 == 1 ? ": it is a polygon, and Gleaner reads boxes" : ""
            throw LabelFault("has \(numbers.count) numbers instead of 5\(polygon)")
        }
        if numbers.count == 6, scored == .predictions {
            throw LabelFault("has a confidence: it is a prediction and no label; remove that of what is confirmed")
        }
        guard let index = Int(exactly: numbers[0]), classes.indices.contains(index) else {
            throw LabelFault(
                "has the class \(fields[0].prefix(40)), and there are \(classes.count) (0 to \(classes.count - 1))")
        }
        guard numbers[1...4].allSatisfy({ (-0.01...1.01).contains($0) }) else {
            throw LabelFault("has coordinates that are no shares of the frame: \(fields[1...4].joined(separator: " "))")
        }
        guard numbers[3] > 0, numbers[4] > 0 else { throw LabelFault("has a box without area") }
        let (x, y) = (numbers[1] - numbers[3] / 2, numbers[2] - numbers[4] / 2)
        let box = Box(x: Float(x), y: Float(y), width: Float(numbers[3]), height: Float(numbers[4]))
        return LabeledBox(label: classes[index], box: box)
    }
}

/// The names of YOLO's classes, by their numbers.
enum YOLOClasses {
    private static let byteCountMax = 4 << 20

    /// From a `data.yaml` itself, or the first list of classes that a folder has.
    static func read(from path: String) throws -> [String] {
        if !InputFolder.isOne(path) { return try read(file: path) }
        let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        let yaml =
            ["data.yaml", "data.yml", "dataset.yaml"] + names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }
        let lists = ["classes.txt", "obj.names"] + names.filter { $0.hasSuffix(".names") }
        guard let file = (yaml + lists).first(where: names.contains) else {
            throw GleanerError(
                .malformed, "\(path) names no classes: it has no data.yaml, classes.txt or obj.names",
                remedy: "put data.yaml there, or classes.txt with a name on each line, in the order of their numbers")
        }
        return try read(file: "\(path)/\(file)")
    }

    private static func read(file: String) throws -> [String] {
        let data = try FileReading.bytes(of: file, byteCountMax: byteCountMax)
        guard let text = String(data: data, encoding: .utf8) else {
            throw GleanerError(.malformed, "\(file) is not UTF-8", remedy: "save it as UTF-8")
        }
        let names = file.hasSuffix(".yaml") || file.hasSuffix(".yml") ? try yaml(text, file) : lines(text)
        guard !names.isEmpty else { throw GleanerError(.malformed, "\(file) names no classes") }
        return names
    }

    private static func lines(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    /// `names` is a list, or a dictionary from 0 on without a gap.
    private static func yaml(_ text: String, _ file: String) throws -> [String] {
        // Nothing that refers to something else: expanding such references could take for ever.
        guard !text.contains("*"), !text.contains("<<") else {
            throw GleanerError(
                .malformed, "\(file) has references (* or <<), which no list of classes needs",
                remedy: "write the names themselves")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw GleanerError(.malformed, "\(file) is no YAML: \(error)", remedy: "correct it there")
        }
        guard let names = root?.mapping?["names"] else {
            throw GleanerError(.malformed, "\(file) has no 'names'", remedy: "it is a list of the classes' names")
        }
        let values: [Node?]
        if let list = names.sequence {
            values = Array(list)
        } else {
            var numbered: [Int: Node] = [:]
            for (key, value) in names.mapping ?? [:] { if let number = key.int { numbered[number] = value } }
            values = (0..<(names.mapping?.count ?? 0)).map { numbered[$0] }
        }
        let texts = values.compactMap { $0?.scalar?.string }
        guard texts.count == values.count else {
            throw GleanerError(.malformed, "\(file): 'names' is no list, and its numbers are not 0, 1, 2, …")
        }
        return texts
    }
}
