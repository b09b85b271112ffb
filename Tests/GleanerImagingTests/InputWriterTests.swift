import Foundation
import GleanerCore
import GleanerImaging
import Testing

@Suite struct InputWriterTests {
    static func spec(
        _ width: Int, _ height: Int, _ change: (inout InputSpec) -> Void = { _ in }
    ) -> InputSpec {
        var spec = InputSpec(width: width, height: height)
        change(&spec)
        return spec
    }

    func tensor(_ spec: InputSpec) -> TensorBuffer {
        TensorBuffer(name: "image", elementType: spec.type, shape: spec.shape)
    }

    // MARK: Against OpenCV and Pillow

    @Test(arguments: Fixtures.all.resizes)
    func resizedFramesEqualThoseOfOpenCVAndPillow(resize: Fixtures.Resize) throws {
        let frame = PixelBuffer.pattern(width: resize.width, height: resize.height)
        let spec = Self.spec(resize.newWidth, resize.newHeight) {
            $0.layout = .nhwc
            $0.type = .uint8
            $0.filter = resize.filter
        }
        let input = tensor(spec)
        var writer = try InputWriter(spec: spec, input: input)
        _ = writer.fill(from: frame)
        let differences = zip(input.bytes, resize.rgb).map { abs(Int($0) - Int($1)) }
        #expect(differences.count == input.elementCount)
        // Pillow chooses the axis that it scales first; the other order may round one level differently.
        #expect(differences.allSatisfy { $0 <= (resize.filter == .antialiased ? 1 : 0) })
    }

    // MARK: Against the definition

    /// Every combination of the choices that a manifest has.
    static let combinations: [InputSpec] = InputSpec.Fit.allCases.flatMap { fit in
        InputSpec.Filter.allCases.flatMap { filter in
            InputSpec.Layout.allCases.flatMap { layout in
                InputSpec.Color.allCases.flatMap { color in
                    [ElementType.float32, .float16, .uint8, .int8].map { type in
                        spec(30, 20) {
                            ($0.fit, $0.filter, $0.layout, $0.color, $0.type) = (fit, filter, layout, color, type)
                            ($0.scale, $0.mean, $0.std) = type == .int8 ? (1, [128], [1]) : (1, [0], [1])
                            if type == .float32, color != .gray {
                                ($0.scale, $0.mean, $0.std) = (1 / 255, [0.1, 0.2, 0.3], [0.5, 0.25, 2])
                            }
                        }
                    }
                }
            }
        }
    }

    /// In grey levels: what fixed-point arithmetic and rounding to whole levels may change.
    func tolerance(_ spec: InputSpec) -> Double {
        // Luma is rounded before it is resized. OpenCV's arithmetic rounds the weights of both axes to 11 bits and
        // cuts two operands to quarter levels; Pillow's rounds after each axis.
        let arithmetic =
            switch spec.filter {
            case .nearest: 0.001
            case .bilinear: 1.25
            case .antialiased: 1.0
            }
        return arithmetic + (spec.color == .gray ? 0.5 : 0)
    }

    @Test(arguments: combinations, [[(37, 53)], [(101, 40), (9, 7), (101, 40)]])
    func everyCombinationFillsTheInputAsDefined(spec: InputSpec, sizes: [(Int, Int)]) throws {
        let input = tensor(spec)
        var writer = try InputWriter(spec: spec, input: input)
        for (width, height) in sizes {
            let frame = PixelBuffer.pattern(width: width, height: height)
            let letterbox = writer.fill(from: frame)
            let reference = ReferenceInput(frame, spec)
            #expect(reference.largestDifference(from: input) <= tolerance(spec))
            #expect(abs(letterbox.scaleX - Float(reference.scaleX)) < 1e-5)
            #expect(letterbox.offsetX == Float(reference.offsetX))
            #expect(letterbox.offsetY == Float(reference.offsetY))
        }
    }

    /// As wide as a processor's vectors, and a little wider.
    @Test(arguments: InputSpec.Filter.allCases, [8, 29, 64, 97])
    func bothLayoutsHoldTheSameLevels(filter: InputSpec.Filter, width: Int) throws {
        for frameWidth in [1, 2, 61, 200] {
            let frame = PixelBuffer.pattern(width: frameWidth, height: 50)
            let inputs = try InputSpec.Layout.allCases.map { layout in
                let spec = Self.spec(width, 24) { ($0.filter, $0.layout, $0.type) = (filter, layout, .uint8) }
                let input = tensor(spec)
                var writer = try InputWriter(spec: spec, input: input)
                _ = writer.fill(from: frame)
                return (0..<3).map { channel in
                    (0..<width * 24).map { pixel in
                        input.bytes[layout == .nchw ? channel * width * 24 + pixel : 3 * pixel + channel]
                    }
                }
            }
            #expect(inputs[0] == inputs[1])
        }
    }

