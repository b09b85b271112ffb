/// The numeric type of a tensor's elements.
public enum ElementType: String, Sendable, Codable, CaseIterable {
    case float32
    case float16
    case uint8
    case int8
    case int32
    case int64

    public var byteCount: Int {
        switch self {
        case .float32, .int32: 4
        case .float16: 2
        case .uint8, .int8: 1
        case .int64: 8
        }
    }
}

/// A dense, row-major tensor in memory of our own, aligned to 64 bytes for vector code.
///
/// A session makes one for each input and output once and the runtime reads and writes them in place: nothing is
/// copied per frame.
///
/// `@unchecked Sendable`: the memory is plain bytes with one owner at a time. A tensor belongs to its session, and
/// a session serves one thread at a time.
public final class TensorBuffer: @unchecked Sendable {
    public let name: String
    public let elementType: ElementType
    public let shape: [Int]
    public let bytes: UnsafeMutableRawBufferPointer

    /// Allocates zeroed memory. Traps on a negative dimension.
    public init(name: String, elementType: ElementType, shape: [Int]) {
        precondition(shape.allSatisfy { $0 >= 0 }, "a tensor has no negative dimension")
        self.name = name
        self.elementType = elementType
        self.shape = shape
        let count = shape.reduce(1, *)
        bytes = .allocate(byteCount: max(count * elementType.byteCount, 1), alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { bytes.deallocate() }

    public var elementCount: Int { shape.reduce(1, *) }

    /// The elements as 32-bit floats. Traps for any other element type.
    public var floats: UnsafeMutableBufferPointer<Float> {
        precondition(elementType == .float32, "\(name) holds \(elementType), not float32")
        return UnsafeMutableBufferPointer(rebasing: bytes.bindMemory(to: Float.self)[..<elementCount])
    }

    /// One element as a float, whatever the type: for decoders of quantised outputs.
    public func float(at index: Int) -> Float {
        switch elementType {
        case .float32: bytes.load(fromByteOffset: index * 4, as: Float.self)
        case .float16: Float(bytes.load(fromByteOffset: index * 2, as: Float16.self))
        case .uint8: Float(bytes[index])
        case .int8: Float(Int8(bitPattern: bytes[index]))
        case .int32: Float(bytes.load(fromByteOffset: index * 4, as: Int32.self))
        case .int64: Float(bytes.load(fromByteOffset: index * 8, as: Int64.self))
        }
    }
}

/// Where a frame lies in a model's input, so that boxes find their way back to the frame.
///
/// A point of the input is `frame × scale + offset`. Stretching has two scales and no offset; a letterbox has one
/// scale and positive offsets (the padding); a crop has one scale and negative offsets.
public struct Letterbox: Sendable, Hashable {
    public var frameWidth: Int
    public var frameHeight: Int
    public var inputWidth: Int
    public var inputHeight: Int
    public var scaleX: Float
    public var scaleY: Float
    public var offsetX: Float
    public var offsetY: Float

    public init(
        frameWidth: Int, frameHeight: Int, inputWidth: Int, inputHeight: Int,
        scaleX: Float, scaleY: Float, offsetX: Float, offsetY: Float
    ) {
        self.frameWidth = frameWidth
        self.frameHeight = frameHeight
        self.inputWidth = inputWidth
        self.inputHeight = inputHeight
        self.scaleX = scaleX
        self.scaleY = scaleY
        self.offsetX = offsetX
        self.offsetY = offsetY
    }

    /// A box of the input, in its pixels, as a box of the frame, clipped to it; `nil` if nothing of it is inside
    /// or a coordinate is not finite.
    public func frameBox(x0: Float, y0: Float, x1: Float, y1: Float) -> Box? {
        let edges = SIMD4(
            (x0 - offsetX) / scaleX, (y0 - offsetY) / scaleY, (x1 - offsetX) / scaleX, (y1 - offsetY) / scaleY)
        // Before clipping, which would turn a NaN into an edge of the frame.
        guard edges.indices.allSatisfy({ edges[$0].isFinite }) else { return nil }
        let left = max(0, edges[0])
        let top = max(0, edges[1])
        let right = min(Float(frameWidth), edges[2])
        let bottom = min(Float(frameHeight), edges[3])
        guard right > left, bottom > top else { return nil }
        return Box(x: left, y: top, width: right - left, height: bottom - top)
    }
}
