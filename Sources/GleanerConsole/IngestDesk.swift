import Foundation
import GleanerCore

/// A frame that was handed over, checked.
struct IngestedFrame: Sendable {
    var origin: FrameOrigin
    var capturedAt: Timestamp?
    var picture: Data
    var given: GivenPrediction
}

/// What a request is answered.
struct IngestReply: Hashable, Sendable {
    var answer: FrameAnswer
    /// Whether the frame had been handed over before.
    var isKnown: Bool
}

/// Where requests wait: each holds a place from when its frame is handed over until it is answered.
///
/// Its bounds are the places and the bytes of bodies that are being received. What finds no room is refused at once,
/// so that a client and not this memory holds what cannot be taken yet.
///
/// `@unchecked Sendable`: every access to the mutable state is made under `condition`.
final class IngestDesk: @unchecked Sendable {
    typealias Reply = CheckedContinuation<IngestReply, any Error>

    private let condition = NSCondition()
    private let placeCountMax: Int
    private let bodyByteCountMax: Int
    private var arrived: [IngestedFrame] = []
    /// Who waits to hear of a frame: more than one when it was sent again meanwhile.
    private var places: [FrameOrigin: [Reply]] = [:]
    private var bodyByteCount = 0
    private var isClosed = false

    init(placeCountMax: Int, bodyByteCountMax: Int) {
        self.placeCountMax = placeCountMax
        self.bodyByteCountMax = bodyByteCountMax
    }

    // MARK: Requests

    /// Makes room for a body that is to be received; ``giveBack(bodyByteCount:)`` it.
    ///
    /// - Throws: ``GleanerError`` with code `ingest.full` or `ingest.stopped`: there is no use in receiving it.
    func take(bodyByteCount count: Int) throws {
        try locked {
            guard !isClosed else { throw Self.stopped }
            guard places.count < placeCountMax, bodyByteCount + count <= bodyByteCountMax else { throw Self.full }
            bodyByteCount += count
        }
    }

    func giveBack(bodyByteCount count: Int) {
        locked { bodyByteCount -= count }
    }

    /// Hands a frame over, and waits until what became of it is durable. One that is on its way already is waited for.
    ///
    /// - Throws: ``GleanerError`` with code `ingest.full` or `ingest.stopped`, or what the frame was refused for.
    func offer(_ frame: IngestedFrame) async throws -> IngestReply {
        try await withCheckedThrowingContinuation { reply in
            let refusal: GleanerError? = locked {
                guard !isClosed else { return Self.stopped }
                if places[frame.origin] == nil {
                    guard places.count < placeCountMax else { return Self.full }
                    arrived.append(frame)
                    condition.broadcast()
                }
                places[frame.origin, default: []].append(reply)
                return nil
            }
            if let refusal { reply.resume(throwing: refusal) }
        }
    }

    /// How many requests wait.
    var waitingCount: Int { locked { places.values.reduce(0) { $0 + $1.count } } }

    // MARK: The collector

    /// Waits for a frame; `nil` once the signal is raised.
    func next(until stop: StopSignal) -> IngestedFrame? {
        condition.lock()
        defer { condition.unlock() }
        while !stop.isRaised {
            if !arrived.isEmpty { return arrived.removeFirst() }
            // Whoever raises the signal does not know of this condition.
            _ = condition.wait(until: Date(timeIntervalSinceNow: 0.1))
        }
        return nil
    }

    /// Answers everybody who waits for a frame.
    func settle(_ origin: FrameOrigin, _ answer: FrameAnswer, isKnown: Bool) {
        let waiting = locked { places.removeValue(forKey: origin) ?? [] }
        for (index, reply) in waiting.enumerated() {
            reply.resume(returning: IngestReply(answer: answer, isKnown: isKnown || index > 0))
        }
    }

    /// The frame cannot be taken.
    func refuse(_ origin: FrameOrigin, because error: any Error) {
        for reply in locked({ places.removeValue(forKey: origin) ?? [] }) { reply.resume(throwing: error) }
    }

    /// Nothing is settled from now on: whoever waits may hand the frame over again, later.
    func close() {
        let waiting = locked {
            defer { (places, arrived) = ([:], []) }
            isClosed = true
            return places.values.flatMap(\.self)
        }
        for reply in waiting { reply.resume(throwing: Self.stopped) }
    }

    private func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
        condition.lock()
        defer { condition.unlock() }
        return try body()
    }

    private static let full = GleanerError(
        .ingestFull, "enough frames are on their way", remedy: "send it again after the seconds that Retry-After says")
    private static let stopped = GleanerError(
        .ingestStopped, "the collector is ending", remedy: "send it again, with the same id, when it runs again")
}
