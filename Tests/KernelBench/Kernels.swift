import GleanerCore
import GleanerImaging
import GleanerInference
import GleanerSelection

/// A kernel on fixed inputs, and the plain loop that gives the same.
struct Kernel {
    /// Each returns a number of what it makes, so that none of it can be left out.
    let work: () -> Float
    let plain: () -> Float
    /// How far the two are from each other at most, and how far they may be: 0 for the same bits.
    let difference: () -> Float
    var bound: Float = 0
    /// What a frame is made into, for others that can do it.
    var filling: (frame: PixelBuffer, spec: InputSpec)?
}

extension Kernel {
    /// How each is made; the random numbers say what its frame or its tensor holds.
    static let makers: KeyValuePairs<String, @Sendable (inout Random) throws -> Kernel> = [
        "fill_letterbox": {
            try filling($0.frame(1280, 720), InputSpec(352, 352, fit: .letterbox, filter: .bilinear))
        },
        "fill_crop": {
            try filling(
                $0.frame(640, 480), InputSpec(224, 224, fit: .crop, filter: .antialiased, isNormalised: true))
        },
        "fill_interleaved": {
            try filling($0.frame(1280, 720), InputSpec(320, 320, layout: .nhwc, filter: .bilinear))
        },
        "fill_gray": { try filling($0.frame(640, 480), InputSpec(48, 48, color: .gray, filter: .antialiased)) },
        "hash": { hash($0.frame(1280, 720)) },
        "luma_grid": { grid($0.frame(1280, 720)) },
        "decode_fastestdet": {
            try decoding(
                FastestDetDecoder.entry, $0.fastestDet(classCount: 80, side: 22), plain: PlainDetections.fastestDet)
        },
        "decode_yolov8": {
            try decoding(
                YOLOBoxesDecoder.yolov8, $0.yolov8(classCount: 80, boxCount: 8400, sure: 0.01),
                plain: PlainDetections.yolov8)
        },
        // Everything is an object: what is measured is the suppression.
        "suppress": {
            try decoding(
                YOLOBoxesDecoder.yolov8, $0.yolov8(classCount: 1, boxCount: 1000, sure: 1),
                plain: PlainDetections.yolov8)
        },
        "distance": { distance($0.embeddings(64)) },
        "nearest": { nearest($0.embeddings(4097)) },
    ]

    /// - Parameter seed: Of what it works on.
    static func make(_ name: String, seed: UInt64) throws -> Kernel {
        guard let maker = makers.first(where: { $0.key == name })?.value else {
            throw GleanerError(.malformed, "there is no kernel '\(name)'", remedy: "`KernelBench names` lists them")
        }
        var random = Random(seed: seed)
        return try maker(&random)
    }

    /// Crop, resize, colours and normalisation into the tensor.
    private static func filling(_ frame: PixelBuffer, _ spec: InputSpec) throws -> Kernel {
        let writing = try Writing(spec)
        let plain = PlainInput(spec, frame)
        let other = TensorBuffer(name: "plain", elementType: .float32, shape: spec.shape)
        return Kernel(
            work: { writing.fill(from: frame) },
            plain: {
                plain.fill(other)
                return other.floats[0]
            },
            difference: {
                _ = writing.fill(from: frame)
                plain.fill(other)
                return zip(writing.input.floats, other.floats).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
            }, filling: (frame, spec))
    }

    private static func hash(_ frame: PixelBuffer) -> Kernel {
        Kernel(
            work: { Float(PerceptualHash.of(frame).bits) }, plain: { Float(PlainLooks.hash(frame).bits) },
            difference: { Float(PerceptualHash.of(frame).distance(to: PlainLooks.hash(frame))) })
    }

    private static func grid(_ frame: PixelBuffer) -> Kernel {
        Kernel(
            work: { LumaGrid.of(frame)[0] }, plain: { PlainLooks.grid(frame)[0] },
            difference: {
                zip(LumaGrid.of(frame), PlainLooks.grid(frame)).reduce(0) { max($0, ($1.0 - $1.1).magnitude) }
            })
    }

