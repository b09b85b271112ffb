import Foundation
public import GleanerCore

/// Loads models into ONNX Runtime.
public struct OnnxEngine: InferenceEngine {
    public let runtime: OnnxRuntime
    public let options: SessionOptions

    public init(runtime: OnnxRuntime, options: SessionOptions = SessionOptions()) {
        self.runtime = runtime
        self.options = options
    }

    /// Loads a model from these bytes and no other file, checks its input against the manifest and runs it once on
    /// a black picture, which tells the shapes of its outputs and that it runs at all.
    ///
    /// It gives the features that its manifest names, or else those that suit embeddings best; where the runtime
    /// cannot give the latter, it gives none.
    ///
    /// - Throws: ``GleanerError`` with code `model.corrupt`, `model.external_data`, `model.unsupported`,
    ///   `model.input_mismatch`, `model.no_tensor`, `runtime.no_provider` or `runtime.failed`.
    public func loadSession(
        for manifest: ModelManifest, model: UnsafeRawBufferPointer, cacheFolder: String?
    ) throws -> any InferenceSession {
        let name = "model \(manifest.id)"
        try OnnxFile.check(model, named: name)
        let graph = try OnnxGraph(model, named: name)
        if let tensor = manifest.embedding {
            guard graph.outputs.contains(tensor) || graph.computes(tensor) else {
                throw Self.withoutTensor(tensor, of: graph, name)
            }
            return try session(model, manifest, features: tensor, of: graph, cacheFolder)
        }
        if options.givesFeatures, let found = FeatureSearch(graph: graph).best,
            let session = try? session(model, manifest, features: found.tensor, of: graph, cacheFolder)
        {
            return session
        }
        return try OnnxSession(try load(model, manifest, cacheFolder), manifest: manifest)
    }

    private func session(
        _ model: UnsafeRawBufferPointer, _ manifest: ModelManifest, features: String, of graph: OnnxGraph,
        _ cacheFolder: String?
    ) throws -> OnnxSession {
        let digest = BackboneDigest.of(features, in: model)
        if graph.outputs.contains(features) {
            return try OnnxSession(
                try load(model, manifest, cacheFolder), manifest: manifest, features: features, featuresDigest: digest)
        }
        let tapped = FeatureTap.tapping(features, in: model)
        let loaded = try tapped.withUnsafeBytes { try load($0, manifest, cacheFolder) }
        return try OnnxSession(loaded, manifest: manifest, features: features, featuresDigest: digest)
    }

    private func load(
        _ model: UnsafeRawBufferPointer, _ manifest: ModelManifest, _ cacheFolder: String?
    ) throws -> OnnxModel {
        try OnnxModel(
            model, named: "model \(manifest.id)", runtime: runtime, options: options, cacheFolder: cacheFolder)
    }

    private static func withoutTensor(_ tensor: String, of graph: OnnxGraph, _ name: String) -> GleanerError {
        let known = graph.nodes.flatMap(\.outputs)
        let nearest = NearestName.of(tensor, among: known).map { "did you mean '\($0)'? " } ?? ""
        return GleanerError(
            .modelWithoutTensor, "\(name) has no tensor '\(tensor)', which its manifest names for embeddings",
            remedy: "\(nearest)`gleaner model inspect` lists those that fit; without `embedding` one is chosen")
    }

    /// Reads what a model says of itself, without running it.
    ///
    /// - Throws: ``GleanerError`` with code `model.corrupt`, `model.external_data` or `model.unsupported`.
    public func inspect(_ model: UnsafeRawBufferPointer) throws -> ModelInspection {
        var plain = SessionOptions()
        plain.threadCount = 1
        plain.optimization = .none
        plain.providers = [ExecutionProvider.processor]
        var inspection = try OnnxModel(model, named: "the model", runtime: runtime, options: plain).inspection
        let graph = try OnnxGraph(model, named: "the model")
        inspection.features = FeatureSearch(graph: graph).all(limit: 20).map {
            .init(tensor: $0.tensor, reason: $0.reason)
        }
        return inspection
    }
}
