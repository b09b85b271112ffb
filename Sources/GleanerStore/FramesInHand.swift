import Foundation
public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Which frames the loop has in its hands, in a file that outlives the process.
///
/// A process can die of a frame: of a flaw in a decoder or a runtime, for want of memory, or because it hangs and is ended.
/// Nothing of that frame is durable then, so the next process is offered it again, and would die as well, for ever. Hence
/// frames that a process died with are suspects, and the next one tries each of them alone: one that is innocent gets
/// through, and one that process after process dies with is dropped.
///
/// What is taken in hand is written without a flush: that outlives a process and costs a frame next to nothing. After a power
/// cut, of which another boot tells, nobody is accused. Only the thread that hands frames to the loop touches the file.
public struct FramesInHand: ~Copyable {
    /// How a frame is to be handed to the loop.
    public enum Handling: Hashable, Sendable {
        /// As all others.
        case withOthers
        /// While no other is under way. ``mark(inHand:)`` says when it is, and ``settle(gotThrough:)`` that its outcome is
        /// durable.
        case alone
        /// As one that is dropped, since so many processes died with it, until ``settle(gotThrough:)``.
        case dropped(deathCount: Int)
    }

    /// So many processes may die with a frame in their hands: the first of them with others beside it, the rest with it alone.
    public static let deathCountMax = 4
    /// So many frames are dropped one after another. If the model was asked about none between them it is not frames that
    /// processes die of, and dropping the whole source would help nobody.
    public static let droppedInRowMax = 3

    private static let suspectCountMax = 8

    private let file: DescriptorFile
    private let placeCount: Int
    private let boot: String
    /// Why the file can be written no more. Nothing is written after that.
    public private(set) var failure: (any Error)?
    private var droppedInRow: Int
    /// Each keeps its line in the file, behind those of the places.
    private var suspects: [Frame?]
    /// Which of them is under way, and as what.
    private var underWay: (suspect: Int, isDropped: Bool)?
    private var line = JSONList(byteCount: Frame.lineByteCount)
    private var bytes = [UInt8](repeating: 0, count: Frame.lineByteCount)

    /// Learns what the process before this one died with.
    ///
    /// - Parameters:
    ///   - placeCount: How many frames can be in the loop's hands at a time.
    ///   - isDurable: Whether it is known what became of a frame; it is offered no more then.
    /// - Throws: ``GleanerError`` with code `file.system`, or what `isDurable` throws.
    public init(
        in folder: DeploymentFolder, placeCount: Int, boot: String = BootID.current,
        isDurable: (FrameOrigin) throws -> Bool
    ) throws {
        var left = try Left(folder)
        // Those of the last death come first: the others may be gone from the source for good.
        let found = left.frames.filter(\.isInHand) + left.frames.filter { !$0.isInHand }
        // Where none is dropped any more, each has another trial before it is once more.
        let deathCountMax = left.droppedInRow < Self.droppedInRowMax ? Int.max : Self.deathCountMax - 1
        let suspects = try found.compactMap { [left] frame -> Frame? in
            let deathCount = frame.deathCount + (frame.isInHand && left.boot == boot ? 1 : 0)
            guard deathCount > 0, try !isDurable(frame.origin) else { return nil }
            return Frame(origin: frame.origin, deathCount: min(deathCount, deathCountMax))
        }
        left.frames = Array(suspects.prefix(Self.suspectCountMax))
        left.boot = boot
        try left.write(to: folder, placeCount: placeCount)
        file = try DescriptorFile(folder.framesInHand, flags: O_WRONLY | O_NOFOLLOW)
        (self.placeCount, self.boot) = (placeCount, boot)
        (self.suspects, droppedInRow) = (left.frames, left.droppedInRow)
    }

    /// How many frames are suspects still.
    public var suspectCount: Int { suspects.count { $0 != nil } }

    /// Takes a frame in hand.
    ///
    /// - Parameters:
    ///   - place: From 0.
    ///   - lastGotThrough: Whether the model was asked about the frame that was there before.
    public mutating func take(_ origin: FrameOrigin, at place: Int, lastGotThrough: Bool) -> Handling {
        precondition((0..<placeCount).contains(place), "there are \(placeCount) places")
        if lastGotThrough, droppedInRow > 0 { count(droppedInRow: 0) }
        // A camera's frames never come again.
        guard origin.byteCount != 0 || origin.modifiedNanoseconds != 0 || origin.awaitsAnswer else {
            return .withOthers
        }
        if let index = suspects.firstIndex(where: { $0?.isOf(origin) ?? false }), let suspect = suspects[index] {
            let isDropped = suspect.deathCount >= Self.deathCountMax && droppedInRow < Self.droppedInRowMax
            underWay = (index, isDropped)
            return isDropped ? .dropped(deathCount: suspect.deathCount) : .alone
        }
        Frame(origin: origin, isInHand: true).write(to: &line)
        writeLine(1 + place)
        return .withOthers
    }

    /// The suspect that was taken is in the loop's hands, or back: the shorter the time between, the less a process that is
    /// killed for another reason speaks against it.
    public mutating func mark(inHand isInHand: Bool) {
        guard let index = underWay?.suspect, let suspect = suspects[index] else {
            preconditionFailure("no suspect is under way")
        }
        Frame(origin: suspect.origin, deathCount: suspect.deathCount, isInHand: isInHand).write(to: &line)
        writeLine(lineOfSuspect(index))
    }

