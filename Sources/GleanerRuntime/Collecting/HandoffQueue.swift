import Foundation

/// A bounded queue between two threads that waits instead of dropping.
///
/// Its bound is the number of elements in flight; a full queue holds its producer back, so that a folder loses
/// nothing and memory stays flat. Closing it lets the consumer drain what is left.
///
/// `@unchecked Sendable`: every access to the mutable state is made under `condition`.
final class HandoffQueue<Element: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var elements: [Element] = []
    private var isClosed = false
    private let countMax: Int
    private var nextTurn: UInt64 = 1

    init(countMax: Int) {
        precondition(countMax > 0, "a queue of no places never moves")
        self.countMax = countMax
        elements.reserveCapacity(countMax)
    }

    /// Waits for a free place; `false` when the queue was closed and the element was not taken.
    ///
    /// - Parameter turn: For elements of several producers that have an order: 1 for the first, and no number twice. It
    ///   waits until all before it were pushed, too.
    func push(_ element: Element, inTurn turn: UInt64? = nil) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while elements.count >= countMax || turn.map({ $0 != nextTurn }) ?? false, !isClosed { condition.wait() }
        guard !isClosed else { return false }
        if turn != nil { nextTurn += 1 }
        elements.append(element)
        condition.broadcast()
        return true
    }

    /// Waits for an element; `nil` once the queue is closed and empty.
    func pop() -> Element? {
        while true {
            switch pop(withinSeconds: 3600) {
            case .element(let element): return element
            case .closed: return nil
            case .nothingYet: continue
            }
        }
    }

    /// What ``pop(withinSeconds:)`` found.
    enum Popped {
        case element(Element)
        case nothingYet
        /// Closed and empty.
        case closed
    }

    /// Waits for an element, but not for long: for a thread that has something else to do meanwhile.
    func pop(withinSeconds seconds: Double) -> Popped {
        condition.lock()
        defer { condition.unlock() }
        let deadline = Date(timeIntervalSinceNow: seconds)
        while elements.isEmpty, !isClosed {
            if !condition.wait(until: deadline) { break }
        }
        guard !elements.isEmpty else { return isClosed ? .closed : .nothingYet }
        condition.broadcast()
        return .element(elements.removeFirst())
    }

    /// Takes everything there is, after waiting for at least one element and then up to `lingerSeconds` for the queue
    /// to fill: the longer the wait, the fewer flushes. `nil` once the queue is closed and empty.
    func popAll(lingerSeconds: Double) -> [Element]? {
        condition.lock()
        defer { condition.unlock() }
        while elements.isEmpty, !isClosed { condition.wait() }
        let deadline = Date(timeIntervalSinceNow: lingerSeconds)
        while elements.count < countMax, !isClosed {
            if !condition.wait(until: deadline) { break }
        }
        guard !elements.isEmpty else { return nil }
        defer { elements.removeAll(keepingCapacity: true) }
        condition.broadcast()
        return elements
    }

    /// Ends the queue: producers are refused, the consumer gets what is left.
    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }
}
