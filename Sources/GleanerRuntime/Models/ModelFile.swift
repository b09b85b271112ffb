import Foundation
import GleanerCore
import GleanerInference

/// What an ONNX file says of itself: the document of `model inspect --json`.
///
/// Schema: `Schemas/model-inspect.schema.json`.
public struct ModelFile: Sendable, Codable {
    public struct Tensor: Sendable, Codable {
        public var name: String
        public var type: String?
        /// `nil` for a dimension that is known only at run time.
        public var shape: [Int?]
    }

    /// A tensor inside the model that embeddings can be made of.
    public struct Feature: Sendable, Codable {
        public var tensor: String
        public var reason: String
    }

    public var inputs: [Tensor]
    public var outputs: [Tensor]
    public var metadata: [String: String]
    /// The one that is taken without an `embedding` in the manifest first.
    public var features: [Feature]

    /// - Throws: ``GleanerError`` when there is no ONNX Runtime, or the file is no model that it can load.
    public static func inspect(_ path: String) throws -> ModelFile {
        let engine = OnnxEngine(runtime: try OnnxRuntime.load(configuredPath: nil))
        let bytes = try FileReading.bytes(of: path, byteCountMax: LoadedModel.byteCountMax)
        let found = try bytes.withUnsafeBytes { try engine.inspect($0) }
        func tensor(_ tensor: ModelInspection.Tensor) -> Tensor {
            Tensor(name: tensor.name, type: tensor.type, shape: tensor.shape)
        }
        return ModelFile(
            inputs: found.inputs.map(tensor), outputs: found.outputs.map(tensor), metadata: found.metadata,
            features: found.features.map { Feature(tensor: $0.tensor, reason: $0.reason) })
    }
}
