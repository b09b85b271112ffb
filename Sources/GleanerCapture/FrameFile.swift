import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reads one file whole, or says why not.
enum FrameFile {
    /// What tells one content of a file from the next.
    struct State: Equatable {
        var byteCount: Int64
        var modifiedNanoseconds: Int64

        /// To the millisecond.
        var modifiedAt: Timestamp { Timestamp(milliseconds: modifiedNanoseconds / 1_000_000) }
    }

    enum Failure: Error {
        /// A folder, a pipe or a device.
        case notAFile
        case tooLarge(byteCount: Int64)
        /// It was written to while it was read.
        case changing
        case system(errno: Int32)
        /// The collector stops.
        case stopped

        func description(of path: [UInt8], byteCountMax: Int) -> GleanerError {
            let path = String(decoding: path, as: UTF8.self)
            return switch self {
            case .notAFile: GleanerError(.frameUnreadable, "\(path) is not a regular file")
            case .stopped: GleanerError(.frameUnreadable, "\(path) was not read because the collector stops")
            case .tooLarge(let byteCount):
                GleanerError(
                    .frameUnreadable, "\(path) has \(byteCount) bytes, more than the \(byteCountMax) allowed",
                    remedy: "keep other files than frames out of the folder")
            case .changing:
                GleanerError(
                    .frameUnreadable, "\(path) was written to while it was read",
                    remedy: "write frames under a temporary name and rename them when they are whole")
            case .system(let code):
                GleanerError(
                    .frameUnreadable, "cannot read \(path): \(String(cString: strerror(code)))",
                    remedy: code == EACCES ? "let Gleaner's user read the file" : "")
            }
        }
    }

    /// Follows links.
    static func state(of path: [UInt8]) throws(Failure) -> State {
        var status = stat()
        guard withCPath(path, { stat($0, &status) }) == 0 else { throw .system(errno: errno) }
        return try state(status)
    }

    private static func state(_ status: stat) throws(Failure) -> State {
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile }
        // Wraps for times after 2262: a strange time still tells one content from the next.
        let nanoseconds = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        return State(byteCount: Int64(status.st_size), modifiedNanoseconds: nanoseconds)
    }

    /// Reads the whole file into `bytes`, reusing its memory.
    ///
    /// - Returns: The state that was read: it is the same before and after.
    static func read(
        _ path: [UInt8], byteCountMax: Int, stop: StopSignal, into bytes: inout [UInt8]
    ) throws(Failure) -> State {
        // Without waiting, should a pipe have taken the file's place.
        let descriptor = withCPath(path) { open($0, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) }
        guard descriptor >= 0 else { throw .system(errno: errno) }
        defer { close(descriptor) }
        let before = try state(of: descriptor)
        guard before.byteCount <= byteCountMax else { throw .tooLarge(byteCount: before.byteCount) }
        resize(&bytes, to: Int(before.byteCount))
        let count = try fill(&bytes, from: descriptor, stop: stop)
        let after = try state(of: descriptor)
        guard count == bytes.count, after == before else { throw .changing }
        return before
    }

    private static func state(of descriptor: Int32) throws(Failure) -> State {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno: errno) }
        return try state(status)
    }

    private static func resize(_ bytes: inout [UInt8], to count: Int) {
        // One huge file must not hold its memory for the rest of the run.
        if bytes.capacity > 4 * (count + 1 << 20) { bytes = [] }
        if bytes.count > count {
            bytes.removeLast(bytes.count - count)
        } else {
            bytes.append(contentsOf: repeatElement(0, count: count - bytes.count))
        }
    }

    /// Returns the number of bytes before the end of the file.
    private static func fill(
        _ bytes: inout [UInt8], from descriptor: Int32, stop: StopSignal
    ) throws(Failure) -> Int {
        var filled = 0
        while filled < bytes.count {
            if stop.isRaised { throw .stopped }
            let count = bytes.withUnsafeMutableBytes { buffer in
                systemRead(descriptor, buffer.baseAddress?.advanced(by: filled), min(buffer.count - filled, 1 << 20))
            }
            if count == 0 { break }
            if count > 0 { filled += count } else if errno != EINTR { throw .system(errno: errno) }
        }
        return filled
    }
}
