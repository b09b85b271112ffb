import Foundation
import GleanerCore
import Testing

@testable import GleanerStore

/// A process dies by letting go of what it holds.
@Suite struct FramesInHandTests {
    let folder = DeploymentFolder(
        FileManager.default.temporaryDirectory.appendingPathComponent("in-hand-\(UUID().uuidString)").path)

    init() throws { try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true) }

    private func frame(_ name: String, bytes: Int64 = 10) -> FrameOrigin {
        FrameOrigin(source: "folder:/é", name: name[...], byteCount: bytes, modifiedNanoseconds: 7)
    }

    private func process(boot: String = "b", durable: Set<FrameOrigin> = []) throws -> FramesInHand {
        try FramesInHand(in: folder, placeCount: 4, boot: boot) { durable.contains($0) }
    }

    /// What a process is told of frames that it takes before it dies.
    private func dying(with frames: FrameOrigin..., boot: String = "b") throws -> [FramesInHand.Handling] {
        var inHand = try process(boot: boot)
        var told: [FramesInHand.Handling] = []
        for (place, frame) in frames.enumerated() {
            told.append(inHand.take(frame, at: place % 4, lastGotThrough: place >= 4))
            switch told[place] {
            case .withOthers: break
            case .alone: inHand.mark(inHand: true)
            case .dropped: inHand.settle(gotThrough: false)
            }
        }
        return told
    }

    private func clean() { try? FileManager.default.removeItem(atPath: folder.path) }

    @Test func framesOfAProcessThatDiedAreTriedAloneAndTheRestIsNot() throws {
        defer { clean() }
        #expect(try dying(with: frame("a"), frame("b \"c\"")) == [.withOthers, .withOthers])
        #expect(
            try dying(with: frame("new"), frame("a", bytes: 11), frame("b \"c\"")) == [
                .withOthers, .withOthers, .alone,
            ])
    }

    @Test func aFrameThatGotThroughIsInnocent() throws {
        defer { clean() }
        _ = try dying(with: frame("a"), frame("b"))
        do {
            var inHand = try process()
            #expect(inHand.suspectCount == 2)
            #expect(inHand.take(frame("a"), at: 0, lastGotThrough: false) == .alone)
            inHand.settle(gotThrough: true)
            #expect(inHand.suspectCount == 1)
            #expect(inHand.take(frame("a"), at: 0, lastGotThrough: false) == .withOthers)
        }
        // It was in hand again, and "b" is a suspect still.
        let inHand = try process()
        #expect(inHand.suspectCount == 2)
    }

    @Test func aFrameThatIsBackHasItsOutcomeStillToBeWritten() throws {
        defer { clean() }
        _ = try dying(with: frame("a"))
        for _ in 1...5 {
            var inHand = try process()
            #expect(inHand.take(frame("a"), at: 0, lastGotThrough: false) == .alone)
            inHand.mark(inHand: true)
            inHand.mark(inHand: false)
        }
        #expect(try dying(with: frame("a")) == [.alone])
    }

    @Test func onlyAPlacesLastFrameWasInHand() throws {
        defer { clean() }
        _ = try dying(with: frame("0"), frame("1"), frame("2"), frame("3"), frame("4"))
        #expect(
            try dying(with: frame("0"), frame("1"), frame("2"), frame("3"), frame("4"))
                == [.withOthers, .alone, .alone, .alone, .alone])
    }

    @Test func aFrameThatFourProcessesDieWithIsDropped() throws {
        defer { clean() }
        #expect(try dying(with: frame("a"), frame("b")) == [.withOthers, .withOthers])
        for _ in 2...4 { #expect(try dying(with: frame("b")) == [.alone]) }
        // "a" was in hand only once.
        #expect(try dying(with: frame("b"), frame("a")) == [.dropped(deathCount: 4), .alone])
        #expect(try dying(with: frame("b")) == [.withOthers])
    }

    @Test func aFrameIsDroppedAgainIfThatWasNotDurable() throws {
        defer { clean() }
        for _ in 1...4 { _ = try dying(with: frame("a")) }
        do {
            var inHand = try process()
            #expect(inHand.take(frame("a"), at: 0, lastGotThrough: false) == .dropped(deathCount: 4))
        }
        #expect(try dying(with: frame("a")) == [.dropped(deathCount: 4)])
    }

    /// Three frames that processes died with are dropped, and four of them died with `d` by then.
    private func dropThree() throws {
        for name in ["a", "b", "c"] {
            for _ in 1...4 { _ = try dying(with: frame(name)) }
            #expect(try dying(with: frame(name)) == [.dropped(deathCount: 4)])
        }
        for _ in 1...4 { _ = try dying(with: frame("d")) }
    }

    @Test func afterThreeInARowNoneIsDropped() throws {
        defer { clean() }
        try dropThree()
        for _ in 1...5 { #expect(try dying(with: frame("d")) == [.alone]) }
        // One that no model was asked about, a double, says nothing.
        do {
            var inHand = try process()
            #expect(inHand.take(frame("e"), at: 0, lastGotThrough: false) == .withOthers)
            #expect(inHand.take(frame("f"), at: 0, lastGotThrough: false) == .withOthers)
            #expect(inHand.take(frame("d"), at: 1, lastGotThrough: false) == .alone)
            inHand.mark(inHand: true)
        }
        #expect(try dying(with: frame("d")) == [.alone])
    }

    @Test func onceOneGotThroughAFrameHasAnotherTrial() throws {
        defer { clean() }
        try dropThree()
        do {
            var inHand = try process()
            #expect(inHand.take(frame("e"), at: 3, lastGotThrough: false) == .withOthers)
            #expect(inHand.take(frame("f"), at: 3, lastGotThrough: true) == .withOthers)
            #expect(inHand.take(frame("d"), at: 1, lastGotThrough: false) == .alone)
            inHand.mark(inHand: true)
        }
        #expect(try dying(with: frame("d")) == [.dropped(deathCount: 4)])
    }

    @Test func aProcessThatEndsByItselfAccusesNobodyAndAcquitsNobody() throws {
        defer { clean() }
        _ = try dying(with: frame("a"))
        do {
            var inHand = try process()
            #expect(inHand.take(frame("b"), at: 0, lastGotThrough: false) == .withOthers)
            #expect(inHand.take(frame("a"), at: 1, lastGotThrough: false) == .alone)
            inHand.mark(inHand: true)
            try FramesInHand.close(folder)
        }
        #expect(try dying(with: frame("b"), frame("a")) == [.withOthers, .alone])
    }

    @Test func theFileIsGoneOnceNobodyIsASuspect() throws {
        defer { clean() }
        _ = try dying(with: frame("a"))
        do {
            var inHand = try process()
            _ = inHand.take(frame("a"), at: 0, lastGotThrough: false)
            inHand.settle(gotThrough: true)
            _ = inHand.take(frame("b"), at: 0, lastGotThrough: true)
        }
        for _ in 1...2 {
            try FramesInHand.close(folder)
            #expect(!FileManager.default.fileExists(atPath: folder.framesInHand))
        }
        #expect(try dying(with: frame("b")) == [.withOthers])
    }

    @Test func aPowerCutAccusesNobody() throws {
        defer { clean() }
        for boot in ["1", "2", "3"] { #expect(try dying(with: frame("a"), boot: boot) == [.withOthers]) }
        // Nor does it make a crash undone.
        #expect(try dying(with: frame("a"), boot: "3") == [.alone])
        #expect(try dying(with: frame("a"), boot: "4") == [.alone])
    }

    @Test func aFrameWhoseOutcomeIsKnownIsNoSuspect() throws {
        defer { clean() }
        _ = try dying(with: frame("a"), frame("b"))
        let inHand = try process(durable: [frame("a")])
        #expect(inHand.suspectCount == 1)
    }

    @Test func aFrameThatIsSentAgainIsWrittenDown() throws {
        defer { clean() }
        let sent = FrameOrigin(source: "ingest:/s", name: "12", awaitsAnswer: true)
        #expect(try dying(with: sent) == [.withOthers])
        #expect(try dying(with: sent) == [.alone])
    }

    @Test func aCamerasFramesAreNotWrittenDown() throws {
        defer { clean() }
        for _ in 1...2 {
            #expect(try dying(with: FrameOrigin(source: "rtsp://camera", name: "12")) == [.withOthers])
        }
    }

    @Test func whatCannotBeReadAccusesNobody() throws {
        defer { clean() }
        let long = String(repeating: "n", count: 2000)
        _ = try dying(with: frame("a"), frame(long))
        var text = try #require(FileManager.default.contents(atPath: folder.framesInHand))
        text.replaceSubrange(1024..<1030, with: Data("[1,0,]".utf8))
        try text.write(to: URL(fileURLWithPath: folder.framesInHand))
        #expect(try dying(with: frame("a"), frame(long)) == [.withOthers, .withOthers])
        try Data(repeating: 0, count: 3000).write(to: URL(fileURLWithPath: folder.framesInHand))
        #expect(try dying(with: frame("a")) == [.withOthers])
    }
}
