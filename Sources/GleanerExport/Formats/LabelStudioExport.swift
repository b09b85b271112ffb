import Foundation
public import GleanerCore

/// Tasks for Label Studio with the model's predictions as pre-labels, and the labeling interface to go with them.
///
/// To label a batch:
/// 1. Start Label Studio with `LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true` and
///    `LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT` set to the batch's folder.
/// 2. Make a project and paste `label-studio-config.xml` under Labeling Interface, Code.
/// 3. Under Cloud Storage add Local Files with the absolute path of the batch's `frames` folder. It need not be
///    synchronised: it only permits the pictures to be served.
/// 4. Import `label-studio.json`.
/// 5. When done, export as JSON (or JSON-MIN) and import that here with the label format `label-studio`.
///
/// Names of pictures are unique over all devices, so the `frames` folders of several batches may be copied into one
/// folder, which is then the root for all of them. Where pictures are served by something else, the option
/// `picture_prefix` says what stands before their path, such as `https://files.example/batch-7/`.
public struct LabelStudioExport: ExportFormat {
    public static let entry = Registry<any ExportFormat>.Entry(
        "label-studio", "tasks with pre-labels and the labeling interface for Label Studio"
    ) { options in
        LabelStudioExport(picturePrefix: options.string("picture_prefix") ?? defaultPicturePrefix)
    }

    public static let fileName = "label-studio.json"
    public static let configurationFileName = LabelStudioConfiguration.fileName
    public static let defaultPicturePrefix = "/data/local-files/?d="

    let picturePrefix: String
    public init(picturePrefix: String = defaultPicturePrefix) { self.picturePrefix = picturePrefix }

    public func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
        try header.requireNoReservedClass()
        let configuration = try BufferedFile("\(folder)/\(LabelStudioConfiguration.fileName)")
        try configuration.write(LabelStudioConfiguration.xml(header))
        try configuration.finish()
        return try LabelStudioWriter(header: header, folder: folder, picturePrefix: picturePrefix)
    }
}

private struct LabelStudioWriter: ExportWriter {
    private let header: BatchHeader
    private let picturePrefix: String
    private var tasks: JSONArrayFile

    init(header: BatchHeader, folder: String, picturePrefix: String) throws {
        self.header = header
        self.picturePrefix = picturePrefix
        tasks = JSONArrayFile(try BufferedFile("\(folder)/\(LabelStudioExport.fileName)"))
        try tasks.file.write("[")
    }

    mutating func append(_ sample: SampleRecord) throws {
        let picture = picturePrefix + Self.urlEncoded(sample.file)
        var task = LabelStudioTask(data: .init(image: picture, sample_id: "\(sample.id)"), meta: .init(sample))
        switch header.purpose {
        case .labeling: task.predictions = prediction(of: sample).map { [$0] } ?? []
        case .training: task.annotations = [.init(result: try labeledRegions(of: sample))]
        }
        try tasks.append(task)
    }

    mutating func finish() throws {
        try tasks.file.write("\n]\n")
        try tasks.file.finish()
    }

    /// What the model claims; `nil` when that is nothing, so that the annotator starts with an empty frame.
    private func prediction(of sample: SampleRecord) -> LabelStudioTask.Prediction? {
        let regions: [LabelStudioTask.Region]
        switch header.task {
        case .classification:
            let claimed = sample.predictedClasses(among: header.classes)
            guard let top = claimed.first else { return nil }
            regions = [.init(classes: claimed.map(\.label), score: top.score)]
        case .detection:
            regions = sample.predictedBoxes(among: header.classes).enumerated().compactMap { index, found in
                .init(number: index + 1, box: found.box, label: found.label, score: found.score, of: sample)
            }
        }
        guard let score = regions.compactMap(\.score).max() else { return nil }
        return .init(
            model_version: "\(sample.model.name)@\(sample.model.version)", score: score, result: regions)
    }

    private func labeledRegions(of sample: SampleRecord) throws -> [LabelStudioTask.Region] {
        switch header.task {
        case .classification:
            try sample.labeledClasses().isEmpty ? [] : [.init(classes: try sample.labeledClasses(), score: nil)]
        case .detection:
            try sample.labeledBoxes().enumerated().compactMap { index, labeled in
                .init(number: index + 1, box: labeled.box, label: labeled.label, score: nil, of: sample)
            }
        }
    }

    private static func urlEncoded(_ path: String) -> String {
        var allowed = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: "\u{0}"..."\u{7F}"))
        allowed.insert(charactersIn: "-._~/")
        return path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path
    }
}

/// A task as Label Studio imports it; names of keys are its own.
private struct LabelStudioTask: Encodable {
    struct Data: Encodable {
        var image: String
        var sample_id: String
    }
    struct Meta: Encodable {
        var sample_id: SampleID
        var reason: String
        var utility: Double
        var split: Split
        init(_ sample: SampleRecord) {
            sample_id = sample.id
            reason = sample.reason
            utility = sample.utility
            split = sample.split
        }
    }
    struct Prediction: Encodable {
        var model_version: String
        var score: Float
        var result: [Region]
    }
    struct Annotation: Encodable {
        var result: [Region]
        var ground_truth = true
    }
    struct Region: Encodable {
        var id: String
        var from_name = LabelStudioConfiguration.labelControl
        var to_name = LabelStudioConfiguration.picture
        var type: String
        var original_width: Int?
        var original_height: Int?
        var image_rotation: Int?
        var score: Float?
        var value: LabelStudioValue

        init(classes names: [String], score: Float?) {
            id = "c1"
            type = "choices"
            self.score = score
            value = LabelStudioValue(choices: names)
        }

        /// A box as percentages, clipped to the frame; `nil` if nothing of it is inside. Label Studio itself accepts
        /// any nonsense in silence.
        init?(number: Int, box: Box, label: String, score: Float?, of sample: SampleRecord) {
            let width = Double(sample.width)
            let height = Double(sample.height)
            let left = max(0, Double(box.x) / width)
            let top = max(0, Double(box.y) / height)
            let right = min(1, (Double(box.x) + Double(box.width)) / width)
            let bottom = min(1, (Double(box.y) + Double(box.height)) / height)
            guard right > left, bottom > top else { return nil }
            id = "b\(number)"
            type = "rectanglelabels"
            original_width = sample.width
            original_height = sample.height
            image_rotation = 0
            self.score = score
            // The extent is what is left of 100 when a box touches the edge: no sum may round past it.
            value = LabelStudioValue(
                rectanglelabels: [label], x: left * 100, y: top * 100,
                width: right == 1 ? 100 - left * 100 : (right - left) * 100,
                height: bottom == 1 ? 100 - top * 100 : (bottom - top) * 100)
        }
    }

    var data: Data
    var meta: Meta
    var predictions: [Prediction]?
    var annotations: [Annotation]?
}