    /// What became of the suspect is durable.
    ///
    /// - Parameter gotThrough: Whether the model was asked about it.
    public mutating func settle(gotThrough: Bool) {
        guard let (index, isDropped) = underWay else { preconditionFailure("no suspect is under way") }
        underWay = nil
        if isDropped {
            count(droppedInRow: droppedInRow + 1)
        } else if gotThrough, droppedInRow > 0 {
            count(droppedInRow: 0)
        }
        suspects[index] = nil
        line.removeAll()
        writeLine(lineOfSuspect(index))
    }

    /// To be called once nothing is under way any more: the process lives, so frames that were in hand are not to blame.
    /// Suspects that were not tried remain.
    public static func close(_ folder: DeploymentFolder) throws {
        var left = try Left(folder)
        left.frames.removeAll { $0.deathCount == 0 }
        for index in left.frames.indices { left.frames[index].isInHand = false }
        guard left.frames.isEmpty, left.droppedInRow == 0 else { return try left.write(to: folder, placeCount: 0) }
        guard unlink(folder.framesInHand) == 0 || errno == ENOENT else {
            throw GleanerError.system("cannot remove", folder.framesInHand, errno: errno)
        }
    }

    private mutating func count(droppedInRow count: Int) {
        droppedInRow = count
        Left(boot: boot, droppedInRow: count).writeHead(to: &line)
        writeLine(0)
    }

    private func lineOfSuspect(_ index: Int) -> Int { 1 + placeCount + index }

    private mutating func writeLine(_ number: Int) {
        guard failure == nil else { return }
        do {
            try bytes.withUnsafeMutableBytes { bytes in
                line.fillLine(of: bytes)
                try file.write(UnsafeRawBufferPointer(bytes), at: number * Frame.lineByteCount)
            }
        } catch {
            failure = error
        }
    }
}

/// What the file says: a head, the places, the suspects; a line each, all of one length.
private struct Left {
    var boot = ""
    var droppedInRow = 0
    var frames: [Frame] = []

    init(boot: String, droppedInRow: Int, frames: [Frame] = []) {
        (self.boot, self.droppedInRow, self.frames) = (boot, droppedInRow, frames)
    }

    /// A line that cannot be read accuses nobody.
    init(_ folder: DeploymentFolder) throws {
        guard access(folder.framesInHand, F_OK) == 0 else { return }
        let text = try FileReading.bytes(of: folder.framesInHand, byteCountMax: 1 << 20)
        let lines = text.split(separator: UInt8(ascii: "\n")).map { line in
            (try? CanonicalJSON.decode([JSONValue].self, from: line, named: "a line")) ?? []
        }
        guard let head = lines.first, head.count == 2, case .integer(let droppedInRow) = head[0],
            case .string(let boot) = head[1]
        else { return }
        self.boot = boot
        self.droppedInRow = max(droppedInRow, 0)
        frames = lines.dropFirst().compactMap(Frame.init)
    }

    func writeHead(to line: inout JSONList) {
        line.removeAll()
        line.append(Int64(droppedInRow))
        line.append(boot[...])
    }

    func write(to folder: DeploymentFolder, placeCount: Int) throws {
        var line = JSONList()
        var bytes = [UInt8](repeating: 0, count: Frame.lineByteCount)
        var text = Data()
        func append() {
            bytes.withUnsafeMutableBytes { line.fillLine(of: $0) }
            text += bytes
            line.removeAll()
        }
        writeHead(to: &line)
        append()
        for _ in 0..<placeCount { append() }
        for frame in frames {
            frame.write(to: &line)
            append()
        }
        try DurableFile.write(text, to: folder.framesInHand)
    }
}

private struct Frame {
    static let lineByteCount = 1024

    var origin: FrameOrigin
    /// Processes that died with it before this one.
    var deathCount = 0
    var isInHand = false

    init(origin: FrameOrigin, deathCount: Int = 0, isInHand: Bool = false) {
        (self.origin, self.deathCount, self.isInHand) = (origin, deathCount, isInHand)
    }

    init?(_ values: [JSONValue]) {
        guard values.count == 6, case .integer(let inHand) = values[0], case .integer(let deathCount) = values[1],
            case .string(let source) = values[2], case .string(let name) = values[3],
            case .integer(let byteCount) = values[4], case .integer(let modifiedNanoseconds) = values[5]
        else { return nil }
        self.init(
            origin: FrameOrigin(
                source: source, name: name[...], byteCount: Int64(byteCount),
                modifiedNanoseconds: Int64(modifiedNanoseconds)), deathCount: deathCount, isInHand: inHand != 0)
    }

    func write(to line: inout JSONList) {
        line.removeAll()
        line.append(isInHand ? 1 : 0)
        line.append(Int64(deathCount))
        line.append(origin.source[...])
        line.append(origin.name)
        line.append(origin.byteCount)
        line.append(origin.modifiedNanoseconds)
    }

    func isOf(_ other: FrameOrigin) -> Bool {
        origin.name == other.name && origin.source == other.source && origin.byteCount == other.byteCount
            && origin.modifiedNanoseconds == other.modifiedNanoseconds
    }
}

extension JSONList {
    /// A frame whose name has no room is not written down: its line is empty.
    fileprivate mutating func fillLine(of bytes: UnsafeMutableRawBufferPointer) {
        if fillLine(bytes) { return }
        removeAll()
        _ = fillLine(bytes)
    }
}