    private static func decoding(
        _ entry: Registry<any OutputDecoder>.Entry, _ output: TensorBuffer,
        plain: @escaping (TensorBuffer, Letterbox) -> [Detection]
    ) throws -> Kernel {
        let decoder = try Registry("decoder", [entry]).make(entry.name)
        let outputs = TensorOutputs([output])
        let letterbox = Letterbox(
            frameWidth: 1280, frameHeight: 720, inputWidth: 640, inputHeight: 640, scaleX: 0.5, scaleY: 0.5, offsetX: 0,
            offsetY: 140)
        // A prediction that cannot be had is another one than the plain loop's.
        let decoded = { (try? decoder.decode(outputs, undoing: letterbox)) ?? .detection([]) }
        return Kernel(
            work: { decoded().topScore ?? 0 }, plain: { plain(output, letterbox).first?.score ?? 0 },
            difference: { decoded() == .detection(plain(output, letterbox)) ? 0 : .infinity })
    }

    private static func distance(_ embeddings: [Embedding]) -> Kernel {
        let (first, others) = (embeddings[0], embeddings.dropFirst())
        return Kernel(
            work: { others.reduce(0) { $0 + first.squaredDistance(to: $1) } },
            plain: { others.reduce(0) { $0 + PlainEmbeddings.squaredDistance(first, $1) } },
            difference: {
                others.reduce(0) {
                    max($0, (first.squaredDistance(to: $1) - PlainEmbeddings.squaredDistance(first, $1)).magnitude)
                }
            }, bound: distanceBound)
    }

    private static func nearest(_ embeddings: [Embedding]) -> Kernel {
        let (first, others) = (embeddings[0], Array(embeddings.dropFirst()))
        var bank = EmbeddingBank(capacity: others.count)
        let now = Instant(seconds: 0)
        for (place, other) in others.enumerated() {
            bank.add(other, of: LocalSampleID(runCounter: 1, sequence: UInt64(place)), at: now)
        }
        return Kernel(
            work: { bank.nearest(to: first, at: now)?.distance ?? 0 },
            plain: { PlainEmbeddings.nearest(to: first, among: others).distance },
            difference: {
                let found = bank.nearest(to: first, at: now)
                let plain = PlainEmbeddings.nearest(to: first, among: others)
                guard let found, found.sample.sequence == UInt64(plain.place) else { return .infinity }
                return (found.distance - plain.distance).magnitude
            }, bound: distanceBound)
    }

    /// Of two vectors of length 1 the products' magnitudes sum to 1 at most, so that in whatever order they are added, 128
    /// roundings of 2⁻²⁴ each change the sum by 2⁻¹⁷ at most, and twice the difference of two such sums by 2⁻¹⁵.
    private static let distanceBound: Float = 0x1p-15
}

/// An input with its writer, which cannot be copied.
private final class Writing {
    let input: TensorBuffer
    private var writer: InputWriter

    init(_ spec: InputSpec) throws {
        input = TensorBuffer(name: "frame", elementType: .float32, shape: spec.shape)
        writer = try InputWriter(spec: spec, input: input)
    }

    func fill(from frame: PixelBuffer) -> Float {
        _ = writer.fill(from: frame)
        return input.floats[0]
    }
}

extension InputSpec {
    fileprivate init(
        _ width: Int, _ height: Int, layout: Layout = .nchw, color: Color = .rgb, fit: Fit = .stretch,
        filter: Filter, isNormalised: Bool = false
    ) {
        self.init(width: width, height: height)
        (self.layout, self.color, self.fit, self.filter) = (layout, color, fit, filter)
        scale = 1 / 255
        guard isNormalised else { return }
        mean = [0.485, 0.456, 0.406]
        std = [0.229, 0.224, 0.225]
    }
}
