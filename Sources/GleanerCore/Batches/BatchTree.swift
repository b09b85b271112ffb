import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The files and folders below a batch's folder. Anything that is neither is an error: nothing is followed.
public struct BatchTree {
    let root: String
    /// Relative to the root, sorted.
    public private(set) var files: [String] = []
    /// Outer before inner, without the root.
    public private(set) var folders: [String] = []
    private static let depthMax = 8

    /// - Throws: ``GleanerError`` with code `batch.damaged` when a link, device or pipe is there.
    public init(_ root: String) throws {
        self.root = root
        try list("", depth: 0)
        files.sort()
    }

    private mutating func list(_ folder: String, depth: Int) throws {
        let path = "\(root)/\(folder)"
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw GleanerError(.fileSystem, "cannot list \(path)", cause: error)
        }
        for name in names {
            let relative = folder.isEmpty ? name : "\(folder)/\(name)"
            var status = stat()
            guard lstat("\(root)/\(relative)", &status) == 0 else {
                throw GleanerError.system("cannot read", "\(root)/\(relative)", errno: errno)
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG: files.append(relative)
            case S_IFDIR where depth < Self.depthMax:
                folders.append(relative)
                try list(relative, depth: depth + 1)
            default:
                throw GleanerError(
                    .batchDamaged, "\(root)/\(relative) is neither a file nor a folder of a batch",
                    remedy: "take the batch from its device again")
            }
        }
    }

    /// Makes a file durable.
    ///
    /// - Returns: its size in bytes.
    @discardableResult
    public func flush(_ file: String) throws -> Int {
        let opened = try DescriptorFile("\(root)/\(file)", flags: O_RDONLY | O_NOFOLLOW)
        try opened.flush()
        var status = stat()
        guard fstat(opened.descriptor, &status) == 0 else {
            throw GleanerError.system("cannot read", "\(root)/\(file)", errno: errno)
        }
        return Int(status.st_size)
    }

    /// Makes the names of everything durable, inner folders first.
    public func flushFolders() throws {
        for folder in folders.reversed() { try DurableFile.flushFolder("\(root)/\(folder)") }
        try DurableFile.flushFolder(root)
    }
}
