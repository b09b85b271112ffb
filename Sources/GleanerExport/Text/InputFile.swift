import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file from outside, read in pieces: its size is bounded, and a pipe or device is refused instead of waited for.
enum InputFile {
    /// Label files may be this large: far more than a million labels.
    static let byteCountMax = 2 << 30

    /// Opens a regular file. The last component may be a link: the path is the user's own.
    static func open(_ path: String, byteCountMax: Int) throws -> DescriptorFile {
        let file = try DescriptorFile(path, flags: O_RDONLY | O_NONBLOCK)
        var status = stat()
        guard fstat(file.descriptor, &status) == 0 else {
            throw GleanerError.system("cannot read", path, errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw GleanerError(.fileSystem, "\(path) is not a regular file", remedy: "name a file")
        }
        guard status.st_size <= byteCountMax else {
            throw GleanerError(
                .fileSystem,
                "\(path) has \(ByteCount.format(Int(status.st_size))), more than the "
                    + "\(ByteCount.format(byteCountMax)) that are allowed", remedy: "split it into smaller files")
        }
        return file
    }

    /// Hands the bytes to `body` in pieces of up to 256 KiB.
    static func forEachPiece(
        of path: String, byteCountMax: Int = byteCountMax, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let file = try open(path, byteCountMax: byteCountMax)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        var total = 0
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { return }
            total += count
            guard total <= byteCountMax else {
                throw GleanerError(.fileSystem, "\(path) grew past the \(byteCountMax) bytes that are allowed")
            }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
