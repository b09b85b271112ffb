import Foundation
public import GleanerCore
import GleanerExport
import GleanerStore

extension Deployment {
    /// Makes a model that is here already the active one: `name@version`, or a name for its newest version.
    ///
    /// It is proved once more, since the runtime may be another one by now; what the labels say is left to the person
    /// who names it.
    public func activateModel(_ reference: String) throws -> ModelID {
        let slot = try store.model(named: reference)
        guard slot.state != .active else { return slot.id }
        if case .rejected = slot.state { try store.activate(slot.id) }
        try requireSigner(of: slot)
        guard let bundle = store.bundle(slot) else {
            throw GleanerError(
                .notFound, "the files of \(slot.id) made room for newer ones", remedy: "import its bundle again")
        }
        let prover = ModelProver(
            store: store, settings: configuration.models, isolation: isolation, accepts: true)
        let verdict = try prover.verdict(on: bundle, beside: store.activeModel(), signer: slot.signer)
        try store.setVerdict(try verdict.text, of: slot.id)
        if let failure = verdict.proof.failure { throw failure.error }
        if slot.course.stage == .staged { try store.advance(slot.id, .proved) }
        try store.activate(slot.id)
        return slot.id
    }

    /// A model that came in before keys were trusted, or by a key that no longer is, does not come back into service.
    private func requireSigner(of slot: ModelSlot) throws {
        let trusted = configuration.models.trustedKeys.map(\.description)
        guard !trusted.isEmpty, !trusted.contains(slot.signer ?? "") else { return }
        throw GleanerError(
            .bundleSignature, "\(slot.id) was let in by no key that is trusted now",
            remedy: "sign its bundle with a trusted key, and import it again")
    }

    /// Goes back to the model that served before.
    public func rollBackModel() throws -> ModelID { try store.rollBack() }

    /// What was found out about a model, and what became of it: `name@version`, or a name for its newest version.
    ///
    /// - Throws: ``GleanerError`` with code `not.found`.
    public func verdict(on reference: String) throws -> ModelVerdict { try verdict(on: store.model(named: reference)) }

    func verdict(on slot: ModelSlot) throws -> ModelVerdict {
        // One that came in before anything was written down has an empty one.
        var verdict =
            try slot.verdict.map {
                try CanonicalJSON.decode(ModelVerdict.self, from: Data($0.utf8), named: "the verdict on \(slot.id)")
            } ?? ModelVerdict(model: .init(slot.id), at: .now(), proof: .init())
        (verdict.state, verdict.stage) = (slot.state.rawValue, slot.course.stage.rawValue)
        (verdict.reason, verdict.signer) = (slot.reason, slot.signer)
        verdict.servedFrames = slot.course.servedCount
        return verdict
    }

    /// Every model that was ever brought in, newest first, with what became of it.
    public func models() throws -> [ModelLine] {
        try store.models().map { slot in
            ModelLine(
                model: .init(slot.id), task: slot.manifest.task, state: slot.state.rawValue,
                stage: slot.course.stage.rawValue, reason: slot.reason, labels: slot.manifest.labels)
        }
    }
}

/// A line of `model list`.
public struct ModelLine: Sendable, Codable {
    public var model: SampleRecord.ModelReference
    public var task: ModelTask
    /// What it is to the device now.
    public var state: String
    /// How far it has come: see ``ModelCourse``.
    public var stage: String
    public var reason: String?
    public var labels: [String]
}
