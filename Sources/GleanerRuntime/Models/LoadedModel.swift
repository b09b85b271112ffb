import Foundation
import GleanerCore
import GleanerImaging
import GleanerInference

/// A model ready to judge frames: its session, its decoder and the kernel that fills its input.
///
/// `@unchecked Sendable`: loaded on one thread, then handed over whole to the thread that runs it, which is from then
/// on the only one to touch it.
final class LoadedModel: @unchecked Sendable {
    /// A model file larger than this is refused.
    static let byteCountMax = 512 << 20

    let bundle: ModelBundle
    let decoder: any OutputDecoder
    /// `nil` for a model that never runs here.
    private let engine: (any InferenceEngine)?
    /// `nil` while it is out of memory.
    private var session: (any InferenceSession)?
    private var writer: InputWriter?
    private var featuresDigest: Digest?
    /// Of the outputs that the decoder was last asked about.
    private var checkedShapes: [[Int]] = []
    /// What was made of the frame before: its memory is used again, unless somebody keeps it.
    private var lastPrediction = Prediction.detection([])
    private var lastEmbedding: Embedding?

    var manifest: ModelManifest { bundle.manifest }

    /// Loads the very bytes whose digest was checked, and tries them once on an empty frame, so that a model that
    /// cannot work is refused before it meets a frame.
    ///
    /// - Throws: ``GleanerError`` saying what does not fit.
    ///
    /// - Parameter loads: `false` for one that waits outside of memory.
    init(_ bundle: ModelBundle, engine: any InferenceEngine, registries: Registries, loads: Bool = true) throws {
        self.bundle = bundle
        self.engine = engine
        decoder = try Self.decoder(of: bundle.manifest, registries: registries)
        if loads { try load() }
    }

    /// A model that runs elsewhere: frames bring what it says, and it is asked nothing here.
    init(elsewhere manifest: ModelManifest) {
        bundle = ModelBundle(manifest: manifest, folder: URL(filePath: "/", directoryHint: .isDirectory))
        decoder = ElsewhereDecoder(task: manifest.task)
        engine = nil
    }

    /// Whether it can judge.
    var isLoaded: Bool { session != nil }

    /// What it was to run on first and could not.
    var setbacks: [GleanerError] { session?.setbacks ?? [] }

    /// Whether both make the same embedding of every frame.
    func sharesEmbeddings(with other: LoadedModel) -> Bool {
        guard let own = featuresDigest, let others = other.featuresDigest else { return false }
        return own == others && manifest.input == other.manifest.input
    }

    /// Gives its memory back; ``load()`` brings it into memory again.
    func unload() {
        session = nil
        writer = nil
    }

    /// Brings it into memory, checked and tried.
    ///
    /// - Throws: ``GleanerError`` saying what does not fit.
    func load() throws {
        guard !isLoaded else { return }
        guard let engine else { throw ElsewhereDecoder.isElsewhere }
        let file = bundle.file.path(percentEncoded: false)
        let bytes = try FileReading.bytes(of: file, byteCountMax: Self.byteCountMax)
        guard Digest(of: bytes) == manifest.sha256 else {
            throw GleanerError(
                .modelDamaged, "\(file) is not the file that was imported: its SHA-256 differs",
                remedy: "import \(manifest.id) again, or go back with: gleaner model rollback")
        }
        let cacheFolder = bundle.folder.appending(path: "cache").path(percentEncoded: false)
        let session = try bytes.withUnsafeBytes {
            try engine.loadSession(for: manifest, model: $0, cacheFolder: cacheFolder)
        }
        writer = try InputWriter(spec: manifest.input, input: session.input)
        self.session = session
        featuresDigest = session.featuresDigest
        checkedShapes = []
        do {
            try tryOnce()
        } catch {
            unload()
            throw error
        }
    }

    /// Makes the decoder that a manifest names, with its options checked.
    static func decoder(of manifest: ModelManifest, registries: Registries) throws -> any OutputDecoder {
        let problems = ProblemList()
        let options = OptionReader(.object(manifest.decoder.options), path: "decoder", problems: problems)
        let decoder = try registries.decoders.make(manifest.decoder.name, options: options)
        try problems.throwFirst()
        guard decoder.task == manifest.task else {
            throw GleanerError(
                .malformed,
                "\(manifest.id) is for \(manifest.task.rawValue), its decoder '\(manifest.decoder.name)' for \(decoder.task.rawValue)",
                remedy: "name another decoder in model.json")
        }
        return decoder
    }

    /// What the model says of a frame, and what it sees in it.
    func judge(_ pixels: PixelBuffer) throws -> (prediction: Prediction, embedding: Embedding?) {
        let letterbox = try prepare(pixels)
        return try interpret(try infer(), of: pixels, letterbox)
    }

