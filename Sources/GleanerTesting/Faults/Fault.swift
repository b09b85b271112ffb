/// What goes wrong with one connection that passes a ``FaultProxy``.
public enum Fault: Hashable, Sendable {
    /// Whose bytes are counted.
    public enum Sender: String, Hashable, Sendable, CaseIterable { case client, server }

    case none

    // The link's.

    /// Every piece waits.
    case latency(milliseconds: Int)
    case bandwidth(bytesPerSecond: Int)
    /// Both sides are told that the connection is gone, after so many bytes of one of them.
    case reset(after: Int, of: Sender)
    /// One side is heard no more, after so many bytes; the other still is.
    case halfClose(after: Int, of: Sender)
    /// Nothing passes any more after so many bytes, and nobody is told.
    case blackHole(after: Int, of: Sender)

    // The server's, or of somebody who pretends to be one. They befall the first request of a connection.

    /// The request goes nowhere, and this is the answer.
    case answer(status: Int, retryAfterSeconds: Int? = nil)
    /// The request arrives, and its answer does not.
    case lostAnswer
    /// The answer ends after so many bytes, as if that were all.
    case truncatedAnswer(keeping: Int)
    /// One byte of the answer is another, at this place of it (counted round).
    case garbledAnswer(at: Int)
    /// What the server says is no HTTP.
    case nonsense
    /// The answer comes twice.
    case repeatedAnswer
    /// The answer is one to an earlier request of the same method. If there was none, it is lost.
    ///
    /// - Parameter swallows: whether the request does not even arrive.
    case foreignAnswer(swallows: Bool)

    /// Any of them, with numbers that matter for a request of so many bytes.
    public static func random(byteCount: Int, using numbers: inout some RandomNumberGenerator) -> Fault {
        let sender = Bool.random(using: &numbers) ? Sender.client : .server
        let place = Int.random(in: 0...(sender == .client ? byteCount : 2000), using: &numbers)
        switch Int.random(in: 0..<16, using: &numbers) {
        case 0: return .latency(milliseconds: .random(in: 1...20, using: &numbers))
        case 1: return .bandwidth(bytesPerSecond: .random(in: 100_000...1_000_000, using: &numbers))
        case 2, 3, 4: return .reset(after: place, of: sender)
        case 5: return .halfClose(after: place, of: sender)
        case 6: return .blackHole(after: place, of: sender)
        case 7, 8:
            let status = [200, 204, 302, 400, 401, 403, 404, 408, 409, 412, 413, 429, 500, 502, 503, 504]
                .randomElement(using: &numbers)
            let seconds = Bool.random(using: &numbers) ? Int.random(in: 0...100_000, using: &numbers) : nil
            return .answer(status: status ?? 500, retryAfterSeconds: seconds)
        case 9, 10: return .lostAnswer
        case 11: return .truncatedAnswer(keeping: .random(in: 0...600, using: &numbers))
        case 12: return .garbledAnswer(at: .random(in: 0...4000, using: &numbers))
        case 13: return .nonsense
        case 14: return .repeatedAnswer
        default: return .foreignAnswer(swallows: Bool.random(using: &numbers))
        }
    }

    /// Whether it is somebody's lie, and not only a link's or a server's failure.
    public var isLie: Bool {
        switch self {
        case .answer, .truncatedAnswer, .garbledAnswer, .nonsense, .repeatedAnswer, .foreignAnswer: true
        default: false
        }
    }
}
