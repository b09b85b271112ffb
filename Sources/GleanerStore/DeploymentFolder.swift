public import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where everything of one deployment lies.
public struct DeploymentFolder: Hashable, Sendable {
    public let path: String
    public init(_ path: String) {
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// Samples, labels, batches, ledger and model slots, with small pictures in it.
    public var database: String { path + "/queue.sqlite" }
    /// Large pictures: `frames/<run>/<shard>/<sequence>.<ext>`.
    public var frames: String { path + "/frames" }
    /// Model bundles: `models/<name>-<version>-<digest8>/`.
    public var models: String { path + "/models" }
    /// Views of batches that wait for their acknowledgement, without pictures.
    public var outbox: String { path + "/outbox" }
    /// Labels and models that arrived.
    public var inbox: String { path + "/inbox" }
    /// What could not be read, each in a numbered folder beside its `reason.txt`.
    public var quarantine: String { path + "/quarantine" }
    /// Raised by whoever finds the database damaged; the next opening then checks all of it.
    var suspicion: String { path + "/queue.suspect" }

    /// What the loop has in its hands: see ``FramesInHand``.
    var framesInHand: String { path + "/frames-in-hand" }

    /// Everything that is made in the folder beside the configuration, by name.
    public static let names: [String] = {
        let folder = DeploymentFolder("")
        let paths =
            folder.databaseFiles + [
                folder.suspicion, folder.framesInHand, folder.frames, folder.models, folder.outbox, folder.inbox,
                folder.quarantine,
            ]
        return paths.map(PathName.last) + DeploymentLock.Right.allCases.map { "\($0.rawValue).lock" }
    }()

    /// The database and what SQLite keeps beside it.
    var databaseFiles: [String] { [database, database + "-wal", database + "-shm"] }

    /// The folder of a model's files, relative to ``models``.
    public static func name(for model: ModelID) -> String {
        "\(model.name)-\(model.version)-\(model.digest.description.prefix(8))"
    }

    /// Makes the folders that are missing.
    ///
    /// - Throws: ``GleanerError`` with code `deployment.missing` or `deployment.read_only`.
    func makeFolders() throws {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw GleanerError(
                .deploymentMissing, "there is no deployment at \(path)", remedy: "make one with `gleaner init \(path)`")
        }
        for file in [path, database] where access(file, W_OK) != 0 && errno != ENOENT {
            throw GleanerError(
                .deploymentReadOnly, "the deployment cannot be written: \(file): \(String(cString: strerror(errno)))",
                remedy: "mount the disk writable, or give this user the right to write there")
        }
        for folder in [frames, models, outbox, inbox, quarantine] {
            try DurableFile.makeFolder(folder)
        }
    }
}
