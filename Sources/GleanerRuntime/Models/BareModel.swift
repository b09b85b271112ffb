import Foundation
import GleanerCore
import GleanerExport
import GleanerInference
import GleanerStore

/// Models that come as an ONNX file alone.
extension Deployment {
    static func isBareModel(_ path: String) -> Bool { path.lowercased().hasSuffix(".onnx") }

    /// Makes a bundle of a model without a manifest.
    ///
    /// One of which nothing is known, and that fits where the active model is, is taken for a retrained one.
    ///
    /// - Parameter makingRoom: told how many bytes are about to be written.
    /// - Returns: its manifest, and what was assumed of it.
    func describe(
        _ path: String, as description: ModelDescription, into folder: String,
        makingRoom: (_ byteCount: Int) throws -> Void = { _ in }
    ) throws -> (manifest: ModelManifest, assumptions: [ModelAssumption]) {
        let bytes = try FileReading.bytes(of: path, byteCountMax: LoadedModel.byteCountMax)
        let digest = Digest(of: bytes)
        if description.saysNothing, let found = try successor(bytes, digest, version: description.version) {
            try makingRoom(bytes.count)
            return (try ModelBundleWriter.write(found.manifest, modelFile: path, to: folder), [found.assumption])
        }
        let engine = try engine()
        let described = try bytes.withUnsafeBytes { try engine.describe($0, description) }
        let name = description.name ?? Self.name(ofFile: path)
        var manifest = ModelManifest(
            name: name, version: description.version ?? 1, task: described.task, bytes: bytes.count, sha256: digest,
            labels: described.labels, input: described.input, decoder: described.decoder)
        if description.version == nil { manifest.version = try version(of: manifest) }
        try makingRoom(bytes.count)
        return (try ModelBundleWriter.write(manifest, modelFile: path, to: folder), described.assumptions)
    }

    /// The active model's manifest with this file in it; `nil` when the file says itself what it is, or does not fit.
    private func successor(
        _ bytes: Data, _ digest: Digest, version: Int?
    ) throws -> (manifest: ModelManifest, assumption: ModelAssumption)? {
        guard let active = try store.activeModel()?.manifest else { return nil }
        let engine = try engine()
        let namesItsClasses = try bytes.withUnsafeBytes { try engine.inspect($0).metadata["names"] != nil }
        guard !namesItsClasses else { return nil }
        var manifest = active
        (manifest.sha256, manifest.bytes) = (digest, bytes.count)
        // What was true of that model's training is not known of this one's.
        if digest != active.sha256 { (manifest.trainedOn, manifest.trainedOnTest, manifest.origin) = (nil, nil, nil) }
        manifest.version = try version ?? self.version(of: manifest)
        let decoder = try LoadedModel.decoder(of: manifest, registries: registries)
        do {
            let session = try bytes.withUnsafeBytes { try engine.loadSession(for: manifest, model: $0) }
            try decoder.check(session.run(), labelCount: manifest.labels.count)
        } catch is GleanerError { return nil }
        let assumption = ModelAssumption(
            what: "everything", value: "as \(active.id)", reason: "its input and outputs fit in that one's place",
            option: "--name, --labels and the like")
        return (manifest, assumption)
    }

    /// One more than the newest of the name; a file that is here already, described in the same way, keeps its version.
    private func version(of manifest: ModelManifest) throws -> Int {
        let namesakes = try store.models().map(\.manifest).filter { $0.name == manifest.name }
        let known = namesakes.first { namesake in
            var same = manifest
            same.version = namesake.version
            return same == namesake
        }
        return known?.version ?? (namesakes.map(\.version).max() ?? 0) + 1
    }

    /// The file's name in the letters that a model's may have.
    private static func name(ofFile path: String) -> String {
        let stem = PathName.last(of: path).dropLast(".onnx".count).lowercased()
        let letters = stem.unicodeScalars.map { scalar in
            "abcdefghijklmnopqrstuvwxyz0123456789._-".unicodeScalars.contains(scalar) ? Character(scalar) : "-"
        }
        let name = String(letters.drop { $0 == "." || $0 == "-" }.prefix(64))
        return name.isEmpty ? "model" : name
    }
}

extension ModelDescription {
    /// Whether nothing but a version was said.
    fileprivate var saysNothing: Bool {
        var other = ModelDescription()
        other.version = version
        return self == other
    }
}
