import Foundation
public import GleanerCore
import GleanerExport

/// Makes bundles.
public enum ModelPacking {
    /// Fills size and digest into a description and writes the bundle, signed where there is a key.
    ///
    /// - Throws: ``GleanerError`` when the description lacks something or the target is taken.
    public static func pack(
        model: String, description: String, to target: String, signedBy key: SigningKey? = nil,
        expires: Timestamp? = nil
    ) throws -> ModelManifest {
        let bytes = try FileReading.bytes(of: model, byteCountMax: LoadedModel.byteCountMax)
        let text = try FileReading.bytes(of: description, byteCountMax: ModelManifest.byteCountMax)
        guard case .object(var values) = try CanonicalJSON.decode(JSONValue.self, from: text, named: description) else {
            throw GleanerError(.malformed, "\(description) is no JSON object")
        }
        values["file"] = values["file"] ?? .string("model.onnx")
        values["schema"] = values["schema"] ?? .string(ModelManifest.currentSchema)
        values["bytes"] = .integer(bytes.count)
        values["sha256"] = .string("\(Digest(of: bytes))")
        let filled = try CanonicalJSON.encode(JSONValue.object(values))
        let manifest = try CanonicalJSON.decode(ModelManifest.self, from: filled, named: description)
        try ModelBundleWriter.write(manifest, modelFile: model, to: target, signedBy: key, expires: expires)
        return manifest
    }
}
