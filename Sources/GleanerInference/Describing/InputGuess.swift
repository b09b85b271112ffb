import GleanerCore

/// What a model's input must be, from its shape, its notes and what a person says.
struct InputGuess {
    let tensor: ModelInspection.Tensor
    let description: ModelDescription
    let notes: UltralyticsNotes?

    init(_ inspection: ModelInspection, _ description: ModelDescription, _ notes: UltralyticsNotes?) throws {
        guard let tensor = inspection.inputs.first, inspection.inputs.count == 1 else {
            let names = inspection.inputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw GleanerError(
                .modelUnsupported,
                "the model has \(inspection.inputs.count) inputs (\(names)), and Gleaner fills exactly one",
                remedy: "make the others constants of the model when you export it")
        }
        self.tensor = tensor
        self.description = description
        self.notes = notes
    }

    /// The input's form; how its numbers are scaled is told by ``complete(_:for:)``, once the decoder is known.
    func form() throws -> InputSpec {
        guard let type = tensor.elementType, [.float32, .float16, .uint8, .int8].contains(type) else {
            throw GleanerError(
                .modelUnsupported,
                "the input '\(tensor.name)' is \(tensor.type ?? "not a tensor"), which Gleaner cannot fill",
                remedy: "export the model with a float32, float16, uint8 or int8 input")
        }
        guard tensor.shape.count == 4 else {
            throw GleanerError(
                .modelUnsupported,
                "the input '\(tensor.name)' has the shape \(ShapeText.of(tensor.shape)), which is no picture",
                remedy: "a picture's input is [1, 3, height, width] or [1, height, width, 3]")
        }
        let isLast = tensor.shape[1].map { $0 != 3 && $0 != 1 } ?? (tensor.shape[3] == 3 || tensor.shape[3] == 1)
        let channelCount = tensor.shape[isLast ? 3 : 1] ?? 3
        guard channelCount == 3 || channelCount == 1 else {
            throw GleanerError(
                .modelUnsupported, "the input '\(tensor.name)' has \(channelCount) channels",
                remedy: "Gleaner fills pictures of 1 channel (grey) or 3 (colour)")
        }
        let (height, width) = (tensor.shape[isLast ? 1 : 2], tensor.shape[isLast ? 2 : 3])
        guard let height = height ?? description.height ?? notes?.size?.height,
            let width = width ?? description.width ?? notes?.size?.width
        else {
            throw GleanerError(
                .modelUndescribed,
                "the input '\(tensor.name)' takes any size, \(ShapeText.of(tensor.shape)), and the model does not say which is right",
                remedy: "name it, such as --size 640x640")
        }
        var spec = InputSpec(width: width, height: height)
        (spec.name, spec.type, spec.layout) = (tensor.name, type, isLast ? .nhwc : .nchw)
        spec.color = channelCount == 1 ? .gray : .rgb
        spec.scale = type == .uint8 || type == .int8 ? 1 : 1 / 255
        if type == .int8 { spec.mean = [128] }
        return spec
    }

    /// How many cells the grids of YOLO's three strides have over an input.
    static func cellCount(_ spec: InputSpec) -> Int {
        [8, 16, 32].reduce(0) { $0 + (spec.width / $1) * (spec.height / $1) }
    }

    /// Colour, scale and fit: as said, or as is usual for a decoder's models.
    func complete(
        _ spec: InputSpec, for decoder: DecoderSpec
    ) -> (spec: InputSpec, assumptions: [ModelAssumption]) {
        var spec = spec
        var assumptions: [ModelAssumption] = []
        let usual = Usual(decoder: decoder.name, isUltralytics: notes?.task != nil)
        func choose<Value>(
            _ what: String, _ said: Value?, _ standard: Value, _ option: String, _ text: (Value) -> String
        ) -> Value {
            if let said { return said }
            assumptions.append(
                .init(what: what, value: text(standard), reason: usual.reason, option: option))
            return standard
        }
        if spec.color != .gray { spec.color = choose("color", description.color, usual.color, "--color", \.rawValue) }
        spec.fit = choose("fit", description.fit, usual.fit, "--fit", \.rawValue)
        spec.filter = usual.filter
        if spec.type == .float32 || spec.type == .float16 {
            let text = { (scale: Float) in scale == 1 ? "0…255" : scale == 1 / 255 ? "0…1" : "× \(scale)" }
            spec.scale = choose("scale", description.scale, usual.scale, "--scale, --mean and --std", text)
        } else {
            spec.scale = description.scale ?? spec.scale
        }
        spec.mean = description.mean ?? spec.mean
        spec.std = description.std ?? spec.std
        return (spec, assumptions)
    }

    /// What the models of a decoder are usually trained with.
    private struct Usual {
        var color = InputSpec.Color.rgb
        var fit = InputSpec.Fit.stretch
        var filter = InputSpec.Filter.bilinear
        var scale: Float = 1 / 255
        var reason = "usual; the model does not say"

        init(decoder: String, isUltralytics: Bool) {
            switch decoder {
            case "yolov5", "yolov8", "yolo-end-to-end":
                fit = .letterbox
                reason = "as YOLO is trained"
            case "yolox":
                (fit, color, scale) = (.letterbox, .bgr, 1)
                reason = "as YOLOX is trained"
            case "fastestdet":
                color = .bgr
                reason = "as FastestDet is trained"
            // Its classifiers resize with Pillow, its detectors with OpenCV.
            case "classification" where isUltralytics: (fit, filter) = (.crop, .antialiased)
            default: break
            }
            if isUltralytics { reason = "as Ultralytics trains" }
        }
    }
}
