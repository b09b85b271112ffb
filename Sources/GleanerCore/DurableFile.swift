public import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Files that a power cut leaves either whole or absent.
///
/// Nothing is ever written to its final path: bytes go to a temporary name in the same folder, are flushed, are
/// renamed, and the folder is flushed. A failed flush is never tried again: after an error the kernel may have
/// marked the lost pages clean, so that a second flush would report success for bytes that are gone
/// (Rebello et al., *Can Applications Recover from fsync Failures?*, USENIX ATC 2020).
public enum DurableFile {
    /// The ending of temporary names; a crash may leave such a file, and start-up sweeps it.
    public static let partialSuffix = ".partial"

    /// Writes bytes to `path` so that afterwards they are whole and durable, replacing what was there.
    ///
    /// - Throws: ``GleanerError`` with code `file.system`; the temporary file is then removed.
    public static func write(_ bytes: UnsafeRawBufferPointer, to path: String, permissions: mode_t = 0o644) throws {
        let partial = path + partialSuffix
        do {
            try writeFlushed(bytes, to: partial, permissions: permissions)
            try install(partial, as: path)
        } catch {
            unlink(partial)
            throw error
        }
    }

    /// Writes `data` to `path`, whole and durable.
    public static func write(_ data: Data, to path: String, permissions: mode_t = 0o644) throws {
        try data.withUnsafeBytes { try write($0, to: path, permissions: permissions) }
    }

    /// Writes `data` to `path`, whole and durable, where there is nothing yet. Only the owner can read it.
    ///
    /// - Throws: ``GleanerError`` with code `file.system`, also when something is at `path` already.
    public static func writeNewSecret(_ data: Data, to path: String) throws {
        let partial = "\(path).\(UUID().uuidString)\(partialSuffix)"
        let file = try DescriptorFile(partial, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, permissions: 0o600)
        defer { unlink(partial) }
        try file.write(data)
        try file.flush()
        // Unlike a rename, a link never replaces.
        guard link(partial, path) == 0 else {
            throw GleanerError.system("cannot make", path, errno: errno, remedy: "choose another name or folder")
        }
        try flushFolder(PathName.parent(of: path))
    }

    /// Flushes nothing: renames an already flushed `partial` to `path` and flushes the folder.
    public static func install(_ partial: String, as path: String) throws {
        guard rename(partial, path) == 0 else { throw GleanerError.system("cannot rename to", path, errno: errno) }
        try flushFolder(PathName.parent(of: path))
    }

    /// Writes and flushes a file without renaming it: the first half of installing a file or a whole folder.
    public static func writeFlushed(
        _ bytes: UnsafeRawBufferPointer, to path: String, permissions: mode_t = 0o644
    ) throws {
        let file = try DescriptorFile(
            path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, permissions: permissions)
        try file.write(bytes)
        try file.flush()
    }

    /// Makes the names in a folder durable.
    public static func flushFolder(_ path: String) throws {
        let folder = try DescriptorFile(path, flags: O_RDONLY | O_DIRECTORY)
        try folder.flush()
    }

    /// Makes a folder, with its parents, and makes their names durable.
    public static func makeFolder(_ path: String, permissions: mode_t = 0o755) throws {
        if mkdir(path, permissions) == 0 {
            return try flushFolder(PathName.parent(of: path))
        }
        switch errno {
        case EEXIST:
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw GleanerError.system("cannot make the folder", path, errno: ENOTDIR)
            }
        case ENOENT:
            let parent = PathName.parent(of: path)
            guard parent != ".", parent != path else {
                throw GleanerError.system("cannot make the folder", path, errno: ENOENT)
            }
            try makeFolder(parent, permissions: permissions)
            try makeFolder(path, permissions: permissions)
        default:
            throw GleanerError.system("cannot make the folder", path, errno: errno)
        }
    }
}

/// An open file descriptor that closes itself; not copyable, so that no two owners can close it.
public struct DescriptorFile: ~Copyable {
    public let descriptor: Int32
    private let path: String

    /// Opens `path`; `O_CLOEXEC` is always added.
    ///
    /// - Throws: ``GleanerError`` with code `file.system`.
    public init(_ path: String, flags: Int32, permissions: mode_t = 0o644) throws {
        let opened = open(path, flags | O_CLOEXEC, permissions)
        guard opened >= 0 else { throw GleanerError.system("cannot open", path, errno: errno) }
        descriptor = opened
        self.path = path
    }

    /// Opens `name` inside an open folder, so that no link put into its path meanwhile can lead elsewhere.
    public init(_ name: String, in folder: borrowing DescriptorFile, flags: Int32) throws {
        let opened = openat(folder.descriptor, name, flags | O_CLOEXEC)
        path = "\(folder.path)/\(name)"
        guard opened >= 0 else { throw GleanerError.system("cannot open", path, errno: errno) }
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// Writes all the bytes, however many calls that takes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            let count = systemWrite(descriptor, piece.baseAddress, piece.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw GleanerError.system("cannot write", path, errno: errno)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Writes all the bytes from `offset` on.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + written))
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                throw GleanerError.system("cannot write", path, errno: errno)
            }
        }
    }

    /// Writes all of `data`.
    public func write(_ data: some ContiguousBytes) throws {
        try data.withUnsafeBytes { try write($0) }
    }

    /// Reads up to the buffer's size; 0 at the end of the file.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = systemRead(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw GleanerError.system("cannot read", path, errno: errno) }
        }
    }

    /// Fills the buffer from `offset` on; less only where the file ends.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + filled))
            if count == 0 { break }
            if count > 0 {
                filled += count
            } else if errno != EINTR {
                throw GleanerError.system("cannot read", path, errno: errno)
            }
        }
        return filled
    }

    /// Makes what was written durable. Never call it again after it threw.
    public func flush() throws {
        guard fsync(descriptor) == 0 else {
            throw GleanerError.system(
                "cannot flush", path, errno: errno, remedy: "check the disk: what was written last may be lost")
        }
    }
}

// `DescriptorFile.write` and `read` hide the functions of the same name.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}
