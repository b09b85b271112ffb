import Foundation
public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Pictures of a folder and its subfolders, in the byte order of their paths; new ones as they are completed.
///
/// It keeps no place of its own: whether a frame was given before is asked of `isKnown`, by name, size and
/// modification time, so a file that is written anew under its name is a new frame. Hidden files, and files that end
/// in `.partial` or `.tmp`, are left alone until they get their real name.
///
/// `@unchecked Sendable`: it is used by one thread at a time, which the protocol's `mutating` asks for.
public final class FolderSource: FrameSource, @unchecked Sendable {
    /// A file larger than this is no camera frame: it is counted as unreadable.
    public static let byteCountMax = 256 << 20

    private static let extensions: Set<String> = ["png", "jpg", "jpeg"]
    private let root: String
    private let name: String
    private let stop: StopSignal
    private let isKnown: @Sendable (FrameOrigin) -> Bool
    private var watch: FolderWatch?
    /// Names still to come, last first.
    private var pending: [String] = []

    /// - Parameters:
    ///   - path: the folder.
    ///   - name: what origins call this source; the path as the configuration has it.
    ///   - watches: whether to wait for new files instead of ending after the last.
    /// - Throws: ``GleanerError`` when the folder is not there or cannot be read.
    public init(
        path: String, name: String, watches: Bool, stop: StopSignal,
        isKnown: @escaping @Sendable (FrameOrigin) -> Bool
    ) throws {
        root = path
        self.name = name
        self.stop = stop
        self.isKnown = isKnown
        // Watched before it is looked through: a file that comes in between is seen twice, never missed.
        watch = watches ? try FolderWatch(path) : nil
        try scan()
    }

    public var remainingCount: Int? { watch == nil ? pending.count : nil }

    public func next(into buffer: inout FrameBuffer) throws -> SourceEvent {
        while !stop.isRaised {
            while let file = pending.popLast() {
                if stop.isRaised { return .end }
                if let event = offer(file, into: &buffer) { return event }
            }
            guard watch != nil else { return .end }
            try waitForFiles()
        }
        return .end
    }

    /// Reads one file; `nil` when it was given before, or is gone.
    private func offer(_ file: String, into buffer: inout FrameBuffer) -> SourceEvent? {
        let path = "\(root)/\(file)"
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        let modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        let origin = FrameOrigin(
            source: name, name: file, byteCount: Int64(status.st_size), modifiedNanoseconds: modified)
        guard !isKnown(origin) else { return nil }
        buffer.origin = origin
        buffer.capturedAt = Timestamp(milliseconds: modified / 1_000_000)
        do {
            try read(path, byteCount: Int(status.st_size), into: &buffer.encoded)
            return .frame
        } catch let error as GleanerError {
            return .unreadable(error)
        } catch {
            return .unreadable(GleanerError(.fileSystem, "cannot read \(path)", cause: error))
        }
    }

    private func read(_ path: String, byteCount: Int, into bytes: inout [UInt8]) throws {
        guard byteCount <= Self.byteCountMax else {
            throw GleanerError(
                .fileSystem, "\(path) has \(ByteCount.format(byteCount)), more than a frame may have",
                remedy: "keep frames below \(ByteCount.format(Self.byteCountMax))")
        }
        let file = try DescriptorFile(path, flags: O_RDONLY | O_NONBLOCK)
        if bytes.count < byteCount { bytes.append(contentsOf: repeatElement(0, count: byteCount - bytes.count)) }
        bytes.removeLast(bytes.count - byteCount)
        try bytes.withUnsafeMutableBytes { buffer in
            var filled = 0
            while filled < buffer.count {
                let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
                guard count > 0 else {
                    throw GleanerError(.fileSystem, "\(path) became shorter while it was read")
                }
                filled += count
            }
        }
    }

    private func waitForFiles() throws {
        watch?.wait(stop)
        guard let changes = watch?.changes() else { return }
        guard !changes.rootIsGone else {
            throw GleanerError(.fileSystem, "the folder \(root) is gone", remedy: "bring it back, then run again")
        }
        if changes.mustScan { return try scan() }
        pending = Set(changes.files.filter(Self.isPicture)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            .reversed()
    }

    /// Looks through everything, watching each folder before it is listed.
    private func scan() throws {
        var found: [String] = []
        var folders = [""]
        while let folder = folders.popLast() {
            try watch?.add(folder)
            for entry in try Self.entries(of: folder.isEmpty ? root : "\(root)/\(folder)", isRoot: folder.isEmpty) {
                let path = folder.isEmpty ? entry.name : "\(folder)/\(entry.name)"
                if entry.isFolder {
                    folders.append(path)
                } else if Self.isPicture(path) {
                    found.append(path)
                }
            }
        }
        pending = found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.reversed()
    }

    private static func isPicture(_ path: String) -> Bool {
        let file = (path as NSString).lastPathComponent
        return !file.hasPrefix(".") && extensions.contains((file as NSString).pathExtension.lowercased())
    }

    /// The entries of a folder that are not hidden. A subfolder that cannot be read is an error too: what is in it
    /// would be lost without a word.
    private static func entries(of path: String, isRoot: Bool) throws -> [(name: String, isFolder: Bool)] {
        guard let stream = opendir(path) else {
            if !isRoot, errno == ENOENT { return [] }
            throw GleanerError.system(
                "cannot read the folder", path, errno: errno, remedy: "check that it is there and may be read")
        }
        defer { closedir(stream) }
        var entries: [(String, Bool)] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix(".") else { continue }
            var isFolder = entry.pointee.d_type == UInt8(DT_DIR)
            if entry.pointee.d_type == UInt8(DT_UNKNOWN) {
                var status = stat()
                isFolder = lstat("\(path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            }
            entries.append((name, isFolder))
        }
        return entries
    }
}
