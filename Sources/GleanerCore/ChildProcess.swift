public import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A process that this one started and speaks to through a socket; it ends when its owner lets go of it.
///
/// Standard input of the child is its end of the socket, for both directions; its output and errors go nowhere, and it
/// does not know of a ``ServiceManager``. What it sends is to be trusted no more than a file from outside. No call waits
/// past its deadline.
public struct ChildProcess: ~Copyable {
    /// How a process ended.
    public enum Ending: Hashable, Sendable {
        case exited(status: Int32)
        case signalled(Int32)
    }

    /// Why nothing came back.
    public enum Silence: Error, Hashable, Sendable {
        /// It closed its end, or died.
        case ended
        /// It did not answer in time.
        case late
        /// It sent more than is allowed.
        case tooLong
    }

    public let id: pid_t
    private let socket: Int32
    /// What the system counts for a new process before it has any memory of its own: its parent's.
    private let inheritedByteCount: Int
    private var received = Data()
    private var ended: (ending: Ending, memoryByteCount: Int)?

    /// Starts an executable. Signals are as a new process has them, and a key pressed at the terminal does not reach it.
    ///
    /// - Parameter arguments: With the name of the program as the first.
    /// - Throws: ``GleanerError`` with code `file.system`.
    public init(_ executable: String, arguments: [String]) throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw GleanerError.system("cannot make a socket for", executable, errno: errno)
        }
        defer { close(ends[1]) }
        do {
            id = try Self.spawn(executable, arguments, input: ends[1])
        } catch {
            close(ends[0])
            throw error
        }
        socket = ends[0]
        inheritedByteCount = Self.ownByteCountMax
        _ = fcntl(socket, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(socket)
        if ended == nil {
            kill(id, SIGKILL)
            _ = Self.reap(id)
        }
    }

    /// Kills it, if it has not ended, and says how it ended and how much memory it had at most, in bytes: 0 when that was
    /// less than this process had when it started it.
    public mutating func end() -> (ending: Ending, memoryByteCount: Int) {
        if let ended { return ended }
        // One that is about to die by itself says more by how it does than by our killing it.
        shutdown(socket, Int32(SHUT_RDWR))
        var found = Self.reap(id, waiting: false)
        for _ in 0..<100 where found == nil {
            usleep(2000)
            found = Self.reap(id, waiting: false)
        }
        if found == nil { kill(id, SIGKILL) }
        var ending = found ?? Self.reap(id) ?? (.signalled(SIGKILL), 0)
        if ending.memoryByteCount <= inheritedByteCount { ending.memoryByteCount = 0 }
        ended = ending
        return ending
    }

    /// Sends bytes.
    ///
    /// - Throws: ``Silence``.
    public func send(_ bytes: UnsafeRawBufferPointer, before deadline: ContinuousClock.Instant) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            let count = systemSend(socket, piece)
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                try wait(for: POLLOUT, before: deadline)
            } else if errno != EINTR {
                throw Silence.ended
            }
        }
    }

    /// The next line that it sends, without its end.
    ///
    /// - Throws: ``Silence``.
    public mutating func line(byteCountMax: Int, before deadline: ContinuousClock.Instant) throws -> Data {
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = received[..<end]
                guard line.count <= byteCountMax else { throw Silence.tooLong }
                received = Data(received[(end + 1)...])
                return Data(line)
            }
            guard received.count <= byteCountMax else { throw Silence.tooLong }
            let count = recv(socket, &piece, piece.count, 0)
            if count > 0 {
                received.append(contentsOf: piece[..<count])
            } else if count == 0 || errno != EAGAIN && errno != EINTR {
                throw Silence.ended
            } else {
                try wait(for: POLLIN, before: deadline)
            }
        }
    }

    private func wait(for events: Int32, before deadline: ContinuousClock.Instant) throws {
        let left = (deadline - ContinuousClock.now).components
        let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
        guard milliseconds > 0 else { throw Silence.late }
        var poller = pollfd(fd: socket, events: Int16(events), revents: 0)
        _ = poll(&poller, 1, Int32(clamping: milliseconds + 1))
    }

    private static func spawn(_ executable: String, _ arguments: [String], input: Int32) throws -> pid_t {
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_adddup2(&files, input, 0)
        for output in [Int32(1), 2] { posix_spawn_file_actions_addopen(&files, output, "/dev/null", O_WRONLY, 0) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETPGROUP)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var id: pid_t = 0
        let failure = posix_spawn(&id, executable, &files, &attributes, words, environment)
        guard failure == 0 else { throw GleanerError.system("cannot start", executable, errno: failure) }
        return id
    }

    /// This process's, without what is meant for it alone.
    private static var environment: [UnsafeMutablePointer<CChar>?] {
        var kept: [UnsafeMutablePointer<CChar>?] = []
        var place = environ
        while let word = place.pointee {
            let name = String(cString: word).prefix { $0 != "=" }
            if !ServiceManager.variables.contains(String(name)) { kept.append(word) }
            place += 1
        }
        return kept + [nil]
    }

    private static var ownByteCountMax: Int {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return usage.ru_maxrss << 10
    }

    private static func reap(_ id: pid_t, waiting: Bool = true) -> (ending: Ending, memoryByteCount: Int)? {
        var status: Int32 = 0
        var usage = rusage()
        var outcome: pid_t
        repeat { outcome = wait4(id, &status, waiting ? 0 : WNOHANG, &usage) } while outcome < 0 && errno == EINTR
        guard outcome == id else { return nil }
        let signal = status & 0x7f
        let ending = signal == 0 ? Ending.exited(status: status >> 8 & 0xff) : .signalled(signal)
        return (ending, usage.ru_maxrss << 10)
    }
}

// `ChildProcess.send` hides the function of the same name. Without the flag a child that died would end us by a signal.
private func systemSend(_ socket: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
}
