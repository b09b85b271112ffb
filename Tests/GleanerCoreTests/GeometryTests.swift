import GleanerCore
import Testing

@Suite("Boxes and tensors")
struct GeometryTests {
    @Test(
        "overlap is intersection over union",
        arguments: [
            (Box(x: 0, y: 0, width: 10, height: 10), Box(x: 0, y: 0, width: 10, height: 10), 1),
            (Box(x: 0, y: 0, width: 10, height: 10), Box(x: 5, y: 0, width: 10, height: 10), 1 / 3),
            (Box(x: 0, y: 0, width: 10, height: 10), Box(x: 5, y: 5, width: 10, height: 10), 25 / 175),
            (Box(x: 0, y: 0, width: 10, height: 10), Box(x: 2, y: 2, width: 5, height: 5), 0.25),
            (Box(x: 0, y: 0, width: 10, height: 10), Box(x: 10, y: 0, width: 10, height: 10), 0),
            (Box(x: 0, y: 0, width: 0, height: 0), Box(x: 0, y: 0, width: 0, height: 0), 0),
            (Box(x: 0, y: 0, width: -5, height: 10), Box(x: 0, y: 0, width: 10, height: 10), 0),
        ] as [(Box, Box, Float)])
    func overlap(a: Box, b: Box, expected: Float) {
        #expect((a.overlap(with: b) - expected).magnitude < 1e-6)
        #expect((b.overlap(with: a) - expected).magnitude < 1e-6)
    }

    @Test func anOverlapIsNeverOutsideItsRange() {
        let odd: [Float] = [.nan, .infinity, -.infinity, 1e38, -1e38, 1e-38, 0, 0.3, 1000.1]
        for x in odd {
            for width in odd {
                let box = Box(x: x, y: 1000.1, width: width, height: 0.3)
                for other in [box, Box(x: 0, y: 0, width: 1, height: 1), Box(x: x, y: x, width: 0.3, height: width)] {
                    #expect((0...1).contains(box.overlap(with: other)), "\(box) \(other)")
                }
            }
        }
    }

    @Test func aBoxFindsItsWayBackThroughALetterbox() {
        // 640 × 480 into 320 × 320: half the size, 40 rows of padding above and below.
        let letterbox = Letterbox(
            frameWidth: 640, frameHeight: 480, inputWidth: 320, inputHeight: 320,
            scaleX: 0.5, scaleY: 0.5, offsetX: 0, offsetY: 40)
        #expect(
            letterbox.frameBox(x0: 10, y0: 50, x1: 110, y1: 90) == Box(x: 20, y: 20, width: 200, height: 80))
        // Clipped to the frame.
        #expect(
            letterbox.frameBox(x0: -10, y0: 0, x1: 400, y1: 400) == Box(x: 0, y: 0, width: 640, height: 480))
        // In the padding, or turned round.
        #expect(letterbox.frameBox(x0: 0, y0: 0, x1: 320, y1: 40) == nil)
        #expect(letterbox.frameBox(x0: 110, y0: 90, x1: 10, y1: 50) == nil)
    }

    @Test func stretchingHasTwoScalesAndACropNegativeOffsets() {
        let stretch = Letterbox(
            frameWidth: 100, frameHeight: 400, inputWidth: 200, inputHeight: 200,
            scaleX: 2, scaleY: 0.5, offsetX: 0, offsetY: 0)
        #expect(stretch.frameBox(x0: 20, y0: 20, x1: 40, y1: 40) == Box(x: 10, y: 40, width: 10, height: 40))
        let crop = Letterbox(
            frameWidth: 400, frameHeight: 200, inputWidth: 100, inputHeight: 100,
            scaleX: 0.5, scaleY: 0.5, offsetX: -50, offsetY: 0)
        #expect(crop.frameBox(x0: 0, y0: 0, x1: 100, y1: 100) == Box(x: 100, y: 0, width: 200, height: 200))
    }

    @Test("a box that is not finite is none", arguments: [Float.nan, .infinity, -.infinity], 0..<4)
    func notFinite(value: Float, place: Int) {
        var edges: [Float] = [10, 10, 20, 20]
        edges[place] = value
        let letterbox = Letterbox(
            frameWidth: 64, frameHeight: 64, inputWidth: 64, inputHeight: 64,
            scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0)
        #expect(letterbox.frameBox(x0: edges[0], y0: edges[1], x1: edges[2], y1: edges[3]) == nil)
        let flat = Letterbox(
            frameWidth: 64, frameHeight: 64, inputWidth: 64, inputHeight: 64,
            scaleX: 0, scaleY: 0, offsetX: 0, offsetY: 0)
        #expect(flat.frameBox(x0: 0, y0: 0, x1: 10, y1: 10) == nil)
    }

    @Test func aTensorIsAlignedAndZeroed() {
        let tensor = TensorBuffer(name: "input", elementType: .float32, shape: [1, 3, 5, 7])
        #expect(tensor.elementCount == 105)
        #expect(tensor.bytes.count == 420)
        #expect(tensor.floats.count == 105)
        #expect(tensor.floats.allSatisfy { $0 == 0 })
        #expect(tensor.bytes.baseAddress.map { UInt(bitPattern: $0) % 64 } == 0)
        tensor.floats[104] = 2.5
        #expect(tensor.float(at: 104) == 2.5)
    }

    @Test func elementsOfEveryTypeReadAsFloats() {
        for (type, bytes, expected) in [
            (.uint8, [200], 200), (.int8, [200], -56), (.int32, [0xfe, 0xff, 0xff, 0xff], -2),
            (.int64, [1, 1, 0, 0, 0, 0, 0, 0], 257), (.float32, [0, 0, 0x80, 0xbf], -1),
        ] as [(ElementType, [UInt8], Float)] {
            let tensor = TensorBuffer(name: "t", elementType: type, shape: [2])
            tensor.bytes.baseAddress?.advanced(by: type.byteCount).copyMemory(from: bytes, byteCount: bytes.count)
            #expect(tensor.float(at: 1) == expected)
            #expect(tensor.float(at: 0) == 0)
        }
    }

    @Test func aScalarAndAnEmptyTensorExist() {
        #expect(TensorBuffer(name: "s", elementType: .float32, shape: []).floats.count == 1)
        #expect(TensorBuffer(name: "e", elementType: .float32, shape: [0, 6]).floats.isEmpty)
    }

    @Test func pixelsGrowAndNeverShrink() {
        var pixels = PixelBuffer(width: 2, height: 2, bytes: (0..<12).map { UInt8($0) })
        #expect(pixels.withBytes { $0.count } == 12)
        pixels.resize(width: 1, height: 1)
        #expect(pixels.byteCount == 3)
        #expect(pixels.storage.count == 12)
        pixels.resize(width: 3, height: 2)
        #expect(pixels.withMutableBytes { $0.count } == 18)
        #expect(PixelBuffer().withBytes { $0.count } == 0)
        #expect(PixelBuffer(width: 2, height: 1).storage == [0, 0, 0, 0, 0, 0])
    }
}
