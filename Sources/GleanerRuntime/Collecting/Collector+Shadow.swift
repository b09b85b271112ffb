import Foundation
import GleanerCore
import GleanerStore
import Logging
import Synchronization

/// What is to become of the model in the shadow.
enum ShadowChange: Sendable {
    case begin(ModelShadow)
    case end
}

/// A model in the shadow of the one that serves.
extension Collector {
    private var store: DeploymentStore { deployment.store }

    // MARK: In the watcher

    /// Makes a model that was put into the shadow ready to be asked.
    ///
    /// - Parameter known: The one that was made ready last.
    func prepareShadow(_ known: inout ModelID?) throws {
        let slot = try store.slot(in: .shadow)
        guard slot?.id != known else { return }
        known = slot?.id
        guard let slot, let bundle = store.bundle(slot) else {
            return nextShadow.withLock { $0 = .end }
        }
        do {
            let shadow = try ModelShadow(
                bundle, deployment.isolation, deployment.configuration.models.shadow,
                try deployment.verdict(on: slot).shadow)
            nextShadow.withLock { $0 = .begin(shadow) }
        } catch let error as GleanerError {
            var verdict = try deployment.verdict(on: slot)
            verdict.shadow = ModelVerdict.Shadow(failure: .init(error))
            try rejectShadow(verdict, slot.id, error.message)
        }
    }

    // MARK: In the judge

    func take(_ change: ShadowChange, in judge: FrameJudge) {
        endShadow(in: judge)
        guard case .begin(let shadow) = change else { return }
        judge.shadow = shadow
        logger.notice("model in the shadow", metadata: ["model": "\(shadow.id)"])
    }

    /// Asked after each frame: a model that failed goes, and one that was asked often enough serves.
    func concludeShadow(in judge: FrameJudge) {
        guard let shadow = judge.shadow, shadow.failure != nil || shadow.isComplete else { return }
        endShadow(in: judge)
    }

    /// Writes down what the shadow has shown so far, and ends its process.
    func endShadow(in judge: FrameJudge) {
        guard let shadow = judge.shadow.take() else { return }
        do {
            guard let slot = try store.models().first(where: { $0.id == shadow.id }) else { return }
            var verdict = try deployment.verdict(on: slot)
            verdict.shadow = shadow.report
            if let failure = shadow.failure { return try rejectShadow(verdict, shadow.id, failure.message) }
            try store.setVerdict(try verdict.text, of: shadow.id)
            try store.advance(
                shadow.id, .served(frameCount: shadow.frameCount), limits: deployment.configuration.models.limits)
        } catch {
            fail(error)
        }
    }

    private func rejectShadow(_ verdict: ModelVerdict, _ id: ModelID, _ reason: String) throws {
        try store.setVerdict(try verdict.text, of: id)
        try store.advance(id, .failed(reason: reason))
        logger.error("model rejected in the shadow", metadata: ["model": "\(id)", "reason": "\(reason)"])
    }
}
