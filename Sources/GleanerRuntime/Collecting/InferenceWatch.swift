import GleanerCore
import Synchronization

/// Since when a model has been at work on a frame: seen from another thread, since one that hangs cannot say so itself.
final class InferenceWatch: Sendable {
    /// Whether another model is being brought into memory.
    var isLoading: Bool { loading.load(ordering: .acquiring) }
    private let loading = Atomic<Bool>(false)
    private let current = Mutex<(model: ModelID, since: ContinuousClock.Instant)?>(nil)

    func begin(_ model: ModelID) { current.withLock { $0 = (model, .now) } }
    func end() { current.withLock { $0 = nil } }

    /// Says that another model is being brought into memory, until `body` is over.
    func whileLoading<Value>(_ body: () throws -> Value) rethrows -> Value {
        loading.store(true, ordering: .releasing)
        defer { loading.store(false, ordering: .releasing) }
        return try body()
    }

    /// The model that has not come back, and for how long.
    var pending: (model: ModelID, seconds: Double)? {
        current.withLock { $0.map { ($0.model, (ContinuousClock.now - $0.since).seconds) } }
    }
}
