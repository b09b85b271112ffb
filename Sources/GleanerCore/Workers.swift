import Foundation
import Synchronization

/// The processors of this machine, for work that reads and computes.
public enum Workers {
    /// As many threads as there are processors, at most four: more would only wait for the disk.
    public static let count = min(max(ProcessInfo.processInfo.activeProcessorCount, 1), 4)

    /// Calls `body` with each element, several at a time, and returns when all are done.
    ///
    /// - Throws: the error of the first element that failed, in their order; elements after it may have been left out.
    public static func forEach<Element: Sendable>(
        _ elements: [Element], _ body: @Sendable (Element) throws -> Void
    ) throws {
        let next = Atomic<Int>(0)
        let failure = Mutex<(index: Int, error: any Error)?>(nil)
        DispatchQueue.concurrentPerform(iterations: min(count, elements.count)) { _ in
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < elements.count else { return }
                do {
                    try body(elements[index])
                } catch {
                    failure.withLock { if $0 == nil || index < $0?.index ?? 0 { $0 = (index, error) } }
                    // Nothing behind it needs to be looked at any more.
                    next.store(elements.count, ordering: .relaxed)
                    return
                }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure.error }
    }

    /// What `transform` makes of each element, several at a time, in their order.
    ///
    /// - Throws: the error of the first element that failed, in their order.
    public static func map<Element: Sendable, Value: Sendable>(
        _ elements: [Element], _ transform: @Sendable (Element) throws -> Value
    ) throws -> [Value] {
        let size = max((elements.count + count - 1) / count, 1)
        let pieces = stride(from: 0, to: elements.count, by: size).map { $0..<min($0 + size, elements.count) }
        let found = Mutex<[Int: [Value]]>([:])
        try forEach(pieces) { piece in
            let values = try elements[piece].map(transform)
            found.withLock { $0[piece.lowerBound] = values }
        }
        return found.withLock { found in pieces.flatMap { found[$0.lowerBound] ?? [] } }
    }
}
