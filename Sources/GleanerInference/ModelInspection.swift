public import GleanerCore

/// What a model says of itself.
public struct ModelInspection: Hashable, Sendable {
    /// An input or output.
    public struct Tensor: Hashable, Sendable {
        public var name: String
        /// ONNX's name of the element type, such as `float32` or `float16`; `nil` for what is no tensor at all.
        public var type: String?
        /// Dimensions; `nil` for those that are only known at run time. Empty when the model does not tell.
        public var shape: [Int?]

        public init(name: String, type: String?, shape: [Int?]) {
            self.name = name
            self.type = type
            self.shape = shape
        }

        /// `nil` for a type that Gleaner does not read or write.
        public var elementType: ElementType? { type.flatMap(ElementType.init(rawValue:)) }
    }

    public var inputs: [Tensor]
    public var outputs: [Tensor]
    /// The model's own notes, as exporters leave them: Ultralytics writes `names`, `imgsz`, `task`, `stride`.
    public var metadata: [String: String]
    /// Tensors that embeddings can be made of, the one that is taken by itself first.
    public var features: [Feature] = []

    /// A tensor inside the model, and what speaks for it.
    public struct Feature: Hashable, Sendable {
        public var tensor: String
        public var reason: String
        public init(tensor: String, reason: String) {
            self.tensor = tensor
            self.reason = reason
        }
    }

    public init(inputs: [Tensor], outputs: [Tensor], metadata: [String: String]) {
        self.inputs = inputs
        self.outputs = outputs
        self.metadata = metadata
    }
}

extension ElementType {
    /// The names of ONNX's element types by number (onnx.proto3, TensorProto.DataType).
    static let onnxNames = [
        "undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16",
        "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16",
    ]

    static func onnxName(_ number: Int32) -> String {
        onnxNames.indices.contains(Int(number)) ? onnxNames[Int(number)] : "type \(number)"
    }

    /// ONNX's number of this type.
    var onnxNumber: Int32 {
        switch self {
        case .float32: 1
        case .uint8: 2
        case .int8: 3
        case .int32: 6
        case .int64: 7
        case .float16: 10
        }
    }
}
