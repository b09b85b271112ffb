import Foundation
public import GleanerCore
import GleanerExport
import GleanerInference
import GleanerStore

/// What a person wants of an import beyond the ordinary.
public struct ModelImportWishes: Sendable {
    /// `false` leaves it staged.
    public var activates = true
    /// Whatever this device's labels say of it.
    public var accepts = false
    /// Although it was rejected for what it did while it served.
    public var retries = false
    /// Although a newer version served here.
    public var allowsDowngrade = false
    public init() {}
}

/// What an import did, for `model import --json`.
public struct ModelImportReport: Sendable, Codable {
    public var model: SampleRecord.ModelReference
    public var labels: [String]
    /// The model that served before; `nil` when this is the first.
    public var previous: String?
    public var activated: Bool
    /// `staged`, `shadow` or `active`.
    public var state: String
    /// Whether these very bytes were here already.
    public var known: Bool
    /// What nobody said of a model without a manifest; `nil` for a bundle.
    public var assumptions: [ModelAssumption]?
    /// What was found out about it; `nil` when it serves already.
    public var verdict: ModelVerdict?
}

extension Deployment {
    /// Brings a model in: copied into a private folder while its digests are checked, proved from those bytes in a
    /// process of its own, compared on this device's labels with the model that serves, and only then activated, in one
    /// transaction. A cut anywhere leaves the old model active, whole.
    ///
    /// A collector that runs on this deployment notices and swaps between two frames.
    ///
    /// - Parameters:
    ///   - path: The bundle, or an ONNX file, whose name then ends in `.onnx`.
    ///   - description: What a person says of an ONNX file without a manifest.
    /// - Throws: ``GleanerError`` saying what is wrong with the bundle or the model. No file of it is then left; what
    ///   was found out about a model that could be read is written down.
    public func importModel(
        at path: String, as description: ModelDescription = ModelDescription(),
        wishes: ModelImportWishes = ModelImportWishes()
    ) throws -> ModelImportReport {
        let lock = try store.beginImport()
        defer { withExtendedLifetime(lock) {} }
        try DurableFile.makeFolder(modelsFolder)
        try sweepIncoming()
        let incoming = "\(modelsFolder)/\(Self.incomingPrefix)\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: incoming) }
        try configuration.models.requireBundle(path)
        let makingRoom = { [store] (byteCount: Int) in try store.makeRoom(forModelOf: byteCount) }
        guard Self.isBareModel(path) else {
            guard description == ModelDescription() else {
                throw GleanerError(
                    .malformed, "\(path) is a bundle, and its model.json says all of it",
                    remedy: "change model.json and pack it again, or import its ONNX file")
            }
            let bundle = try ModelBundleReader.copy(
                from: path, into: incoming, trustedKeys: configuration.models.trustedKeys, makingRoom: makingRoom)
            return try adopt(bundle.manifest, signer: bundle.vouchedBy?.description, in: incoming, wishes)
        }
        let described = try describe(path, as: description, into: incoming, makingRoom: makingRoom)
        var report = try adopt(described.manifest, signer: nil, in: incoming, wishes)
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

    /// Proves a bundle that lies in a private folder, and makes it one of ours.
    private func adopt(
        _ manifest: ModelManifest, signer: String?, in partial: String, _ wishes: ModelImportWishes
    ) throws -> ModelImportReport {
        let active = try store.activeModel()
        try checkCompatible(manifest, with: active?.manifest)
        let here = try store.models().first { $0.id == manifest.id }
        try checkPlace(of: manifest, here, wishes)
        if let here, here.state == .active {
            try repair(here, from: partial)
            return report(on: here, verdict: nil, previous: active, known: true)
        }

        var course = here?.course ?? ModelCourse()
        if case .refuse(let reason) = course.handle(.importedAgain(insists: wishes.retries)) {
            throw GleanerError(
                .modelState, "\(manifest.id) is not let in again: \(reason)",
                remedy: "train a better one; --retry lets it in if what made it fail has changed")
        }
        let challenger = ModelBundle(manifest: manifest, folder: URL(filePath: partial, directoryHint: .isDirectory))
        let verdict = try prover(accepts: wishes.accepts).verdict(on: challenger, beside: active, signer: signer)
        try passOrRefuse(manifest, &course, verdict)
        try place(manifest, from: partial, course: here?.course == course ? nil : course, verdict, signer)
        if wishes.activates, verdict.gate?.outcome != .waits {
            try store.activate(manifest.id, inShadow: configuration.models.shadow.frameCount > 0)
        }
        guard let slot = try store.models().first(where: { $0.id == manifest.id }) else {
            throw GleanerError(.notFound, "\(manifest.id) is gone again: another command removed it")
        }
        return report(on: slot, verdict: verdict, previous: active, known: here?.folderName != nil)
    }

    private func report(
        on slot: ModelSlot, verdict: ModelVerdict?, previous: ModelBundle?, known: Bool
    ) -> ModelImportReport {
        ModelImportReport(
            model: .init(slot.id), labels: slot.manifest.labels, previous: previous.map { "\($0.manifest.id)" },
            activated: slot.state == .active, state: slot.state.rawValue, known: known, verdict: verdict)
    }

    private func prover(accepts: Bool) -> ModelProver {
        ModelProver(store: store, settings: configuration.models, isolation: isolation, accepts: accepts)
    }

    /// Goes on only with a model that may be used; of another one the verdict is written down.
    private func passOrRefuse(_ manifest: ModelManifest, _ course: inout ModelCourse, _ verdict: ModelVerdict) throws {
        guard let failure = verdict.failure else {
            _ = course.handle(.proved)
            if verdict.gate?.outcome != .waits { _ = course.handle(.gated) }
            return
        }
        _ = course.handle(
            verdict.proof.failure != nil
                ? .proofFailed(reason: failure.message) : .gateFailed(reason: failure.message))
        try store.refuse(manifest, course: course, verdict: try verdict.text)
        throw failure.error
    }

    private func place(
        _ manifest: ModelManifest, from partial: String, course: ModelCourse?, _ verdict: ModelVerdict,
        _ signer: String?
    ) throws {
        let slot = DeploymentFolder.name(for: manifest.id)
        let folder = "\(modelsFolder)/\(slot)"
        let here = try store.models().first { $0.id == manifest.id }
        if here.map(isWhole) != true {
            // A folder without a row is what a cut import left: its bytes were never vouched for.
            try? FileManager.default.removeItem(atPath: folder)
            try DurableFile.install(partial, as: folder)
        }
        try store.stage(
            manifest, folderName: slot, course: course, verdict: try verdict.text, signer: signer)
    }

    /// Whether the model's file is what was imported.
    private func isWhole(_ slot: ModelSlot) -> Bool {
        guard let bundle = store.bundle(slot) else { return false }
        return (try? Digest(ofFile: bundle.file.path(percentEncoded: false))) == slot.manifest.sha256
    }

    /// Brings back the files of the model that serves, if the disk has lost or changed them: these are the very bytes
    /// that were proved.
    private func repair(_ slot: ModelSlot, from partial: String) throws {
        guard !isWhole(slot), let folder = slot.folderName.map({ "\(modelsFolder)/\($0)" }) else { return }
        try? FileManager.default.removeItem(atPath: folder)
        try DurableFile.install(partial, as: folder)
        try store.record("model.repaired", "the files of model \(slot.id) were damaged, and are whole again")
    }

    /// Checks a bundle, or an ONNX file without one, as an import would, and leaves no trace.
    ///
    /// - Throws: ``GleanerError`` saying what is wrong with it.
    public func verifyModel(
        at path: String, trusting trustedKeys: [VerifyingKey]? = nil
    ) throws -> ModelVerification {
        var settings = configuration.models
        settings.trustedKeys = trustedKeys ?? settings.trustedKeys
        try settings.requireBundle(path)
        let folder = FileManager.default.temporaryDirectory.appending(path: "gleaner-verify-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let copy = folder.path(percentEncoded: false)
        let bundle =
            try Self.isBareModel(path)
            ? CheckedBundle(manifest: describe(path, as: ModelDescription(), into: copy).manifest)
            : ModelBundleReader.copy(from: path, into: copy, trustedKeys: settings.trustedKeys)
        let active = try store.activeModel()
        try checkCompatible(bundle.manifest, with: active?.manifest)
        let verdict = try prover(accepts: false).verdict(
            on: ModelBundle(manifest: bundle.manifest, folder: folder), beside: active,
            signer: bundle.vouchedBy?.description)
        if let failure = verdict.failure { throw failure.error }
        return ModelVerification(bundle)
    }

    // MARK: What may come in

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

    /// Whoever can send an old model, even a signed one, could otherwise bring its faults back.
    private func checkPlace(of manifest: ModelManifest, _ here: ModelSlot?, _ wishes: ModelImportWishes) throws {
        if let here, here.folderName != nil, here.manifest != manifest {
            throw GleanerError(
                .modelIncompatible, "\(manifest.id) is here already, with another model.json",
                remedy: "raise its version: predictions that were made with the old one must stay its own")
        }
        guard !wishes.allowsDowngrade else { return }
        let served = try store.models().filter {
            $0.manifest.name == manifest.name && $0.activatedOrder != nil && $0.state != .rejected
        }
        guard let newest = served.max(by: { $0.manifest.version < $1.manifest.version }) else { return }
        if manifest.version < newest.manifest.version {
            throw GleanerError(
                .modelDowngrade, "\(manifest.id) is older than \(newest.id), which served here",
                remedy: "raise its version; --allow-downgrade lets it in all the same")
        }
        if manifest.version == newest.manifest.version, manifest.id != newest.id {
            throw GleanerError(
                .modelDowngrade, "\(manifest.id) is not the \(newest.id) that served here: it has other bytes",
                remedy: "raise its version; --allow-downgrade lets it in all the same")
        }
    }

    private var modelsFolder: String { "\(folder)/models" }
}

extension GleanerError.Code {
    /// A model does not fit the deployment.
    static let modelIncompatible = Self("model.incompatible")
    /// A newer version served here.
    static let modelDowngrade = Self("model.downgrade")
}
