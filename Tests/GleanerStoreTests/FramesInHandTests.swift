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

    /// What a process is told of frames that it takes before it dies.
    private func dying(with frames: FrameOrigin...) throws -> [FramesInHand.Handling] {
        var inHand = try FramesInHand(in: folder, placeCount: 4)
        var told: [FramesInHand.Handling] = []
        for (place, frame) in frames.enumerated() {
            told.append(inHand.take(frame, at: place % 4))
            switch told[place] {
            case .withOthers: break
            case .alone: inHand.mark(inHand: true)
            case .dropped: inHand.settle()
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
            var inHand = try FramesInHand(in: folder, placeCount: 4)
            #expect(inHand.suspectCount == 2)
            #expect(inHand.take(frame("a"), at: 0) == .alone)
            inHand.settle()
            #expect(inHand.suspectCount == 1)
            #expect(inHand.take(frame("a"), at: 0) == .withOthers)
        }
        // It was in hand again, and "b" is a suspect still.
        let inHand = try FramesInHand(in: folder, placeCount: 4)
        #expect(inHand.suspectCount == 2)
    }

    @Test func aFrameThatIsBackHasItsOutcomeStillToBeWritten() throws {
        defer { clean() }
        _ = try dying(with: frame("a"))
        for _ in 1...5 {
            var inHand = try FramesInHand(in: folder, placeCount: 4)
            #expect(inHand.take(frame("a"), at: 0) == .alone)
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
            var inHand = try FramesInHand(in: folder, placeCount: 4)
            #expect(inHand.take(frame("a"), at: 0) == .dropped(deathCount: 4))
        }
        #expect(try dying(with: frame("a")) == [.dropped(deathCount: 4)])
    }

    @Test func afterThreeInARowNoneIsDroppedUntilOneGetsThrough() throws {
        defer { clean() }
        for name in ["a", "b", "c"] {
            for _ in 1...4 { _ = try dying(with: frame(name)) }
            #expect(try dying(with: frame(name)) == [.dropped(deathCount: 4)])
        }
        for _ in 1...4 { _ = try dying(with: frame("d")) }
        for _ in 1...3 { #expect(try dying(with: frame("d")) == [.alone]) }
        do {
            var inHand = try FramesInHand(in: folder, placeCount: 4)
            #expect(inHand.take(frame("e"), at: 0) == .withOthers)
            #expect(inHand.take(frame("d"), at: 1) == .alone)
        }
        do {
            // The second frame at a place says that the first got through.
            var inHand = try FramesInHand(in: folder, placeCount: 4)
            for name in ["f", "g"] { #expect(inHand.take(frame(name), at: 3) == .withOthers) }
            guard case .dropped = inHand.take(frame("d"), at: 1) else { Issue.record("it is tried still"); return }
        }
    }

    @Test func nothingIsKnownOfAProcessThatEndedByItself() throws {
        defer { clean() }
        _ = try dying(with: frame("a"))
        try FramesInHand.forget(in: folder)
        try FramesInHand.forget(in: folder)
        #expect(try dying(with: frame("a")) == [.withOthers])
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
