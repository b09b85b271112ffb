public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The pictures of a folder and its subfolders in name order, and if it is watched those that come later.
///
/// Pictures end in `.png`, `.jpg` or `.jpeg`. Hidden files and folders are left out, and so are temporary names such as
/// `frame.png.partial`. Links to files are followed, links to folders are not.
///
/// A watched folder never ends. A new file counts once its writer closed it or renamed it in; several at once come in
/// name order. A file that the first look finds may still be growing: if it was written to in the last two seconds,
/// it waits until it is closed or at rest. The kernel tells only of changes that this machine makes: a network share
/// that others write to is seen at the next start.
///
/// A file that is written anew under its name is a new frame.
///
/// `@unchecked Sendable`: it belongs to one thread at a time, as every source does.
public final class FolderSource: FrameSource, @unchecked Sendable {
    /// Larger files are unreadable.
    public static let byteCountMax = 256 << 20

    private let folder: WatchedFolder
    private let sourceName: String
    private let stop: StopSignal
    private let recorded: RecordedOrigins
    private let settleSeconds: Double

    /// Found, not yet given, in order.
    private var pending = FileNameList()
    /// The first of these as text, and what was recorded under them when they were turned to. Short: what this source
    /// gives meanwhile is among ``recent``.
    private var page: (names: ArraySlice<Substring>, recorded: Set<FrameOrigin>) = ([], [])
    private static let pageCount = 256
    /// Come in since; `true` where the writer is known to be done.
    private var arrivals: [[UInt8]: Bool] = [:]
    /// Perhaps still being written, with the monotonic time at which to look again.
    private var settling: [(name: [UInt8], due: Double)] = []
    private var problems: [FolderProblem] = []
    private var recent = RecentOrigins()
    /// Of the file that is looked at.
    private var name: [UInt8] = []
    private var path: [UInt8] = []

    /// Looks through the folder.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - name: What the configuration calls it, part of every frame's origin: it must not change with the place of
    ///     the deployment. The path itself by default.
    ///   - watches: Whether to wait for new files instead of ending after the last.
    ///   - stop: Ends the source, also while it waits.
    ///   - recorded: Finds what was recorded already, which is not given again.
    /// - Throws: ``GleanerError`` with code `source.unavailable` when the folder is missing, cannot be read or
    ///   cannot be watched.
    public convenience init(
        path: String, name: String? = nil, watches: Bool, stop: StopSignal,
        recorded: @escaping RecordedOrigins
    ) throws {
        try self.init(path: path, name: name, watches: watches, stop: stop, settleSeconds: 2, recorded: recorded)
    }

    init(
        path: String, name: String? = nil, watches: Bool, stop: StopSignal, settleSeconds: Double,
        recorded: @escaping RecordedOrigins
    ) throws {
        folder = try WatchedFolder(path: path, watches: watches)
        sourceName = "folder:\(name ?? path)"
        self.stop = stop
        self.recorded = recorded
        self.settleSeconds = settleSeconds
        try lookThrough()
    }

    /// Looks whether the folder is there and can be read, and leaves it at that.
    ///
    /// - Throws: ``GleanerError`` with code `source.unavailable`.
    public static func check(_ path: String) throws {
        _ = try WatchedFolder(path: path, watches: false)
        guard access(path, R_OK | X_OK) == 0 else { throw WatchedFolder.unavailable(path, errno: errno) }
    }

    /// Pictures that were found and not yet looked at, among them those that turn out to be known; `nil` when the
    /// folder is watched.
    public var remainingCount: Int? { folder.isWatched ? nil : pending.count }

    public func next(into buffer: inout FrameBuffer) throws -> SourceEvent {
        while !stop.isRaised {
            if let problem = problems.popLast() { return report(problem, in: &buffer) }
            try takeEvents()
            if page.names.isEmpty { try turnPage() }
            if let entry = pending.popFirst(into: &name), let text = page.names.popFirst() {
                if let event = give(text, isClosed: entry.isClosed, into: &buffer) { return event }
            } else if !queueArrivals() {
                guard folder.isWatched else { return .end }
                folder.wait(stop: stop, seconds: settling.map(\.due).min().map { $0 - monotonicSeconds() })
            }
        }
        return .end
    }

