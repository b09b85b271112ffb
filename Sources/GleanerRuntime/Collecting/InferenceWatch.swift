import GleanerCore
import Synchronization

/// Since when a model has been at work on a frame: seen from another thread, since one that hangs cannot say so itself.
final class InferenceWatch: Sendable {
    private let current = Mutex<(model: ModelID, since: ContinuousClock.Instant)?>(nil)

    func begin(_ model: ModelID) { current.withLock { $0 = (model, .now) } }
    func end() { current.withLock { $0 = nil } }

    /// The model that has not come back, and for how long.
    var pending: (model: ModelID, seconds: Double)? {
        current.withLock { $0.map { ($0.model, (ContinuousClock.now - $0.since).seconds) } }
    }
}
