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
        try file.write(TarBlocks.header(name: name, byteCount: bytes.count))
        try file.write(bytes)
        try pad(bytes.count)
    }

    func append(_ name: String, contentsOf path: String, byteCount: Int) throws {
        try file.write(TarBlocks.header(name: name, byteCount: byteCount))
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
        try file.write(TarBlocks.header(name: entry.name, byteCount: entry.byteCount))
        try source.read(entry) { piece in
            body(piece)
            try file.write(piece)
        }
        try pad(entry.byteCount)
    }

    /// Ends the archive and flushes it.
    consuming func finish() throws {
        try file.write(TarBlocks.end)
        try file.flush()
    }

    private func pad(_ byteCount: Int) throws { try file.write(TarBlocks.padding(after: byteCount)) }
}
