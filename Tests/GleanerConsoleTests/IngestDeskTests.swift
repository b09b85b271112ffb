import Foundation
import GleanerCore
import Testing

@testable import GleanerConsole

@Suite struct IngestDeskTests {
    private let desk = IngestDesk(placeCountMax: 2, bodyByteCountMax: 100)
    private let stop = StopSignal()

    private func frame(_ id: String) -> IngestedFrame {
        let model = ModelManifest(elsewhere: "m", version: 1, digest: nil, task: .detection, labels: ["a"])
        return IngestedFrame(
            origin: FrameOrigin(source: "ingest", name: id[...], awaitsAnswer: true), picture: Data(),
            given: GivenPrediction(model: model, prediction: .detection([])))
    }

    /// Hands a frame over, and waits until it holds its place.
    private func offer(_ id: String, as count: Int) async -> Task<IngestReply, any Error> {
        let (desk, frame) = (desk, frame(id))
        let task = Task { try await desk.offer(frame) }
        while desk.waitingCount < count { await Task.yield() }
        return task
    }

    private func code(of task: Task<IngestReply, any Error>) async -> GleanerError.Code? {
        do {
            _ = try await task.value
            return nil
        } catch {
            return (error as? GleanerError)?.code
        }
    }

    @Test func aFrameIsGivenOnceAndEverybodyWhoWaitsForItIsAnswered() async throws {
        let first = await offer("1", as: 1)
        let again = await offer("1", as: 2)
        #expect(desk.next(until: stop)?.origin.name == "1")
        let answer = FrameAnswer(.stored, reason: "margin")
        desk.settle(frame("1").origin, answer, isKnown: false)
        #expect(try await first.value == IngestReply(answer: answer, isKnown: false))
        #expect(try await again.value == IngestReply(answer: answer, isKnown: true))
        stop.raise()
        #expect(desk.next(until: stop) == nil)
    }

    @Test func whatFindsNoPlaceIsRefusedAtOnce() async throws {
        let waiting = [await offer("1", as: 1), await offer("2", as: 2)]
        #expect(await code(of: Task { try await desk.offer(frame("3")) }) == .ingestFull)
        #expect { try desk.take(bodyByteCount: 1) } throws: { ($0 as? GleanerError)?.code == .ingestFull }
        desk.settle(frame("1").origin, FrameAnswer(.rejected, reason: "duplicate"), isKnown: false)
        #expect(try await waiting[0].value.answer.decision == .rejected)
        let third = await offer("3", as: 2)
        desk.close()
        for task in [waiting[1], third] { #expect(await code(of: task) == .ingestStopped) }
    }

    @Test func bodiesThatAreReceivedHaveABoundTogether() throws {
        try desk.take(bodyByteCount: 60)
        #expect { try desk.take(bodyByteCount: 60) } throws: { ($0 as? GleanerError)?.code == .ingestFull }
        desk.giveBack(bodyByteCount: 60)
        try desk.take(bodyByteCount: 100)
    }

    @Test func aFrameThatIsRefusedMayBeHandedOverAgain() async throws {
        let first = await offer("1", as: 1)
        #expect(desk.next(until: stop) != nil)
        desk.refuse(frame("1").origin, because: GleanerError(.modelDiffers, "no"))
        #expect(await code(of: first) == .modelDiffers)
        let again = await offer("1", as: 1)
        #expect(desk.next(until: stop)?.origin.name == "1")
        desk.close()
        #expect(await code(of: again) == .ingestStopped)
        #expect(await code(of: Task { try await desk.offer(frame("2")) }) == .ingestStopped)
    }
}
