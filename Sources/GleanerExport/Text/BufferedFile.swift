import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A new file that is written from its beginning to its end in pieces of 64 KiB.
final class BufferedFile {
    let path: String
    private let file: DescriptorFile
    private var buffer: [UInt8] = []
    private static let byteCountBuffered = 64 << 10

    /// Makes the file; one that is there already is an error, so that no two views ever share one.
    init(_ path: String) throws {
        self.path = path
        file = try DescriptorFile(path, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        buffer.reserveCapacity(2 * Self.byteCountBuffered)
    }

    func write(_ bytes: some Sequence<UInt8>) throws {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.byteCountBuffered { try drain() }
    }

    func write(_ text: String) throws { try write(text.utf8) }

    /// Appends a whole file.
    func write(contentsOf path: String) throws {
        try drain()
        try FileReading.forEachPiece(of: path) { try file.write($0) }
    }

    /// Writes what is still in memory. The descriptor is closed with the last reference.
    func finish() throws { try drain() }

    /// Writes what is still in memory, and makes the file durable.
    func flush() throws {
        try drain()
        try file.flush()
    }

    private func drain() throws {
        try file.write(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}

/// A JSON array that is written one element a line, without ever being in memory.
struct JSONArrayFile {
    let file: BufferedFile
    private var count = 0
    init(_ file: BufferedFile) { self.file = file }

    /// Writes the separator and the element; the brackets are the caller's.
    mutating func append(_ element: some Encodable) throws {
        try file.write(count == 0 ? "\n" : ",\n")
        try file.write(CanonicalJSON.encode(element))
        count += 1
    }
}
