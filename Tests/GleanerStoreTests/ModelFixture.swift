import Foundation
import GleanerCore

@testable import GleanerStore

/// A model bundle whose file is some text.
struct ModelFixture {
    let manifest: ModelManifest
    var id: ModelID { manifest.id }

    init(_ version: Int, labels: [String] = ["3", "other"], task: ModelTask = .classification) {
        manifest = ModelManifest(
            name: "digits", version: version, task: task, bytes: 7, sha256: Digest(of: Array("model \(version)".utf8)),
            labels: labels, input: InputSpec(width: 32, height: 32), decoder: DecoderSpec(name: "classification"))
    }

    /// Places its files and stages it, as an import does.
    func place(in store: DeploymentStore) throws {
        let lock = try store.beginImport()
        let name = DeploymentFolder.name(for: id)
        try DurableFile.makeFolder("\(store.folder.models)/\(name)")
        try DurableFile.write(Data("model \(id.version)".utf8), to: "\(store.folder.models)/\(name)/model.onnx")
        try DurableFile.write(
            CanonicalJSON.encode(manifest), to: "\(store.folder.models)/\(name)/\(ModelManifest.fileName)")
        try store.stage(manifest, folderName: name)
        withExtendedLifetime(lock) {}
    }
}
