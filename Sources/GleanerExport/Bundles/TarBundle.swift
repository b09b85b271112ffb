import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A bundle in an uncompressed tar (ustar, GNU or pax), read strictly: every header is checked before a byte is copied.
///
/// Format: POSIX.1-2017, *pax*, "ustar Interchange Format" and "pax Header Block".
final class TarBundle: BundleSource {
    private(set) var entries: [BundleEntry] = []
    private var offsets: [String: Int] = [:]
    private let path: String
    private let file: DescriptorFile
    private let byteCount: Int
    private var hasAttributes = false

    private static let blockSize = TarHeader.blockSize
    private static let paxByteCountMax = 64 << 10

    init(_ path: String) throws {
        self.path = path
        file = try DescriptorFile(path, flags: O_RDONLY | O_NONBLOCK)
        var status = stat()
        guard fstat(file.descriptor, &status) == 0 else {
            throw GleanerError.system("cannot read", path, errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw GleanerError(.bundleMissing, "\(path) is neither a file nor a folder", remedy: "name a bundle")
        }
        byteCount = Int(status.st_size)
        try refuseOtherKinds()
        try list()
        try requireNoAttributesIfSigned()
    }

    /// Times and owners in extended headers are in no checksum: where a signature stands for every byte, they are refused.
    private func requireNoAttributesIfSigned() throws {
        guard hasAttributes, entries.contains(where: { $0.name == BundleSignature.fileName }) else { return }
        throw GleanerError(
            .bundleArchive, "\(path) is signed and has extended (pax) headers, which no signature covers",
            remedy: "pack its files with `tar --format=ustar`, or sign the folder and pack that")
    }

    func read(_ entry: BundleEntry, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let offset = offsets[entry.name] else { return }
        try FilePieces.forEach(of: file, from: offset, byteCount: entry.byteCount, named: path, body)
    }

    private func refuseOtherKinds() throws {
        let kinds: [(name: String, magic: [UInt8])] = [
            ("compressed with gzip", [0x1F, 0x8B]), ("compressed with xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A]),
            ("compressed with zstd", [0x28, 0xB5, 0x2F, 0xFD]), ("compressed with bzip2", [0x42, 0x5A, 0x68]),
            ("a zip archive", [0x50, 0x4B]),
        ]
        let start = try bytes(at: 0, count: min(6, byteCount))
        if let kind = kinds.first(where: { start.starts(with: $0.magic) }) {
            throw GleanerError(
                .bundleArchive, "\(path) is \(kind.name), and a bundle is a plain tar",
                remedy: "pack it with `tar -cf bundle.tar model.json model.onnx`, without -z")
        }
    }

    private func list() throws {
        var offset = 0
        var pax = PaxAttributes()
        var headerCount = 0
        while true {
            let block = try bytes(at: offset, count: Self.blockSize)
            if block.allSatisfy({ $0 == 0 }) {
                guard pax.isEmpty else { throw damaged("it ends after an extended header", at: offset) }
                return try requireEnd(at: offset)
            }
            headerCount += 1
            guard headerCount <= 3 * BundleName.entryCountMax else { throw tooMany() }
            let header: TarHeader
            do {
                header = try TarHeader(block)
            } catch let fault as TarFault {
                throw damaged(fault.reason, at: offset)
            }
            let start = offset + Self.blockSize
            let (padded, overflow) = header.byteCount.addingReportingOverflow(Self.blockSize - 1)
            guard !overflow, padded / Self.blockSize * Self.blockSize <= byteCount - start else {
                throw damaged("it is cut off: an entry has \(header.byteCount) bytes, and the file ends", at: offset)
            }
            try take(header, start: start, &pax)
            offset = start + padded / Self.blockSize * Self.blockSize
            try requireZeros(from: start + header.byteCount, to: offset)
        }
    }

    private func take(_ header: TarHeader, start: Int, _ pax: inout PaxAttributes) throws {
        switch header.kind {
        case .extended, .global:
            hasAttributes = true
            guard header.byteCount <= Self.paxByteCountMax else {
                throw damaged("an extended header is huge", at: start)
            }
            do {
                let found = try PaxAttributes(bytes(at: start, count: header.byteCount))
                guard header.kind == .extended || found.path == nil else { throw TarFault("one name for all entries") }
                if header.kind == .extended { pax = found }
            } catch let fault as TarFault {
                throw damaged(fault.reason, at: start)
            }
            return
        case .regular: try addFile(pax.path ?? header.name, byteCount: header.byteCount, start: start)
        case .folder: try requireKnownFolder(pax.path ?? header.name)
        case .refused(let what):
            throw BundleName.refused("\(what) '\(PathName.printable(pax.path ?? header.name))'", in: path)
        }
        pax = PaxAttributes()
    }

    private func addFile(_ written: String, byteCount: Int, start: Int) throws {
        let name = Self.withoutDot(written)
        try BundleName.require(name, in: path)
        guard offsets.updateValue(start, forKey: name) == nil else {
            throw BundleName.refused("'\(name)' twice", in: path)
        }
        entries.append(BundleEntry(name: name, byteCount: byteCount))
        guard entries.count <= BundleName.entryCountMax else { throw tooMany() }
    }

    /// The top folder itself and `golden/`; others would be empty or refused with their files.
    private func requireKnownFolder(_ written: String) throws {
        let name = written.hasSuffix("/") ? String(written.dropLast()) : written
        if name == "." || Self.withoutDot(name) == BundleName.goldenFolder { return }
        throw BundleName.refused(
            "the folder '\(PathName.printable(name))'", in: path,
            remedy: "pack the files themselves: `tar -cf bundle.tar -C FOLDER model.json model.onnx`")
    }

    /// What fills an entry's last block.
    private func requireZeros(from start: Int, to end: Int) throws {
        guard try bytes(at: start, count: end - start).allSatisfy({ $0 == 0 }) else {
            throw damaged("an entry is not padded with zeros", at: start)
        }
    }

    /// Two blocks of zeros, and nothing but zeros after them.
    private func requireEnd(at offset: Int) throws {
        guard byteCount - offset >= 2 * Self.blockSize else { throw damaged("it is cut off at its end", at: offset) }
        try FilePieces.forEach(of: file, from: offset, byteCount: byteCount - offset, named: path) { piece in
            guard piece.allSatisfy({ $0 == 0 }) else { throw damaged("something follows its end", at: offset) }
        }
    }

    private func bytes(at offset: Int, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: offset) }
        guard read == count else { throw damaged("it is cut off", at: offset) }
        return bytes
    }

    private static func withoutDot(_ name: String) -> String { name.hasPrefix("./") ? String(name.dropFirst(2)) : name }

    private func tooMany() -> GleanerError {
        GleanerError(.bundleSize, "\(path) has more than \(BundleName.entryCountMax) entries")
    }

    private func damaged(_ what: String, at offset: Int) -> GleanerError {
        GleanerError(
            .bundleArchive, "\(path) is no whole tar archive: \(what) (byte \(offset))",
            remedy: "copy it again, whole, or pack it again")
    }
}