    // MARK: What there is

    private func lookThrough() throws {
        pending = FileNameList()
        page.names = []
        arrivals.removeAll()
        problems += try folder.list(stop: stop) { pending.append($0, isClosed: false) }
        pending.sort()
    }

    private func takeEvents() throws {
        for event in try folder.events() {
            switch event {
            case .closed(let name): arrivals[name] = true
            case .gone(let name): arrivals[name] = nil
            case .folder(let name):
                problems += try folder.list(below: name, stop: stop) { arrivals[$0] = arrivals[$0] ?? false }
            case .missed: try lookThrough()
            }
        }
    }

    /// Makes what has come in the next list; `false` if that is nothing.
    private func queueArrivals() -> Bool {
        let now = monotonicSeconds()
        for (name, due) in settling where due <= now { arrivals[name] = arrivals[name] ?? false }
        settling.removeAll { $0.due <= now }
        for (name, isClosed) in arrivals { pending.append(name, isClosed: isClosed) }
        arrivals.removeAll()
        pending.sort()
        return pending.count > 0
    }

    private func turnPage() throws {
        let names = pending.upcoming(Self.pageCount)
        page = (names[...], names.isEmpty ? [] : try recorded(sourceName, names))
    }

    // MARK: One file

    /// Whether the frame was given by this run or recorded by an earlier one.
    private func isKnown(_ origin: FrameOrigin) -> Bool { recent.contains(origin) || page.recorded.contains(origin) }

    /// `nil` when the file is no frame, was given already or is not finished.
    private func give(_ text: Substring, isClosed: Bool, into buffer: inout FrameBuffer) -> SourceEvent? {
        buffer.origin = FrameOrigin(source: sourceName, name: text)
        buffer.capturedAt = nil
        folder.put(pathOf: name, into: &path)
        do throws(FrameFile.Failure) {
            let state = try FrameFile.state(of: path)
            buffer.origin.set(state)
            if isKnown(buffer.origin) { return nil }
            if folder.isWatched, !isClosed, let rest = restSeconds(state) {
                settling.append((name, monotonicSeconds() + rest))
                return nil
            }
            let read = try FrameFile.read(
                path, byteCountMax: Self.byteCountMax, stop: stop, into: &buffer.encoded)
            buffer.origin.set(read)
            if read != state, isKnown(buffer.origin) { return nil }
            if folder.isWatched { buffer.capturedAt = read.modifiedAt }
        } catch .notAFile {
            return nil
        } catch .stopped {
            return .end
        } catch .changing where folder.isWatched {
            settling.append((name, monotonicSeconds() + settleSeconds))
            return nil
        } catch {
            recent.insert(buffer.origin)
            return .unreadable(error.description(of: path, byteCountMax: Self.byteCountMax))
        }
        recent.insert(buffer.origin)
        return .frame
    }

    private func report(_ problem: FolderProblem, in buffer: inout FrameBuffer) -> SourceEvent {
        buffer.origin = FrameOrigin(source: sourceName, name: String(decoding: problem.name, as: UTF8.self)[...])
        buffer.capturedAt = nil
        buffer.encoded.removeAll(keepingCapacity: true)
        return .unreadable(problem.error)
    }

    /// How much longer a file must stay as it is to count as finished; `nil` if it does already, or if it was
    /// written in the future of a clock that jumped.
    private func restSeconds(_ state: FrameFile.State) -> Double? {
        let age = realSeconds() - Double(state.modifiedNanoseconds) / 1e9
        return age >= 0 && age < settleSeconds ? settleSeconds - age : nil
    }
}

extension FrameOrigin {
    /// Says which content of the file it is.
    fileprivate mutating func set(_ state: FrameFile.State) {
        (byteCount, modifiedNanoseconds) = (state.byteCount, state.modifiedNanoseconds)
    }
}

private func monotonicSeconds() -> Double { seconds(CLOCK_MONOTONIC) }
private func realSeconds() -> Double { seconds(CLOCK_REALTIME) }
private func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
