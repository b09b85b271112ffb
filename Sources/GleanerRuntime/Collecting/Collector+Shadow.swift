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
        let before = try deployment.verdict(on: slot).shadow
        do {
            let shadow = try ModelShadow(
                bundle, deployment.isolation, settings.shadow, frameCountBefore: slot.course.servedCount, report: before
            )
            nextShadow.withLock { $0 = .begin(shadow) }
        } catch let error as GleanerError where ModelFault.isOfModel(error.code) {
            var report = before ?? ModelVerdict.Shadow()
            report.failure = .init(error)
            try reject(slot, report, error.message)
        } catch {
            // The device's fault; whoever waits for the shadow's verdict waits until the next start.
            logger.warning("the model in the shadow cannot be asked", metadata: ["error": "\(error)"])
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

    /// Ends the shadow's process, when what it has shown is written down.
    func endShadow(in judge: FrameJudge) {
        writeShadow(of: judge)
        judge.shadow = nil
    }

    /// Writes down what the shadow has shown so far, so that a restart goes on there.
    func writeShadow(of judge: FrameJudge) {
        guard let shadow = judge.shadow else { return }
        do {
            guard let slot = try store.models().first(where: { $0.id == shadow.id }) else { return }
            if let failure = shadow.failure { return try reject(slot, shadow.report, failure.message) }
            try store.advance(
                slot.id, .asked(frameCount: shadow.takeFrameCount()), limits: settings.limits,
                verdict: try text(of: slot, shadow.report))
        } catch {
            fail(error)
        }
    }

    private func reject(_ slot: ModelSlot, _ report: ModelVerdict.Shadow, _ reason: String) throws {
        try store.advance(slot.id, .failed(reason: reason), verdict: try text(of: slot, report))
        logger.error("model rejected in the shadow", metadata: ["model": "\(slot.id)", "reason": "\(reason)"])
    }

    private func text(of slot: ModelSlot, _ report: ModelVerdict.Shadow) throws -> String {
        var verdict = try deployment.verdict(on: slot)
        verdict.shadow = report
        return try verdict.text
    }
}
