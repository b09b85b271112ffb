import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A bundle in a folder. Nothing in it is followed: links, pipes and devices are refused.
final class FolderBundle: BundleSource {
    private(set) var entries: [BundleEntry] = []
    let path: String
    private let folder: DescriptorFile

    init(_ path: String) throws {
        self.path = path
        folder = try DescriptorFile(path, flags: O_RDONLY | O_DIRECTORY)
        entries = try Self.list(folder, prefix: "", bundle: path)
    }

    func read(_ entry: BundleEntry, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let parts = entry.name.split(separator: "/").map(String.init)
        if parts.count == 2 {
            let golden = try DescriptorFile(parts[0], in: folder, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            try read(parts[1], in: golden, byteCount: entry.byteCount, body)
        } else {
            try read(entry.name, in: folder, byteCount: entry.byteCount, body)
        }
    }

    private func read(
        _ name: String, in folder: borrowing DescriptorFile, byteCount: Int,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let file = try DescriptorFile(name, in: folder, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        var status = stat()
        // Looked at again: what was listed may have been replaced since.
        guard fstat(file.descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size == byteCount
        else {
            throw GleanerError(
                .bundleEntry, "'\(name)' in the bundle \(path) changed while it was read", remedy: "import it again")
        }
        try FilePieces.forEach(of: file, from: 0, byteCount: byteCount, named: "\(path)/\(name)", body)
    }

    private static func list(
        _ folder: borrowing DescriptorFile, prefix: String, bundle: String
    ) throws -> [BundleEntry] {
        var entries: [BundleEntry] = []
        for name in try names(in: folder, bundle: bundle) {
            var status = stat()
            guard fstatat(folder.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                throw GleanerError.system("cannot read", "\(bundle)/\(prefix)\(name)", errno: errno)
            }
            let shown = "'\(PathName.printable(prefix + name))'"
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                try BundleName.require(prefix + name, in: bundle)
                entries.append(BundleEntry(name: prefix + name, byteCount: Int(status.st_size)))
            case S_IFDIR where prefix.isEmpty && name == BundleName.goldenFolder:
                let golden = try DescriptorFile(name, in: folder, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
                entries += try list(golden, prefix: "\(name)/", bundle: bundle)
            case S_IFDIR: throw BundleName.refused("the folder \(shown)", in: bundle)
            case S_IFLNK: throw BundleName.refused("the link \(shown)", in: bundle)
            default: throw BundleName.refused("\(shown), a device or pipe", in: bundle)
            }
        }
        return entries
    }

    private static func names(in folder: borrowing DescriptorFile, bundle: String) throws -> [String] {
        let copy = dup(folder.descriptor)
        guard copy >= 0, let stream = fdopendir(copy) else {
            throw GleanerError.system("cannot list", bundle, errno: errno)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let found = readdir(stream) {
            let name = withUnsafePointer(to: &found.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            names.append(name)
            guard names.count <= BundleName.entryCountMax else {
                throw GleanerError(.bundleSize, "\(bundle) has more than \(BundleName.entryCountMax) files")
            }
        }
        return names.sorted()
    }
}

/// A range of an open file, handed out in pieces of 1 MiB.
enum FilePieces {
    static func forEach(
        of file: borrowing DescriptorFile, from offset: Int, byteCount: Int, named path: String,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(max(byteCount, 1), 1 << 20), alignment: 16)
        defer { buffer.deallocate() }
        var done = 0
        while done < byteCount {
            let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, byteCount - done)])
            let count = try file.read(into: wanted, at: offset + done)
            guard count == wanted.count else {
                throw GleanerError(.bundleArchive, "\(path) ends early", remedy: "copy it again, whole")
            }
            try body(UnsafeRawBufferPointer(wanted))
            done += count
        }
    }
}
