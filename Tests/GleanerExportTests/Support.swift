import Foundation
import GleanerCore

/// A folder that is removed with the test.
final class TemporaryFolder {
    let path: String
    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "gleaner-export-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Makes a folder in it.
    func folder(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
        return "\(path)/\(name)"
    }

    @discardableResult
    func write(_ text: String, to name: String) throws -> String { try write(Data(text.utf8), to: name) }

    @discardableResult
    func write(_ data: Data, to name: String) throws -> String {
        try data.write(to: URL(filePath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) }
    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }
}

/// Samples whose every value is known.
enum Make {
    static let device = DeviceID(rawValue: 0x0011_2233_4455_6677)
    static let run = RunID(counter: 3, nonce: 0xFFEE_DDCC_BBAA_9988)
    static func id(_ sequence: UInt64) -> SampleID { SampleID(device: device, run: run, sequence: sequence) }
    static func picture(_ sequence: UInt64) -> [UInt8] { Array("picture \(sequence)".utf8) }
    static let model = ModelID(name: "meter", version: 2, digest: Digest(of: Array("model".utf8)))

    static func sample(
        _ sequence: UInt64, _ prediction: Prediction, labels: [String], label: LabelValue? = nil,
        split: Split = .train, width: Int = 320, height: Int = 240, model: ModelID = model
    ) -> SampleRecord {
        let bytes = picture(sequence)
        let scoreMin: Float? = prediction.task == .detection ? 0.5 : nil
        return SampleRecord(
            id: id(sequence), sha256: Digest(of: bytes), bytes: bytes.count, encoding: .png, width: width,
            height: height, source: "folder:/data", origin: "\(sequence).png",
            capturedAt: Timestamp(milliseconds: 1_700_000_000_000), model: model,
            prediction: PredictionRecord(prediction, labels: labels, scoreMin: scoreMin), utility: 0.75,
            reason: .strategy("margin"), inclusionProbability: 1, perceptualHash: PerceptualHash(bits: 0xF0),
            split: split, label: label.map { LabelRecord(value: $0, revision: 7) })
    }

    static let digits = ["zero", "one & only", "<two>"]
    static func digit(
        _ sequence: UInt64, _ probabilities: [Float] = [0.25, 0.5, 0.25], label: LabelValue? = nil,
        split: Split = .train
    ) -> SampleRecord {
        sample(sequence, .classification(probabilities: probabilities), labels: digits, label: label, split: split)
    }

    static let fruits = ["apple", "pear"]
    static func fruit(
        _ sequence: UInt64, _ detections: [Detection] = [], label: LabelValue? = nil, split: Split = .train
    ) -> SampleRecord {
        sample(sequence, .detection(detections), labels: fruits, label: label, split: split)
    }
    static let apple = Detection(box: Box(x: 80, y: 60, width: 120, height: 120), classIndex: 0, score: 0.75)
    static let faintPear = Detection(box: Box(x: 10, y: 20, width: 30, height: 40), classIndex: 1, score: 0.25)

    static func header(_ purpose: BatchPurpose, _ task: ModelTask, count: Int) -> BatchHeader {
        BatchHeader(
            purpose: purpose, device: device, number: 5, task: task,
            classes: task == .classification ? digits : fruits, sampleCount: count)
    }

    static func box(_ label: String, _ x: Float, _ y: Float, _ width: Float, _ height: Float) -> LabeledBox {
        LabeledBox(label: label, box: Box(x: x, y: y, width: width, height: height))
    }
}

/// Everything that a label format gives for a file.
struct ReadLabels: Equatable {
    var found: [IncomingLabel] = []
    var rejected: [RejectedLabel] = []
    init(_ format: any LabelFormat, _ path: String) throws {
        try format.read(path, found: { found.append($0) }, rejected: { rejected.append($0) })
    }
    var values: [LabelValue] { found.map(\.label.value) }
    var reasons: [String] { rejected.map { "\($0.place): \($0.reason)" } }
}

/// Writes one view into a new folder.
func writeView(
    _ format: any ExportFormat, _ header: BatchHeader, _ samples: [SampleRecord], in folder: TemporaryFolder
) throws {
    var writer = try format.makeWriter(for: header, in: folder.path)
    for sample in samples {
        var placed = sample
        placed.file = try writer.place(of: sample)?.path ?? "frames/\(sample.fileName)"
        try writer.append(placed)
    }
    try writer.finish()
}

/// The message of the failure of `body`, or what it returned.
func failure(of body: () throws -> some Any) -> String {
    do {
        return "no failure: \(try body())"
    } catch let error as GleanerError {
        return "\(error.code): \(error.message)"
    } catch {
        return "another error: \(error)"
    }
}
