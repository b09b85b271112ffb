import Dispatch
import Synchronization

/// Says to work on another thread that nobody waits for it any more.
public final class Cancellation: Sendable {
    private let isRequested = Atomic<Bool>(false)
    public init() {}
    public func request() { isRequested.store(true, ordering: .releasing) }

    /// - Throws: `CancellationError` once it is requested.
    public func check() throws {
        if isRequested.load(ordering: .acquiring) { throw CancellationError() }
    }
}

/// Runs work that waits for disks or other processes on a thread of its own, so that tasks go on meanwhile.
///
/// - Parameter body: looks at its argument between steps when it can take long.
public func blocking<Value: Sendable>(
    _ body: @escaping @Sendable (Cancellation) throws -> Value
) async throws -> Value {
    let cancellation = Cancellation()
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try body(cancellation) })
            }
        }
    } onCancel: {
        cancellation.request()
    }
}