    /// What it says of a frame on its way through the loop, each stage timed.
    func judge(_ slot: FrameSlot) throws -> (prediction: Prediction, embedding: Embedding?) {
        let letterbox: Letterbox
        let outputs: TensorOutputs
        if slot.isPrepared, let input = slot.input, input.spec == manifest.input, let filled = input.letterbox {
            letterbox = filled
            outputs = try infer(on: input.tensor)
        } else {
            try slot.completePixels(for: manifest.input)
            letterbox = try prepare(slot.buffer.pixels)
            slot.watch.end(.prepare)
            outputs = try infer()
        }
        slot.watch.end(.infer)
        defer { slot.watch.end(.interpret) }
        return try interpret(outputs, of: slot.buffer.pixels, letterbox)
    }

    /// Fills the model's own input; returns where the frame lies in it.
    func prepare(_ pixels: PixelBuffer) throws -> Letterbox {
        guard let letterbox = writer?.fill(from: pixels) else { throw outOfMemory }
        return letterbox
    }

    /// Runs the model on its own input as it is, or on one that was filled elsewhere.
    func infer(on tensor: TensorBuffer? = nil) throws -> TensorOutputs {
        guard let session else { throw outOfMemory }
        return try session.run(on: tensor ?? session.input)
    }

    private var outOfMemory: GleanerError {
        GleanerError(.modelFailed, "\(manifest.id) is out of memory", remedy: "load it first")
    }

    /// What the outputs say of a frame.
    func interpret(
        _ outputs: TensorOutputs, of pixels: PixelBuffer, _ letterbox: Letterbox
    ) throws -> (prediction: Prediction, embedding: Embedding?) {
        try checkShapes(of: outputs)
        try decoder.decode(outputs, undoing: letterbox, into: &lastPrediction)
        try checkClasses(of: lastPrediction)
        guard let features = outputs.features else {
            return (lastPrediction, embedding(of: lastPrediction, on: pixels))
        }
        lastEmbedding = Embedding(pooling: features, reusing: &lastEmbedding)
        return (lastPrediction, lastEmbedding)
    }

    /// What is left of a model that has no features to give.
    func embedding(of prediction: Prediction, on pixels: PixelBuffer) -> Embedding? {
        let (grid, scores) = (LumaGrid.of(pixels), scores(of: prediction))
        lastEmbedding = Embedding(count: grid.count + scores.count, reusing: &lastEmbedding) {
            $0 < grid.count ? grid[$0] : scores[$0 - grid.count]
        }
        return lastEmbedding
    }

    /// An output of varying shape could change its number of classes; one of a shape that was checked cannot.
    private func checkShapes(of outputs: TensorOutputs) throws {
        let isChecked =
            outputs.tensors.count == checkedShapes.count
            && zip(outputs.tensors, checkedShapes).allSatisfy { $0.shape == $1 }
        guard !isChecked else { return }
        try decoder.check(outputs, labelCount: manifest.labels.count)
        checkedShapes = outputs.tensors.map(\.shape)
    }

    /// Some detectors name a class by a number in the output, which no shape bounds.
    private func checkClasses(of prediction: Prediction) throws {
        guard case .detection(let detections) = prediction,
            let wrong = detections.first(where: { !manifest.labels.indices.contains($0.classIndex) })
        else { return }
        throw GleanerError(
            .outputMismatch,
            "\(manifest.id) names the class \(wrong.classIndex), and there are \(manifest.labels.count) labels",
            remedy: "write all the labels of the model, in its order, into \(ModelManifest.fileName)")
    }

    /// A number for each class.
    private func scores(of prediction: Prediction) -> [Float] {
        switch prediction {
        case .classification(let probabilities, _): return probabilities
        case .detection(let detections):
            var scores = [Float](repeating: 0, count: manifest.labels.count)
            for detection in detections where scores.indices.contains(detection.classIndex) {
                scores[detection.classIndex] = max(scores[detection.classIndex], detection.score)
            }
            return scores
        }
    }

    private func tryOnce() throws {
        if let outputs = try session?.run() { try checkShapes(of: outputs) }
        var pixels = PixelBuffer(width: manifest.input.width, height: manifest.input.height)
        pixels.withMutableBytes { bytes in
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
        }
        _ = try judge(pixels)
    }
}

/// Stands where the decoder of a model that runs elsewhere would.
private struct ElsewhereDecoder: OutputDecoder {
    static let isElsewhere = GleanerError(
        .modelFailed, "the model runs elsewhere and cannot be asked here", remedy: "import its bundle")

    var task: ModelTask
    var scoreMin: Float? { nil }
    func check(_ outputs: TensorOutputs, labelCount: Int) throws { throw Self.isElsewhere }
    func decode(_ outputs: TensorOutputs, undoing letterbox: Letterbox, into prediction: inout Prediction) throws {
        throw Self.isElsewhere
    }
}

extension GleanerError.Code {
    /// A model's file is not what its manifest says.
    static let modelDamaged = Self("model.damaged")
}
