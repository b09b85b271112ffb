public import GleanerCore

/// Fills a model's input from frames as its manifest says: resize, colour order and normalisation in one pass.
///
/// Resized values are rounded to whole grey levels before they are normalised, as wherever 8-bit pictures are resized
/// (OpenCV, Pillow, every training pipeline that resizes on load): a model sees what it saw in training.
///
/// Tables are computed when the frame size changes; a steady stream allocates nothing.
/// Not copyable, so one thread at a time uses it.
public struct InputWriter: ~Copyable, Sendable {
    private let spec: InputSpec
    private let input: TensorBuffer
    private let normalization: Normalization
    private let paddingRow: [Int16]
    private var resampler: FrameResampler
    private var fit: FrameFit?
    private var letterbox: Letterbox?
    private var plannedWidth = 0
    private var plannedHeight = 0

    /// - Throws: ``GleanerError`` with code `input.unfit` when the specification contradicts itself or the tensor.
    public init(spec: InputSpec, input: TensorBuffer) throws {
        try Self.check(spec, input)
        guard let normalization = Normalization(spec) else {
            throw Self.unfit("`scale`, `mean` and `std` give no finite numbers", "correct `input` in model.json")
        }
        let order = ChannelOrder(layout: spec.layout, color: spec.color)
        self.spec = spec
        self.input = input
        self.normalization = normalization
        paddingRow = Array(
            repeating: Int16(truncatingIfNeeded: spec.padValue), count: spec.width * spec.channelCount)
        resampler = FrameResampler(filter: spec.filter, order: order)
    }

    /// Writes the frame into the tensor. Traps on a frame without pixels.
    ///
    /// - Returns: Where the frame lies in the input, for the decoder.
    public mutating func fill(from frame: PixelBuffer) -> Letterbox {
        precondition(frame.width > 0 && frame.height > 0, "a frame without pixels fills no input")
        let (fit, letterbox) = plan(frame)
        frame.withBytes { bytes in
            guard let pixels = bytes.baseAddress else { return }
            resampler.begin()
            for y in 0..<fit.contentHeight {
                let levels = resampler.row(y, of: pixels)
                write(levels, y: fit.contentY + y, x: fit.contentX, width: fit.contentWidth)
            }
        }
        return letterbox
    }

    private mutating func plan(_ frame: PixelBuffer) -> (FrameFit, Letterbox) {
        if let fit, let letterbox, plannedWidth == frame.width, plannedHeight == frame.height,
            letterbox.frameWidth == frame.frameWidth, letterbox.frameHeight == frame.frameHeight
        {
            return (fit, letterbox)
        }
        let newFit = FrameFit(frameWidth: frame.frameWidth, frameHeight: frame.frameHeight, spec: spec)
        resampler.plan(newFit, frameWidth: frame.width, frameHeight: frame.height)
        let newLetterbox = newFit.letterbox(frameWidth: frame.frameWidth, frameHeight: frame.frameHeight, spec: spec)
        (fit, letterbox) = (newFit, newLetterbox)
        (plannedWidth, plannedHeight) = (frame.width, frame.height)
        if newFit.contentWidth < spec.width || newFit.contentHeight < spec.height { pad() }
        return (newFit, newLetterbox)
    }

    // MARK: Into the tensor

    private func write(_ levels: UnsafePointer<Int16>, y: Int, x: Int, width: Int) {
        let channelCount = spec.channelCount
        guard spec.layout == .nchw, channelCount > 1 else {
            let index = (y * spec.width + x) * channelCount
            return write(levels, width * channelCount, channelCount == 1 ? .channel(0) : .interleaved, at: index)
        }
        for channel in 0..<channelCount {
            let index = (channel * spec.height + y) * spec.width + x
            write(levels + channel * width, width, .channel(channel), at: index)
        }
    }

    private func write(_ levels: UnsafePointer<Int16>, _ count: Int, _ run: Normalization.Run, at index: Int) {
        guard let base = input.bytes.baseAddress else { return }
        switch spec.type {
        case .float32: normalization.write(levels, count, run, into: base.assumingMemoryBound(to: Float.self) + index)
        case .float16: normalization.write(levels, count, run, into: base.assumingMemoryBound(to: Float16.self) + index)
        default: normalization.write(levels, count, run, into: base.assumingMemoryBound(to: UInt8.self) + index)
        }
    }

    /// Fills the whole tensor with the padding; frames of the same size then overwrite only their own part.
    private func pad() {
        paddingRow.withUnsafeBufferPointer { buffer in
            guard let row = buffer.baseAddress else { return }
            for y in 0..<spec.height { write(row, y: y, x: 0, width: spec.width) }
        }
    }

    // MARK: Checks

    private static func unfit(_ message: String, _ remedy: String) -> GleanerError {
        GleanerError(.inputUnfit, message, remedy: remedy)
    }

    private static func check(_ spec: InputSpec, _ input: TensorBuffer) throws {
        guard spec.width > 0, spec.height > 0, spec.width <= 1 << 16, spec.height <= 1 << 16 else {
            throw unfit(
                "the input's size \(spec.width) × \(spec.height) is no picture", "correct `input` in model.json")
        }
        guard input.shape == spec.shape else {
            throw unfit(
                "the input \(input.name) has the shape \(input.shape), and model.json asks for \(spec.shape)",
                "correct `width`, `height`, `layout` or `color` of `input` in model.json")
        }
        guard input.elementType == spec.type, [.float32, .float16, .uint8, .int8].contains(spec.type) else {
            throw unfit(
                "the input \(input.name) holds \(input.elementType), and model.json asks for \(spec.type)",
                "set `type` of `input` in model.json to float32, float16, uint8 or int8, whichever the model takes")
        }
        for (name, values) in [("mean", spec.mean), ("std", spec.std)] {
            guard values.count == 1 || values.count == spec.channelCount else {
                throw unfit(
                    "`\(name)` has \(values.count) values for \(spec.channelCount) channels",
                    "give one value, or one for each channel, in `input` of model.json")
            }
        }
        guard (0...255).contains(spec.padValue) else {
            throw unfit("`pad_value` is \(spec.padValue), not a grey level", "give 0 to 255 in `input` of model.json")
        }
    }
}
