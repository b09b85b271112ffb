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

    /// The course of a model that may be activated.
    static var gated: ModelCourse {
        var course = ModelCourse()
        for event in [ModelCourse.Event.proved, .gated] { _ = course.handle(event) }
        return course
    }

    /// Serves so well that it is confirmed.
    func confirm(in store: DeploymentStore) throws { try store.advance(id, .served(frameCount: 10_000)) }

    /// Places its files and stages it, as an import does.
    func place(in store: DeploymentStore) throws {
        let lock = try store.beginImport()
        let name = DeploymentFolder.name(for: id)
        try DurableFile.makeFolder("\(store.folder.models)/\(name)")
        try DurableFile.write(Data("model \(id.version)".utf8), to: "\(store.folder.models)/\(name)/model.onnx")
        try DurableFile.write(
            CanonicalJSON.encode(manifest), to: "\(store.folder.models)/\(name)/\(ModelManifest.fileName)")
        let isHere = try store.models().contains { $0.id == id }
        try store.stage(manifest, folderName: name, course: isHere ? nil : Self.gated)
        withExtendedLifetime(lock) {}
    }
}
