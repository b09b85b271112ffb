import Foundation
public import GleanerCore
import GleanerExport
import GleanerInference
import GleanerStore

/// What an import did, for `model import --json`.
public struct ModelImportReport: Sendable, Codable {
    public var model: SampleRecord.ModelReference
    public var labels: [String]
    /// The model that served before; `nil` when this is the first.
    public var previous: String?
    public var activated: Bool
    /// Whether these very bytes were here already.
    public var known: Bool
    /// What nobody said of a model without a manifest; `nil` for a bundle.
    public var assumptions: [ModelAssumption]?
}

extension Deployment {
    /// Brings a model in: copied into a private folder while its digests are checked, loaded and tried from those
    /// bytes, and only then activated, in one transaction. A cut anywhere leaves the old model active, whole.
    ///
    /// A collector that runs on this deployment notices and swaps between two frames.
    ///
    /// - Parameters:
    ///   - path: The bundle, or an ONNX file, whose name then ends in `.onnx`.
    ///   - description: What a person says of an ONNX file without a manifest.
    ///   - activates: `false` leaves it staged.
    /// - Throws: ``GleanerError`` saying what is wrong with the bundle; nothing is then left of it.
    public func importModel(
        at path: String, as description: ModelDescription = ModelDescription(), activates: Bool = true
    ) throws -> ModelImportReport {
        let lock = try store.beginImport()
        defer { withExtendedLifetime(lock) {} }
        try DurableFile.makeFolder(modelsFolder)
        try sweepIncoming()
        let incoming = "\(modelsFolder)/\(Self.incomingPrefix)\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: incoming) }
        let makingRoom = { [store] (byteCount: Int) in try store.makeRoom(forModelOf: byteCount) }
        guard Self.isBareModel(path) else {
            guard description == ModelDescription() else {
                throw GleanerError(
                    .malformed, "\(path) is a bundle, and its model.json says all of it",
                    remedy: "change model.json and pack it again, or import its ONNX file")
            }
            let manifest = try ModelBundleReader.copy(from: path, into: incoming, makingRoom: makingRoom)
            return try adopt(manifest, in: incoming, activates: activates)
        }
        let described = try describe(path, as: description, into: incoming, makingRoom: makingRoom)
        var report = try adopt(described.manifest, in: incoming, activates: activates)
        report.assumptions = described.assumptions
        return report
    }

    /// What an import that was cut has left.
    private func sweepIncoming() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: modelsFolder)
        where name.hasPrefix(Self.incomingPrefix) {
            try? FileManager.default.removeItem(atPath: "\(modelsFolder)/\(name)")
        }
    }

    private static let incomingPrefix = ".incoming-"

    /// Tries a bundle that lies in a private folder, and makes it one of ours.
    private func adopt(_ manifest: ModelManifest, in partial: String, activates: Bool) throws -> ModelImportReport {
        let active = try store.activeModel()
        try checkCompatible(manifest, with: active?.manifest)
        let incoming = ModelBundle(manifest: manifest, folder: URL(filePath: partial))
        _ = try LoadedModel(incoming, engine: try engine(), registries: registries)

        let slot = DeploymentFolder.name(for: manifest.id)
        let folder = "\(modelsFolder)/\(slot)"
        let slotHere = try store.models().first { $0.id == manifest.id && $0.folderName != nil }
        let known = slotHere != nil
        if let slotHere, slotHere.manifest != manifest {
            throw GleanerError(
                .modelIncompatible, "\(manifest.id) is here already, with another model.json",
                remedy: "raise its version: predictions that were made with the old one must stay its own")
        }
        if !known {
            // A folder without a row is what a cut import left: its bytes were never vouched for.
            try? FileManager.default.removeItem(atPath: folder)
            try DurableFile.install(partial, as: folder)
            try store.stage(manifest, folderName: slot)
        }
        if activates { try store.activate(manifest.id) }
        return ModelImportReport(
            model: .init(manifest.id), labels: manifest.labels, previous: active.map { "\($0.manifest.id)" },
            activated: activates, known: known)
    }

    /// Checks a bundle, or an ONNX file without one, as an import would, and leaves no trace.
    ///
    /// - Throws: ``GleanerError`` saying what is wrong with it.
    public func verifyModel(at path: String) throws -> ModelManifest {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gleaner-verify-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let copy = folder.path(percentEncoded: false)
        let manifest =
            try Self.isBareModel(path)
            ? describe(path, as: ModelDescription(), into: copy).manifest
            : ModelBundleReader.copy(from: path, into: copy)
        try checkCompatible(manifest, with: try store.activeModel()?.manifest)
        _ = try LoadedModel(
            ModelBundle(manifest: manifest, folder: folder), engine: try engine(), registries: registries)
        return manifest
    }

    /// Makes a model that is here already the active one: `name@version`, or a name for its newest version.
    public func activateModel(_ reference: String) throws -> ModelID {
        let slot = try store.model(named: reference)
        guard let bundle = store.bundle(slot) else {
            throw GleanerError(
                .notFound, "the files of \(slot.id) made room for newer ones", remedy: "import its bundle again")
        }
        _ = try LoadedModel(bundle, engine: try engine(), registries: registries)
        try store.activate(slot.id)
        return slot.id
    }

    /// Goes back to the model that served before.
    public func rollBackModel() throws -> ModelID { try store.rollBack() }

    /// Takes a model that failed out of service for good.
    func rollBack(rejecting id: ModelID, reason: String) throws {
        if try store.activeModel()?.manifest.id == id { _ = try store.rollBack(reason: reason) }
        try store.reject(id, reason: reason)
    }

    /// Every model that was ever brought in, newest first, with what became of it.
    public func models() throws -> [ModelLine] {
        try store.models().map { slot in
            ModelLine(
                model: .init(slot.id), task: slot.manifest.task, state: slot.state.rawValue, reason: slot.reason,
                labels: slot.manifest.labels)
        }
    }

    /// A retrained model may learn new classes, but the classes that labels and predictions already name must stay.
    private func checkCompatible(_ manifest: ModelManifest, with active: ModelManifest?) throws {
        guard let active else { return }
        guard manifest.task == active.task else {
            throw GleanerError(
                .modelIncompatible,
                "\(manifest.id) is for \(manifest.task.rawValue), the deployment for \(active.task.rawValue)",
                remedy: "make a deployment of its own for it: gleaner init DIR")
        }
        let lost = active.labels.filter { !manifest.labels.contains($0) }
        guard lost.isEmpty else {
            throw GleanerError(
                .modelIncompatible,
                "\(manifest.id) does not know \(lost.count) classes of \(active.id): \(lost.prefix(5).joined(separator: ", "))",
                remedy: "retrain with every class of the active model, or make a deployment of its own for it")
        }
    }

    private var modelsFolder: String { "\(folder)/models" }
}

/// A line of `model list`.
public struct ModelLine: Sendable, Codable {
    public var model: SampleRecord.ModelReference
    public var task: ModelTask
    public var state: String
    public var reason: String?
    public var labels: [String]
}

extension GleanerError.Code {
    /// A model does not fit the deployment.
    static let modelIncompatible = Self("model.incompatible")
}
