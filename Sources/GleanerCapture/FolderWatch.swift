import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Tells which files of a folder and its subfolders were completed: closed after writing, or renamed in.
struct FolderWatch: ~Copyable {
    /// What one reading gave.
    struct Changes {
        /// Paths below the root.
        var files: [String] = []
        /// The kernel lost events, or a subfolder came: look through everything again.
        var mustScan = false
        /// The root itself is gone.
        var rootIsGone = false
    }

    private let descriptor: Int32
    private let root: String
    /// Watch descriptors and the path of their folder below the root.
    private var folders: [Int32: String] = [:]

    private static let events =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_CREATE) | UInt32(IN_DELETE_SELF)
        | UInt32(IN_MOVE_SELF)

    init(_ root: String) throws {
        let opened = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard opened >= 0 else { throw GleanerError.system("cannot watch", root, errno: errno) }
        descriptor = opened
        self.root = root
    }

    deinit { close(descriptor) }

    /// Watches one folder, given by its path below the root; watching it twice does nothing.
    ///
    /// A folder that is gone already is skipped: its parent tells.
    mutating func add(_ folder: String) throws {
        let path = folder.isEmpty ? root : "\(root)/\(folder)"
        let watch = inotify_add_watch(descriptor, path, Self.events)
        if watch < 0 {
            if !folder.isEmpty, errno == ENOENT || errno == ENOTDIR || errno == EACCES { return }
            throw GleanerError.system(
                "cannot watch", path, errno: errno,
                remedy: errno == ENOSPC ? "raise fs.inotify.max_user_watches" : "")
        }
        folders[watch] = folder
    }

    /// Waits until something changes, `stop` is raised, or half a second is over.
    func wait(_ stop: StopSignal) {
        var pollers = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        _ = poll(&pollers, 2, 500)
    }

    /// Everything that has happened since the last call.
    func changes() -> Changes {
        var changes = Changes()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            guard count > 0 else { return changes }
            gather(UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: &changes)
        }
    }

    private func gather(_ bytes: UnsafeRawBufferPointer, into changes: inout Changes) {
        let headerSize = MemoryLayout<inotify_event>.size
        var offset = 0
        while offset + headerSize <= bytes.count {
            let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
            let name = bytes[(offset + headerSize)..<min(bytes.count, offset + headerSize + Int(event.len))]
            offset += headerSize + Int(event.len)
            note(event, name: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self), in: &changes)
        }
    }

    private func note(_ event: inotify_event, name: String, in changes: inout Changes) {
        guard event.mask & UInt32(IN_Q_OVERFLOW) == 0 else {
            changes.mustScan = true
            return
        }
        guard let folder = folders[event.wd] else { return }
        if event.mask & (UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF)) != 0 {
            if folder.isEmpty { changes.rootIsGone = true }
        } else if event.mask & UInt32(IN_ISDIR) != 0 {
            changes.mustScan = true
        } else if event.mask & (UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO)) != 0 {
            changes.files.append(folder.isEmpty ? name : "\(folder)/\(name)")
        }
    }
}
