import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A right that one process of a deployment has at a time.
///
/// The kernel takes it back when the process dies, however it dies. The lock's file says who has it, for people.
public final class DeploymentLock: Sendable {
    public enum Right: String, Sendable, CaseIterable {
        /// To collect.
        case collector
        /// To make batches.
        case export
        /// To deliver batches, and to take in what waits for this device.
        case sync
        /// To place the files of models.
        case models
        /// To open the database, which may repair or migrate it.
        case opening
    }

    public let right: Right
    private let descriptor: Int32

    /// Takes the right, or says who has it. ``Right/opening`` waits its turn instead.
    ///
    /// - Throws: ``GleanerError`` with code `collector.running`, `export.running`, `sync.running` or `import.running`.
    public init(_ right: Right, in folder: DeploymentFolder) throws {
        let path = folder.path + "/\(right.rawValue).lock"
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard opened >= 0 else { throw Self.unopened(path, errno: errno) }
        var outcome: Int32
        repeat {
            outcome = flock(opened, right == .opening ? LOCK_EX : LOCK_EX | LOCK_NB)
        } while outcome != 0 && errno == EINTR
        guard outcome == 0 else {
            let failure = errno
            defer { close(opened) }
            guard failure == EWOULDBLOCK else { throw GleanerError.system("cannot lock", path, errno: failure) }
            throw Self.taken(right, by: Self.readHolder(opened), in: folder)
        }
        self.right = right
        descriptor = opened
        writeHolder()
    }

    // Closing the descriptor gives the lock back; the file stays, since removing it would let two processes lock
    // two files of the same name.
    deinit { close(descriptor) }

    /// Who has the right at the moment: `process 812, since 2026-05-01T10:00:00.000Z`; `nil` when nobody has.
    public static func holder(of right: Right, in folder: DeploymentFolder) -> String? {
        let opened = open(folder.path + "/\(right.rawValue).lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard opened >= 0 else { return nil }
        defer { close(opened) }
        // A shared lock, so that two who look at once do not see each other.
        guard flock(opened, LOCK_SH | LOCK_NB) != 0 else { return nil }
        return readHolder(opened)
    }

    private static func unopened(_ path: String, errno code: Int32) -> GleanerError {
        var error = GleanerError.system("cannot open", path, errno: code)
        if [EROFS, EACCES, EPERM].contains(code) {
            error.code = .deploymentReadOnly
            error.remedy = "mount the disk writable, or give this user the right to write there"
        }
        return error
    }

    private static func taken(_ right: Right, by holder: String, in folder: DeploymentFolder) -> GleanerError {
        let (code, what): (GleanerError.Code, String) =
            switch right {
            case .collector, .opening: (.collectorRunning, "a collector already runs")
            case .export: (.exportRunning, "an export already runs")
            case .sync: (.syncRunning, "another process syncs already")
            case .models: (.importRunning, "an import of a model already runs")
            }
        return GleanerError(code, "\(what) on \(folder.path): \(holder)", remedy: "stop it first, or wait for it")
    }

    private func writeHolder() {
        let text = Array("process \(getpid()), since \(Timestamp.now())\n".utf8)
        _ = ftruncate(descriptor, 0)
        _ = text.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    private static func readHolder(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 200)
        let count = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        let text = String(decoding: buffer.prefix(max(count, 0)).prefix { $0 != 0x0a }, as: UTF8.self)
        return text.isEmpty ? "an unknown process" : text
    }
}
