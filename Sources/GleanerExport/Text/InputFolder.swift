import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A folder from outside: its files, found without following a link.
enum InputFolder {
    static let fileCountMax = 2_000_000
    private static let depthMax = 8

    static func isOne(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Paths below the folder, relative to it and sorted, of regular files whose names end like one of `suffixes`
    /// (in small letters). What is hidden is passed over.
    ///
    /// - Throws: ``GleanerError`` with code `file.system` when a folder cannot be listed, or there is too much in it.
    static func files(in root: String, suffixes: [String]) throws -> [String] {
        var found: [String] = []
        try list("", in: root, suffixes, depth: 0, &found)
        return found.sorted()
    }

    private static func add(_ path: String, _ root: String, _ found: inout [String]) throws {
        found.append(path)
        guard found.count <= fileCountMax else {
            throw GleanerError(.fileSystem, "\(root) has more than \(fileCountMax) files", remedy: "split it")
        }
    }

    private static func list(
        _ folder: String, in root: String, _ suffixes: [String], depth: Int, _ found: inout [String]
    ) throws {
        let path = folder.isEmpty ? root : "\(root)/\(folder)"
        guard let stream = opendir(path) else { throw GleanerError.system("cannot list", path, errno: errno) }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasPrefix(".") { continue }
            let relative = folder.isEmpty ? name : "\(folder)/\(name)"
            switch Int(entry.pointee.d_type) {
            case Int(DT_DIR) where depth < depthMax: try list(relative, in: root, suffixes, depth: depth + 1, &found)
            case Int(DT_DIR):
                throw GleanerError(
                    .fileSystem, "\(root)/\(relative) lies more than \(depthMax) folders deep",
                    remedy: "name an inner folder")
            case Int(DT_REG) where suffixes.contains(where: name.lowercased().hasSuffix):
                try add(relative, root, &found)
            case Int(DT_UNKNOWN):
                // Some file systems do not say in the listing.
                var status = stat()
                guard lstat("\(root)/\(relative)", &status) == 0 else { continue }
                if status.st_mode & S_IFMT == S_IFDIR, depth < depthMax {
                    try list(relative, in: root, suffixes, depth: depth + 1, &found)
                } else if status.st_mode & S_IFMT == S_IFREG, suffixes.contains(where: name.lowercased().hasSuffix) {
                    try add(relative, root, &found)
                }
            default: break
            }
        }
    }
}
