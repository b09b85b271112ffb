import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Writes an uncompressed ustar archive whose bytes depend on nothing but the files' names and content.
struct TarWriter: ~Copyable {
    private let file: DescriptorFile

    init(_ path: String) throws {
        file = try DescriptorFile(path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
    }

    func append(_ name: String, _ bytes: [UInt8]) throws {
        try file.write(Self.header(name: name, byteCount: bytes.count))
        try file.write(bytes)
        try pad(bytes.count)
    }

    func append(_ name: String, contentsOf path: String, byteCount: Int) throws {
        try file.write(Self.header(name: name, byteCount: byteCount))
        var written = 0
        try FileReading.forEachPiece(of: path) { piece in
            written += piece.count
            try file.write(piece)
        }
        guard written == byteCount else {
            throw GleanerError(.fileSystem, "\(path) changed while it was packed", remedy: "pack it again")
        }
        try pad(byteCount)
    }

    /// Writes the same entry as another bundle has, and hands its bytes out on the way.
    func append(_ entry: BundleEntry, of source: any BundleSource, _ body: (UnsafeRawBufferPointer) -> Void) throws {
        try file.write(Self.header(name: entry.name, byteCount: entry.byteCount))
        try source.read(entry) { piece in
            body(piece)
            try file.write(piece)
        }
        try pad(entry.byteCount)
    }

    /// Ends the archive and flushes it.
    consuming func finish() throws {
        try file.write([UInt8](repeating: 0, count: 2 * TarHeader.blockSize))
        try file.flush()
    }

    private func pad(_ byteCount: Int) throws { try file.write(Self.padding(byteCount)) }

    /// The zeros that fill a file's last block.
    static func padding(_ byteCount: Int) -> [UInt8] {
        let rest = byteCount % TarHeader.blockSize
        return [UInt8](repeating: 0, count: rest == 0 ? 0 : TarHeader.blockSize - rest)
    }

    /// A regular file of root, readable by all, from 1970. Traps on a name or size that ustar cannot hold.
    static func header(name: String, byteCount: Int) -> [UInt8] {
        // A name may be longer with its folder, which then has a field of its own.
        let folder = name.utf8.count > 100 ? name.prefix { $0 != "/" } : ""
        let name = folder.isEmpty ? Substring(name) : name.dropFirst(folder.count + 1)
        precondition(name.utf8.count <= 100 && byteCount < 1 << 33)
        var block = [UInt8](repeating: 0, count: TarHeader.blockSize)
        func put(_ text: some StringProtocol, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
        }
        put(name, at: 0)
        put("0000644", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(octal(byteCount, digits: 11), at: 124)
        put(octal(0, digits: 11), at: 136)
        put("0", at: 156)
        put("ustar\u{0}00", at: 257)
        put("root", at: 265)
        put("root", at: 297)
        put(folder, at: 345)
        put(octal(TarHeader.checksum(block), digits: 6) + "\u{0} ", at: 148)
        return block
    }

    private static func octal(_ value: Int, digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: digits - text.count) + text
    }
}
