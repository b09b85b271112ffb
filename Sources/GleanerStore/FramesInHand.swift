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
/// The file is written without a flush: that outlives a process and costs a frame next to nothing, and after a power cut there
/// is nobody to suspect. Only the thread that hands frames to the loop touches it.
public struct FramesInHand: ~Copyable {
    /// How a frame is to be handed to the loop.
    public enum Handling: Hashable, Sendable {
        /// As all others.
        case withOthers
        /// While no other is under way. ``mark(inHand:)`` says when it is, and ``settle()`` that its outcome is durable.
        case alone
        /// As one that is dropped, since so many processes died with it, until ``settle()``.
        case dropped(deathCount: Int)
    }

    /// So many processes may die with a frame in their hands: the first of them with others beside it, the rest with it alone.
    public static let deathCountMax = 4
    /// So many frames are dropped one after another. If none gets through between them it is not frames that processes die
    /// of, and dropping the whole source would help nobody.
    public static let droppedInRowMax = 3

    private static let suspectCountMax = 8

    private let file: DescriptorFile
    private let placeCount: Int
    /// Why the file can be written no more. Nothing is written after that.
    public private(set) var failure: (any Error)?
    private var droppedInRow: Int
    /// Each keeps its line in the file, behind those of the places.
    private var suspects: [Frame?]
    /// Which of them is under way, and as what.
    private var underWay: (suspect: Int, isDropped: Bool)?
    /// Places that were taken since the process began.
    private var taken: Set<Int> = []
    private var line = JSONList(byteCount: Frame.lineByteCount)
    private var bytes = [UInt8](repeating: 0, count: Frame.lineByteCount)

    /// Learns what the process before this one died with.
    ///
    /// - Parameter placeCount: How many frames can be in the loop's hands at a time.
    /// - Throws: ``GleanerError`` with code `file.system`.
    public init(in folder: DeploymentFolder, placeCount: Int) throws {
        let left = try Self.read(folder)
        // Those of the last death come first: the others may be gone from the source for good.
        let found = left.frames.filter(\.isInHand) + left.frames.filter { !$0.isInHand }
        let suspects = found.prefix(Self.suspectCountMax).map {
            Frame(origin: $0.origin, deathCount: $0.deathCount + ($0.isInHand ? 1 : 0))
        }
        try Self.write(suspects, droppedInRow: left.droppedInRow, placeCount: placeCount, to: folder)
        file = try DescriptorFile(folder.framesInHand, flags: O_WRONLY | O_NOFOLLOW)
        (self.placeCount, self.suspects, droppedInRow) = (placeCount, suspects, left.droppedInRow)
    }

    /// How many frames are suspects still.
    public var suspectCount: Int { suspects.count { $0 != nil } }

    /// Takes a frame in hand.
    ///
    /// - Parameter place: From 0. The frame that was there before got through.
    public mutating func take(_ origin: FrameOrigin, at place: Int) -> Handling {
        precondition((0..<placeCount).contains(place), "there are \(placeCount) places")
        // A camera's frames never come again.
        guard origin.byteCount != 0 || origin.modifiedNanoseconds != 0 else { return .withOthers }
        if let index = suspects.firstIndex(where: { $0?.isOf(origin) ?? false }), let suspect = suspects[index] {
            return take(suspect, at: index)
        }
        if droppedInRow > 0, taken.contains(place) { count(droppedInRow: 0) }
        taken.insert(place)
        Frame(origin: origin, isInHand: true).write(to: &line)
        writeLine(Self.line(ofPlace: place))
        return .withOthers
    }

    private mutating func take(_ suspect: Frame, at index: Int) -> Handling {
        let isDropped = suspect.deathCount >= Self.deathCountMax && droppedInRow < Self.droppedInRowMax
        underWay = (index, isDropped)
        return isDropped ? .dropped(deathCount: suspect.deathCount) : .alone
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
    public mutating func settle() {
        guard let (index, isDropped) = underWay else { preconditionFailure("no suspect is under way") }
        underWay = nil
        let inRow = isDropped ? droppedInRow + 1 : 0
        if inRow != droppedInRow { count(droppedInRow: inRow) }
        suspects[index] = nil
        line.removeAll()
        writeLine(lineOfSuspect(index))
    }

    /// To be called once nothing is under way any more: the process lives, so no frame is to blame.
    public static func forget(in folder: DeploymentFolder) throws {
        guard unlink(folder.framesInHand) == 0 || errno == ENOENT else {
            throw GleanerError.system("cannot remove", folder.framesInHand, errno: errno)
        }
    }

    private mutating func count(droppedInRow count: Int) {
        droppedInRow = count
        Self.write(droppedInRow: count, to: &line)
        writeLine(0)
    }

    // MARK: The file: how many were dropped in a row, the places, the suspects; a line each, all of one length

    private static func line(ofPlace place: Int) -> Int { 1 + place }
    private func lineOfSuspect(_ index: Int) -> Int { 1 + placeCount + index }

    private static func write(droppedInRow: Int, to line: inout JSONList) {
        line.removeAll()
        line.append(Int64(droppedInRow))
    }

    private mutating func writeLine(_ number: Int) {
        guard failure == nil else { return }
        do {
            try bytes.withUnsafeMutableBytes { bytes in
                Self.fill(bytes, with: &line)
                try file.write(UnsafeRawBufferPointer(bytes), at: number * Frame.lineByteCount)
            }
        } catch {
            failure = error
        }
    }

    /// A frame whose name has no room is not written down.
    private static func fill(_ bytes: UnsafeMutableRawBufferPointer, with line: inout JSONList) {
        if line.fillLine(bytes) { return }
        line.removeAll()
        _ = line.fillLine(bytes)
    }

    private static func write(
        _ suspects: [Frame?], droppedInRow: Int, placeCount: Int, to folder: DeploymentFolder
    ) throws {
        var line = JSONList()
        var bytes = [UInt8](repeating: 0, count: Frame.lineByteCount)
        var text = Data()
        func append() {
            bytes.withUnsafeMutableBytes { fill($0, with: &line) }
            text += bytes
            line.removeAll()
        }
        write(droppedInRow: droppedInRow, to: &line)
        append()
        for _ in 0..<placeCount { append() }
        for suspect in suspects {
            suspect?.write(to: &line)
            append()
        }
        try DurableFile.write(text, to: folder.framesInHand)
    }

    /// A line that cannot be read, as after a power cut, accuses nobody.
    private static func read(_ folder: DeploymentFolder) throws -> (droppedInRow: Int, frames: [Frame]) {
        guard access(folder.framesInHand, F_OK) == 0 else { return (0, []) }
        let text = try FileReading.bytes(of: folder.framesInHand, byteCountMax: 1 << 20)
        let lines = text.split(separator: UInt8(ascii: "\n")).map { line in
            (try? CanonicalJSON.decode([JSONValue].self, from: line, named: "a line")) ?? []
        }
        guard case .integer(let droppedInRow)? = lines.first?.first else { return (0, []) }
        return (max(droppedInRow, 0), lines.dropFirst().compactMap(Frame.init))
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
}
