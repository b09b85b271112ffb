public import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reading files with a bound, so that no file on a stick can fill the memory.
public enum FileReading {
    /// Reads a regular file of at most `byteCountMax` bytes, following no link at its last component.
    ///
    /// - Throws: ``GleanerError`` with code `file.system` when it cannot be read, is no regular file or is larger.
    public static func bytes(of path: String, byteCountMax: Int) throws -> Data {
        let file = try DescriptorFile(path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        let status = try regularFileStatus(of: file, at: path)
        guard status.st_size <= byteCountMax else {
            throw GleanerError(
                .fileSystem, "\(path) has \(status.st_size) bytes, more than the \(byteCountMax) that are allowed")
        }
        // One byte more than it should have: a file that grows while it is read is noticed.
        var data = Data(count: Int(status.st_size) + 1)
        let count = try data.withUnsafeMutableBytes { buffer in
            var filled = 0
            while filled < buffer.count {
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
                let count = try file.read(into: piece)
                if count == 0 { break }
                filled += count
            }
            return filled
        }
        guard count <= byteCountMax else {
            throw GleanerError(.fileSystem, "\(path) grew past the \(byteCountMax) bytes that are allowed")
        }
        data.removeLast(data.count - count)
        return data
    }

    /// Hands a regular file's bytes to `body` in pieces of up to 1 MiB.
    ///
    /// - Throws: ``GleanerError`` with code `file.system` when it cannot be read or is no regular file, and whatever
    ///   `body` throws.
    public static func forEachPiece(of path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let file = try DescriptorFile(path, flags: O_RDONLY | O_NONBLOCK)
        let status = try regularFileStatus(of: file, at: path)
        try forEachPiece(of: file, byteCount: Int(status.st_size), body)
    }

    /// Hands out what is left of an open file, which has about so many bytes.
    static func forEachPiece(
        of file: borrowing DescriptorFile, byteCount: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(max(byteCount + 1, 4096), 1 << 20), alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// A pipe or a device could keep its reader waiting, or reading, for ever.
    private static func regularFileStatus(of file: borrowing DescriptorFile, at path: String) throws -> stat {
        var status = stat()
        guard fstat(file.descriptor, &status) == 0 else {
            throw GleanerError.system("cannot read", path, errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw GleanerError(.fileSystem, "\(path) is not a regular file")
        }
        return status
    }
}