    @Test func aLetterboxedBoxFindsItsWayBack() throws {
        let spec = Self.spec(352, 352) { $0.fit = .letterbox }
        var writer = try InputWriter(spec: spec, input: tensor(spec))
        let letterbox = writer.fill(from: PixelBuffer(width: 704, height: 352))
        #expect(letterbox.scaleX == 0.5 && letterbox.offsetX == 0 && letterbox.offsetY == 88)
        #expect(
            letterbox.frameBox(x0: 0, y0: 88, x1: 352, y1: 264) == Box(x: 0, y: 0, width: 704, height: 352))
    }

    @Test func aCroppedBoxFindsItsWayBack() throws {
        let spec = Self.spec(100, 100) { $0.fit = .crop }
        var writer = try InputWriter(spec: spec, input: tensor(spec))
        let letterbox = writer.fill(from: PixelBuffer(width: 400, height: 200))
        #expect(letterbox.scaleX == 0.5 && letterbox.offsetX == -50 && letterbox.offsetY == 0)
    }

    @Test func paddingIsNormalizedLikeLevels() throws {
        let spec = Self.spec(8, 8) { ($0.fit, $0.scale, $0.mean, $0.padValue) = (.letterbox, 1 / 255, [0.5], 51) }
        let input = tensor(spec)
        var writer = try InputWriter(spec: spec, input: input)
        _ = writer.fill(from: PixelBuffer(width: 8, height: 4))
        #expect(abs(input.floats[0] - -0.3) < 1e-6)
        #expect(input.floats[3 * 8] == -0.5)
        #expect(abs(input.floats[7 * 8 + 7] - -0.3) < 1e-6)
    }

    @Test(arguments: InputSpec.Fit.allCases, InputSpec.Filter.allCases)
    func framesOfExtremeShapesFillTheInput(fit: InputSpec.Fit, filter: InputSpec.Filter) throws {
        let spec = Self.spec(16, 16) { ($0.fit, $0.filter) = (fit, filter) }
        let input = tensor(spec)
        var writer = try InputWriter(spec: spec, input: input)
        for (width, height) in [(1, 1), (1, 5000), (5000, 1), (2, 1), (15, 34)] {
            _ = writer.fill(from: PixelBuffer(width: width, height: height) { _, _, _ in 200 })
            #expect(input.floats.allSatisfy { $0 == 200 || (fit == .letterbox && $0 == 114) })
            #expect(input.floats[8 * 16 + 8] == 200 || fit == .letterbox)
        }
    }

    // MARK: What does not fit

    @Test(arguments: [
        spec(0, 4), spec(1 << 20, 4), spec(4, 4) { $0.type = .int64 }, spec(4, 4) { $0.mean = [1, 2] },
        spec(4, 4) { $0.std = [] }, spec(4, 4) { $0.std = [1, 0, 1] }, spec(4, 4) { $0.scale = .nan },
        spec(4, 4) { $0.scale = .infinity }, spec(4, 4) { ($0.scale, $0.std) = (1e38, [1e-10]) },
        spec(4, 4) { ($0.mean, $0.type) = ([.nan], .uint8) }, spec(4, 4) { $0.padValue = 256 },
        spec(4, 4) { ($0.color, $0.mean) = (.gray, [0, 0, 0]) },
    ])
    func aSpecificationThatContradictsItselfIsAnError(spec: InputSpec) {
        let shape = spec.width > 0 && spec.width < 100 ? spec.shape : [1]
        let input = TensorBuffer(name: "image", elementType: spec.type, shape: shape)
        let error = #expect(throws: GleanerError.self) { _ = try InputWriter(spec: spec, input: input) }
        #expect(error?.code == .inputUnfit)
        #expect(error?.remedy.isEmpty == false)
    }

    @Test func aTensorOfAnotherShapeOrTypeIsAnErrorThatNamesBoth() {
        let input = TensorBuffer(name: "image", elementType: .float32, shape: [1, 3, 32, 20])
        let error = #expect(throws: GleanerError.self) {
            _ = try InputWriter(spec: Self.spec(20, 32) { $0.layout = .nhwc }, input: input)
        }
        #expect(error?.message.contains("[1, 3, 32, 20]") == true)
        #expect(error?.message.contains("[1, 32, 20, 3]") == true)
        #expect(throws: GleanerError.self) {
            _ = try InputWriter(spec: Self.spec(20, 32) { $0.type = .uint8 }, input: input)
        }
    }
}
