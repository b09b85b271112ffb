import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Something below a folder that cannot be read and may hold frames.
struct FolderProblem {
    /// Relative to the folder.
    var name: [UInt8]
    var error: GleanerError
}

/// A folder with its subfolders: lists their pictures and, if watched, tells of new ones.
///
/// A subfolder is watched before it is listed, so that nothing falls between the two; what comes twice is for the
/// caller to tell. Names are bytes relative to the folder.
final class WatchedFolder {
    private let root: [UInt8]
    private let watch: FolderWatch?

    init(path: String, watches: Bool) throws {
        root = Array(path.utf8)
        var status = stat()
        guard stat(path, &status) == 0 else { throw Self.unavailable(path, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw Self.unavailable(path, errno: ENOTDIR) }
        watch = watches ? try FolderWatch() : nil
    }

    var isWatched: Bool { watch != nil }

    func path(of name: [UInt8]) -> [UInt8] {
        var path: [UInt8] = []
        put(pathOf: name, into: &path)
        return path
    }

    /// The same in memory that is used again.
    func put(pathOf name: [UInt8], into path: inout [UInt8]) {
        path.removeAll(keepingCapacity: true)
        path += root
        guard !name.isEmpty else { return }
        if root.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
        path += name
    }

    // MARK: Listing

    /// Calls `body` with every picture below `start`, in no order.
    ///
    /// - Returns: The subfolders that cannot be read.
    /// - Throws: If that is the folder itself, or if it cannot be watched.
    func list(
        below start: [UInt8] = [], stop: StopSignal, _ body: ([UInt8]) -> Void
    ) throws -> [FolderProblem] {
        var problems: [FolderProblem] = []
        var folders = [start]
        while let folder = folders.popLast(), !stop.isRaised {
            try watch?.add(folder, at: path(of: folder))
            let code = listOne(folder, stop: stop, subfolder: { folders.append($0) }, picture: body)
            if code == 0 { continue }
            let path = String(decoding: path(of: folder), as: UTF8.self)
            if folder.isEmpty { throw Self.unavailable(path, errno: code) }
            // One that is gone again has nothing to give.
            if code != ENOENT { problems.append(.init(name: folder, error: Self.unavailable(path, errno: code))) }
        }
        return problems
    }

    /// Returns 0 or the error of the system.
    private func listOne(
        _ folder: [UInt8], stop: StopSignal, subfolder: ([UInt8]) -> Void, picture: ([UInt8]) -> Void
    ) -> Int32 {
        guard let stream = withCPath(path(of: folder), { opendir($0) }) else { return errno }
        defer { closedir(stream) }
        while !stop.isRaised {
            errno = 0
            guard let entry = readdir(stream) else { return errno }
            let own = Self.name(of: entry)
            guard own.first != UInt8(ascii: ".") else { continue }
            let name = folder.isEmpty ? own : folder + [UInt8(ascii: "/")] + own
            switch kind(of: name, Int32(entry.pointee.d_type)) {
            case .folder: subfolder(name)
            case .file where Self.isPicture(own): picture(name)
            default: break
            }
        }
        return 0
    }

    private static func name(of entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
        withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
    }

    private enum Kind { case file, folder, other }

    /// Some file systems do not tell the kind with the name.
    private func kind(of name: [UInt8], _ type: Int32) -> Kind {
        switch type {
        case Int32(DT_DIR): return .folder
        case Int32(DT_REG), Int32(DT_LNK): return .file
        case Int32(DT_UNKNOWN): break
        default: return .other
        }
        guard let mode = linkStatus(name)?.st_mode else { return .other }
        switch mode & S_IFMT {
        case S_IFDIR: return .folder
        case S_IFREG, S_IFLNK: return .file
        default: return .other
        }
    }

    private func linkStatus(_ name: [UInt8]) -> stat? {
        var status = stat()
        return withCPath(path(of: name), { lstat($0, &status) }) == 0 ? status : nil
    }

    static func isPicture(_ name: [UInt8]) -> Bool {
        guard name.first != UInt8(ascii: "."), let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return false }
        return ["png", "jpg", "jpeg"].contains(String(decoding: name[(dot + 1)...], as: UTF8.self).lowercased())
    }

    // MARK: Watching

    /// What happened to the pictures below the folder.
    enum Event {
        /// Whole: closed by its writer, renamed or linked in.
        case closed([UInt8])
        case gone([UInt8])
        /// A subfolder came; what it holds must be listed.
        case folder([UInt8])
        /// Events were lost: everything must be listed again.
        case missed
    }

    /// What happened since the last call; never waits.
    ///
    /// - Throws: When the folder itself is gone.
    func events() throws -> [Event] {
        guard let watch else { return [] }
        return try watch.read().compactMap { change in
            switch change {
            case .written(let name), .renamedIn(let name, isFolder: false):
                return Self.isPicture(Self.last(name)) ? .closed(name) : nil
            case .made(let name, isFolder: false):
                return Self.isPicture(Self.last(name)) && isComplete(name) ? .closed(name) : nil
            case .gone(let name):
                return .gone(name)
            case .made(let name, isFolder: true), .renamedIn(let name, isFolder: true):
                return Self.last(name).first == UInt8(ascii: ".") ? nil : .folder(name)
            case .overflow:
                return .missed
            case .rootGone:
                throw Self.unavailable(String(decoding: root, as: UTF8.self), errno: ENOENT)
            }
        }
    }

    /// Links are never closed after writing; any other new file still will be.
    private func isComplete(_ name: [UInt8]) -> Bool {
        guard let status = linkStatus(name) else { return false }
        return status.st_mode & S_IFMT == S_IFLNK || status.st_nlink > 1
    }

    private static func last(_ name: [UInt8]) -> [UInt8] {
        Array(name[((name.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...])
    }

    /// Waits for an event or the stop, at most `seconds`; without an end if `nil`.
    func wait(stop: StopSignal, seconds: Double?) {
        guard let watch else { return }
        // Without a descriptor of the stop it has to be looked at now and then.
        let limit = stop.descriptor < 0 ? 0.25 : .infinity
        let milliseconds = min(max((seconds ?? .infinity) * 1000, 1), limit * 1000, 60_000)
        var descriptors = [watch.descriptor, stop.descriptor].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = poll(&descriptors, nfds_t(descriptors.count), Int32(milliseconds))
    }

    static func unavailable(_ path: String, errno code: Int32) -> GleanerError {
        let (message, remedy) =
            switch code {
            case ENOENT: ("the folder \(path) does not exist", "make the folder, or correct the source's path")
            case ENOTDIR: ("\(path) is not a folder", "name the folder that holds the frames")
            case EACCES: ("the folder \(path) cannot be read", "let Gleaner's user read and enter the folder")
            default: ("cannot read the folder \(path): \(String(cString: strerror(code)))", "check the disk")
            }
        return GleanerError(.sourceUnavailable, message, remedy: remedy)
    }
}
