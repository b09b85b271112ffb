import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where unreadable things go: never deleted, out of the way, each with its reason.
struct Quarantine {
    let folder: DeploymentFolder
    init(_ folder: DeploymentFolder) { self.folder = folder }

    /// Puts the database aside with all that only it knew about; returns where.
    func takeDatabase(because reason: String) throws -> String {
        let place = try makePlace(reason)
        // The database last: until it is gone, the next start finds it damaged again and goes on with the rest.
        for path in [folder.frames, folder.outbox] where try !isEmpty(path) {
            try move(path, into: place)
            try DurableFile.makeFolder(path)
        }
        for path in folder.databaseFiles.reversed() + [folder.suspicion]
        where FileManager.default.fileExists(atPath: path) {
            try move(path, into: place)
        }
        try DurableFile.flushFolder(place)
        try DurableFile.flushFolder(folder.path)
        return place
    }

    /// Puts a damaged sample's bytes aside, as they are; returns where.
    @discardableResult
    func take(_ bytes: Data?, named name: String, because reason: String) throws -> String {
        let place = try makePlace(reason)
        if let bytes { try DurableFile.write(bytes, to: place + "/" + name) }
        return place
    }

    /// The number of things that were put aside.
    func count() -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.quarantine))?.count ?? 0
    }

    private func makePlace(_ reason: String) throws -> String {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.quarantine)) ?? []
        var number = (names.compactMap { Int($0) }.max() ?? 0) + 1
        while mkdir(folder.quarantine + "/\(number)", 0o755) != 0 {
            guard errno == EEXIST else {
                throw GleanerError.system("cannot make a folder in", folder.quarantine, errno: errno)
            }
            number += 1
        }
        let place = folder.quarantine + "/\(number)"
        try DurableFile.flushFolder(folder.quarantine)
        try DurableFile.write(Data("\(Timestamp.now())\n\(reason)\n".utf8), to: place + "/reason.txt")
        return place
    }

    private func move(_ path: String, into place: String) throws {
        let target = place + "/" + PathName.last(of: path)
        guard rename(path, target) == 0 else { throw GleanerError.system("cannot move", path, errno: errno) }
    }

    private func isEmpty(_ path: String) throws -> Bool {
        try FileManager.default.contentsOfDirectory(atPath: path).isEmpty
    }
}
