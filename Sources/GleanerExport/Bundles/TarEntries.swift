import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The regular files of an uncompressed tar from outside, read one after the other; nothing is written anywhere.
enum TarEntries {
    private static let paxByteCountMax = 64 << 10

    /// Hands out the content of the entries that are wanted; others are passed over unread.
    ///
    /// - Throws: ``GleanerError`` with code `document.malformed` when it is no whole tar, or an entry is too large.
    static func forEach(
        in path: String, byteCountMax: Int, wanted: (String) -> Bool, _ body: (String, Data) throws -> Void
    ) throws {
        let file = try InputFile.open(path, byteCountMax: .max)
        var status = stat()
        guard fstat(file.descriptor, &status) == 0 else { throw GleanerError.system("cannot read", path, errno: errno) }
        let end = Int(status.st_size)
        var offset = 0
        var pax = PaxAttributes()
        while offset + TarHeader.blockSize <= end {
            let block = [UInt8](try bytes(of: file, at: offset, count: TarHeader.blockSize, path))
            if block.allSatisfy({ $0 == 0 }) { return }
            let start = offset + TarHeader.blockSize
            do {
                let header = try TarHeader(block)
                guard header.byteCount <= end - start else { throw TarFault("it is cut off") }
                offset =
                    start + (header.byteCount + TarHeader.blockSize - 1) / TarHeader.blockSize * TarHeader.blockSize
                if header.kind == .extended {
                    guard header.byteCount <= paxByteCountMax else { throw TarFault("an extended header is huge") }
                    pax = try PaxAttributes([UInt8](try bytes(of: file, at: start, count: header.byteCount, path)))
                    continue
                }
                // A long name follows in the entry's content; without it the next entry would have another name.
                if case .refused(let what) = header.kind, what.hasPrefix("the long name") {
                    throw TarFault("it has names of more than 100 bytes in GNU's form: pack it with --format=pax")
                }
                let name = pax.path ?? header.name
                pax = PaxAttributes()
                guard header.kind == .regular, wanted(name) else { continue }
                guard header.byteCount <= byteCountMax else { throw TarFault("'\(name.prefix(100))' is too large") }
                try body(name, try bytes(of: file, at: start, count: header.byteCount, path))
            } catch let fault as TarFault { throw damaged(path, fault.reason, start - TarHeader.blockSize) }
        }
        throw damaged(path, "it is cut off", offset)
    }

    private static func bytes(
        of file: borrowing DescriptorFile, at offset: Int, count: Int, _ path: String
    ) throws -> Data {
        var data = Data(count: count)
        guard count > 0 else { return data }
        let read = try data.withUnsafeMutableBytes { try file.read(into: $0, at: offset) }
        guard read == count else { throw damaged(path, "it is cut off", offset) }
        return data
    }

    private static func damaged(_ path: String, _ what: String, _ offset: Int) -> GleanerError {
        GleanerError(
            .malformed, "\(path) is no whole tar archive: \(what) (byte \(offset))",
            remedy: "copy it again, whole; a compressed one must be unpacked")
    }
}
