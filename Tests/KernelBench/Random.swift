import GleanerCore
import GleanerTesting

/// Frames and tensors from a seed.
struct Random {
    private var numbers: RandomBytes

    init(seed: UInt64) { numbers = RandomBytes(seed: seed) }

    private mutating func next() -> UInt64 { numbers.next() }

    /// In 0..<1.
    private mutating func share() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// Blocks of colour under noise: a frame has edges, and no two pixels are the same.
    mutating func frame(_ width: Int, _ height: Int) -> PixelBuffer {
        let blocks = (0..<64 * 3).map { _ in Int(next() % 192) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(width * height * 3)
        for y in 0..<height {
            for x in 0..<width {
                let block = (y * 8 / height * 8 + x * 8 / width) * 3
                let noise = next()
                for channel in 0..<3 {
                    bytes.append(UInt8(blocks[block + channel] + Int(noise >> (8 * UInt64(channel)) & 63)))
                }
            }
        }
        return PixelBuffer(width: width, height: height, bytes: bytes)
    }

    /// A few cells in a hundred hold an object.
    mutating func fastestDet(classCount: Int, side: Int) -> TensorBuffer {
        let output = TensorBuffer(name: "output", elementType: .float32, shape: [1, 5 + classCount, side, side])
        let (values, cellCount) = (output.floats, side * side)
        for cell in 0..<cellCount {
            values[cell] = share() < 0.05 ? share() : 0.01 * share()
            for channel in 1..<5 { values[channel * cellCount + cell] = 2 * share() - 1 }
            for channel in 5..<5 + classCount { values[channel * cellCount + cell] = share() / 2 }
        }
        return output
    }

    /// - Parameter sure: The share of boxes of which a class is likely.
    mutating func yolov8(classCount: Int, boxCount: Int, sure: Float) -> TensorBuffer {
        let output = TensorBuffer(name: "output", elementType: .float32, shape: [1, 4 + classCount, boxCount])
        let values = output.floats
        for box in 0..<boxCount {
            for attribute in 0..<2 { values[attribute * boxCount + box] = 640 * share() }
            for attribute in 2..<4 { values[attribute * boxCount + box] = 20 + 100 * share() }
            for attribute in 4..<4 + classCount { values[attribute * boxCount + box] = 0.04 * share() }
            guard share() < sure else { continue }
            values[(4 + Int(next() % UInt64(classCount))) * boxCount + box] = 0.1 + 0.9 * share()
        }
        return output
    }

    mutating func embeddings(_ count: Int) -> [Embedding] {
        (0..<count).compactMap { _ in Embedding((0..<Embedding.dimensionMax).map { _ in 2 * share() - 1 }) }
    }
}
