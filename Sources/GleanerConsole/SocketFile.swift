import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A socket's name in the file system, and who may write to it.
enum SocketFile {
    /// Gives a socket that is listened on its permissions, then its name. One that a dead collector left makes way.
    ///
    /// - Throws: ``GleanerError`` with code `ingest.unavailable`, also when something else has that name.
    static func install(_ partial: String, as socket: IngestSettings.Socket) throws {
        var status = stat()
        if lstat(socket.path, &status) == 0, status.st_mode & S_IFMT != S_IFSOCK {
            throw GleanerError(
                .ingestUnavailable, "\(socket.path) is there and no socket", remedy: "choose another path")
        }
        if let group = socket.group { try give(partial, to: group) }
        guard chmod(partial, socket.group == nil ? 0o600 : 0o660) == 0, rename(partial, socket.path) == 0 else {
            throw GleanerError.system("cannot make the socket", socket.path, errno: errno)
        }
    }

    /// Takes the name away: nobody finds the socket any more.
    static func remove(_ socket: IngestSettings.Socket) { unlink(socket.path) }

    private static func give(_ path: String, to group: String) throws {
        guard let entry = getgrnam(group) else {
            throw GleanerError(
                .ingestUnavailable, "there is no group '\(group)'", remedy: "correct socket_group, or make the group")
        }
        guard chown(path, uid_t.max, entry.pointee.gr_gid) == 0 else {
            throw GleanerError.system("cannot give to the group \(group) the socket", path, errno: errno)
        }
    }
}
