import Foundation
import GleanerCore
import GleanerInference
import GleanerStore
import Synchronization

/// One device's folder: its configuration, its queue, its models.
///
/// Every command opens one; several processes may have the same deployment open at once.
public final class Deployment: Sendable {
    public let folder: String
    public let configuration: Configuration
    public let registries: Registries
    let store: DeploymentStore
    /// The `gleaner` command, which runs models in processes of their own.
    private let executable: String
    private let loadedEngine = Mutex<OnnxEngine?>(nil)

    /// - Parameter executable: The `gleaner` command, for programs that are not it themselves: models from outside are
    ///   tried in a process of their own.
    /// - Throws: ``GleanerError`` when the folder is no deployment, its configuration has problems, or the queue
    ///   cannot be opened.
    public convenience init(
        opening folder: String, registries: Registries = .standard, executable: String = "/proc/self/exe"
    ) throws {
        let path = Self.absolute(folder)
        try self.init(
            at: path, configuration: try Configuration.load(folder: path, registries: registries),
            registries: registries, executable: executable)
    }

    /// The same of a folder whose configuration is known.
    init(at path: String, configuration: Configuration, registries: Registries, executable: String) throws {
        folder = path
        self.configuration = configuration
        self.registries = registries
        self.executable = executable
        store = try DeploymentStore.open(path, settings: configuration.storage)
    }

    /// A path from the root on, without a slash at its end.
    static func absolute(_ path: String) -> String {
        let absolute = URL(filePath: path).standardizedFileURL.path(percentEncoded: false)
        return absolute.count > 1 && absolute.hasSuffix("/") ? String(absolute.dropLast()) : absolute
    }

    /// What happened while the queue was opened, for people: a damaged database that was put aside, say.
    public var openingNotes: [String] { store.openingNotes }

    /// The inference engine, loaded when it is first needed: exporting and labeling need none.
    func engine() throws -> OnnxEngine {
        try loadedEngine.withLock { engine in
            if let engine { return engine }
            let runtime = try OnnxRuntime.load(configuredPath: configuration.inference.libraryPath)
            let loaded = OnnxEngine(runtime: runtime, options: configuration.inference.options)
            engine = loaded
            return loaded
        }
    }

    /// How models are run in processes of their own.
    var isolation: ModelIsolation {
        let proof = configuration.models.proof
        return ModelIsolation(
            executable: executable, library: configuration.inference.libraryPath,
            options: configuration.inference.options, memoryByteCount: proof.memoryByteCount,
            loadSecondsMax: proof.loadSecondsMax, frameSecondsMax: proof.frameSecondsMax)
    }

    /// The source that is given instead of the configured one, or that one.
    func source(instead given: SourceMaker?) throws -> SourceMaker {
        guard let source = given ?? configuration.source else {
            throw GleanerError(
                .malformed, "no source is configured",
                remedy: "add `source: folder:PATH` to \(Configuration.fileName), or give --source folder:PATH")
        }
        return source
    }

    var noActiveModel: GleanerError {
        GleanerError(
            .notFound, "no model is active in \(folder)", remedy: "bring one in with: gleaner model import BUNDLE")
    }

    /// The classes that labels may name: the active model's, then those the configuration adds.
    func labelClasses() throws -> [String] {
        let known = try store.slot(in: .active)?.manifest.labels ?? []
        return known + configuration.classes.filter { !known.contains($0) }
    }

    /// Whether the active model is a classifier whose classes do not exclude each other.
    func allowsSeveralClasses() throws -> Bool {
        guard let manifest = try store.slot(in: .active)?.manifest, manifest.task == .classification
        else { return false }
        if manifest.isElsewhere { return manifest.allowsSeveralClassesElsewhere }
        return try LoadedModel.decoder(of: manifest, registries: registries).scoreMin != nil
    }
}
