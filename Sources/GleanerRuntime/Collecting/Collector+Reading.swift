public import GleanerCore
import GleanerStore
import Logging
import Synchronization

/// The reader: waits for the source's frames, and hands them to the loop.
extension Collector {
    func read(_ source: any FrameSource) {
        defer { full.close() }
        var pace = deployment.configuration.inference.pace
        let slotCount = pace.rests ? 1 : source.isLive ? Self.liveSlotCount : Self.slotCount
        for number in 0..<slotCount { _ = empty.push(FrameSlot(number: number)) }
        var source = source
        var interrupted: Set<String> = []
        var inHand = framesInHand(placeCount: slotCount)
        var sequence: UInt64 = 0
        let begin = ContinuousClock.now
        var handedOn = begin
        while !stop.isRaised, let slot = empty.pop() {
            let now = ContinuousClock.now
            let pause = pace.secondsToWait(at: (now - begin).seconds, workSeconds: (now - handedOn).seconds)
            if pause > 0, stop.wait(seconds: pause) { return }
            do {
                guard try fill(slot, from: &source, &interrupted) else { return }
            } catch {
                return fail(error)
            }
            sequence += 1
            slot.sequence = sequence
            let count = source.remainingCount
            remaining.withLock { $0 = count }
            handedOn = .now
            guard handOn(slot, of: slotCount, &inHand) else { return }
        }
    }

    /// Waits for a source's next frame; `false` at its end.
    ///
    /// - Parameter interrupted: Sources that have no frames for now.
    private func fill(
        _ slot: FrameSlot, from source: inout any FrameSource, _ interrupted: inout Set<String>
    ) throws -> Bool {
        while true {
            let event = try times.measure(.read) { try source.next(into: &slot.buffer) }
            let name = slot.buffer.origin.source
            switch event {
            case .frame: slot.failure = nil
            case .unreadable(let error): slot.failure = error
            case .interrupted(let error):
                interrupted.insert(name)
                logger.warning("no frames", metadata: ["source": "\(name)", "error": "\(error)"])
                note("source.interrupted", error.message)
                continue
            case .end: return false
            }
            if interrupted.remove(name) != nil {
                logger.warning("frames again", metadata: ["source": "\(name)"])
                note("source.resumed", "\(name) gives frames again")
            }
            return true
        }
    }

    // MARK: What processes die of

    /// `nil` where that cannot be written down: frames are worth more than the knowledge of which of them is harmful.
    private func framesInHand(placeCount: Int) -> FramesInHand? {
        let store = deployment.store
        do {
            let inHand = try FramesInHand(in: store.folder, placeCount: placeCount) { origin in
                try store.seenOrigins(of: origin.source, named: [origin.name]).contains(origin)
                    || store.answer(to: origin) != nil
            }
            if inHand.suspectCount > 0 {
                logger.notice(
                    "frames were in hand when a process died: each is tried alone",
                    metadata: ["frames": "\(inHand.suspectCount)"])
            }
            return inHand
        } catch {
            tellUnknown(error)
            return nil
        }
    }

    private func tellUnknown(_ error: any Error) {
        logger.warning("which frames are in hand cannot be written down", metadata: ["error": "\(error)"])
    }

    /// Hands a frame on, `false` when the loop has ended: with others, or alone, or as one that is dropped.
    private func handOn(_ slot: FrameSlot, of slotCount: Int, _ inHand: inout FramesInHand?) -> Bool {
        let origin = slot.buffer.origin
        let handling = inHand?.take(origin, at: slot.number, lastGotThrough: slot.gotThrough) ?? .withOthers
        slot.gotThrough = false
        if let failure = inHand?.failure {
            tellUnknown(failure)
            inHand = nil
        }
        switch handling {
        case .withOthers: return full.push(slot)
        case .alone:
            isTrying.store(true, ordering: .relaxed)
            defer { isTrying.store(false, ordering: .relaxed) }
            guard handOnAlone(slot, of: slotCount, &inHand), waitUntilDurable(slot.sequence) else { return false }
        case .dropped(let deathCount):
            let died = "\(deathCount) processes died with \(origin.name) of \(origin.source) in their hands"
            slot.failure = GleanerError(.frameHarmful, died, remedy: "see what is wrong with it")
            guard full.push(slot), waitUntilDurable(slot.sequence) else { return false }
            logger.error("a harmful frame is dropped", metadata: ["frame": "\(origin.name)", "died": "\(deathCount)"])
            note("frame.harmful", "\(died): it was dropped, and its file left alone")
        }
        inHand?.settle(gotThrough: slot.gotThrough)
        return true
    }

    /// Hands a frame on once all before it are safe whatever becomes of it, and waits until the loop is done with it.
    private func handOnAlone(_ slot: FrameSlot, of slotCount: Int, _ inHand: inout FramesInHand?) -> Bool {
        guard waitUntilDurable(slot.sequence - 1) else { return false }
        var slots: [FrameSlot] = []
        while slots.count < slotCount - 1, let other = empty.pop() { slots.append(other) }
        inHand?.mark(inHand: true)
        guard full.push(slot), let same = empty.pop() else { return false }
        inHand?.mark(inHand: false)
        slots.append(same)
        return slots.allSatisfy { empty.push($0) }
    }

    /// Waits until a frame and all before it are durable; `false` when the loop is told to stop before.
    private func waitUntilDurable(_ sequence: UInt64) -> Bool {
        while durableSequence.load(ordering: .relaxed) < sequence {
            if stop.wait(seconds: 0.01) { return false }
        }
        return true
    }

    /// The loop has ended, and the process lives.
    func closeFramesInHand() {
        do {
            try FramesInHand.close(deployment.store.folder)
        } catch {
            tellUnknown(error)
        }
    }
}

extension GleanerError.Code {
    /// One process after the other died with a frame in its hands.
    public static let frameHarmful = Self("frame.harmful")
}
