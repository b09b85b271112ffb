import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The kernel's inotify, told in names relative to one folder.
final class FolderWatch {
    /// One event, in the order of the kernel.
    enum Change {
        case written([UInt8])
        case renamedIn([UInt8], isFolder: Bool)
        case made([UInt8], isFolder: Bool)
        /// Deleted or renamed away.
        case gone([UInt8])
        case overflow
        case rootGone
    }

    let descriptor: Int32
    /// Watched folders by the kernel's number.
    private var folders: [Int32: [UInt8]] = [:]
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)

    private static let mask =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM) | UInt32(IN_CREATE)
        | UInt32(IN_DELETE) | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_ONLYDIR)

    init() throws {
        // The flags of inotify have these values by definition.
        descriptor = inotify_init1(O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw GleanerError(
                .sourceUnavailable, "cannot watch folders: \(String(cString: strerror(errno)))",
                remedy: "raise fs.inotify.max_user_instances with sysctl")
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        buffer.deallocate()
    }

    /// Watches a folder; again, if it is watched already. One that is gone or closed to us is left out: listing it
    /// says so.
    func add(_ folder: [UInt8], at path: [UInt8]) throws {
        let number = withCPath(path) { inotify_add_watch(descriptor, $0, Self.mask) }
        if number >= 0 {
            folders[number] = folder
        } else if ![ENOENT, ENOTDIR, EACCES].contains(errno) {
            throw GleanerError(
                .sourceUnavailable,
                "cannot watch \(String(decoding: path, as: UTF8.self)): \(String(cString: strerror(errno)))",
                remedy: errno == ENOSPC ? "raise fs.inotify.max_user_watches with sysctl, or use fewer subfolders" : "")
        }
    }

    /// Stops watching a folder that went elsewhere, and those below it.
    private func forget(_ folder: [UInt8]) {
        let below = folder + [UInt8(ascii: "/")]
        for (number, name) in folders where name == folder || name.starts(with: below) {
            inotify_rm_watch(descriptor, number)
            folders[number] = nil
        }
    }

    /// What happened since the last call; never waits.
    func read() throws -> [Change] {
        var changes: [Change] = []
        while true {
            let count = systemRead(descriptor, buffer.baseAddress, buffer.count)
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                return changes
            }
            var position = 0
            while position < count {
                let event = buffer.loadUnaligned(fromByteOffset: position, as: inotify_event.self)
                let start = position + MemoryLayout<inotify_event>.size
                position = start + Int(event.len)
                let name = buffer[start..<position].prefix { $0 != 0 }
                if let change = change(event, Array(name)) { changes.append(change) }
            }
        }
    }

    private func change(_ event: inotify_event, _ own: [UInt8]) -> Change? {
        func has(_ bit: Int32) -> Bool { event.mask & UInt32(bit) != 0 }
        if has(IN_Q_OVERFLOW) { return .overflow }
        guard let folder = folders[event.wd] else { return nil }
        if folder.isEmpty, has(IN_DELETE_SELF) || has(IN_MOVE_SELF) || has(IN_UNMOUNT) { return .rootGone }
        if has(IN_IGNORED) {
            folders[event.wd] = nil
            return nil
        }
        guard !own.isEmpty else { return nil }
        let name = folder.isEmpty ? own : folder + [UInt8(ascii: "/")] + own
        let isFolder = has(IN_ISDIR)
        if has(IN_CLOSE_WRITE) { return .written(name) }
        if has(IN_MOVED_TO) { return .renamedIn(name, isFolder: isFolder) }
        if has(IN_CREATE) { return .made(name, isFolder: isFolder) }
        guard has(IN_MOVED_FROM) || has(IN_DELETE) else { return nil }
        // At once: events that follow would still carry its old name.
        if isFolder { forget(name) }
        return .gone(name)
    }
}
