/// The blocks of an uncompressed ustar archive whose bytes depend on nothing but the files' names and content.
public enum TarBlocks {
    public static let byteCount = 512
    /// What ends an archive.
    public static let end = [UInt8](repeating: 0, count: 2 * byteCount)
    private static let nameByteCountMax = 100
    private static let folderByteCountMax = 155
    /// Eleven octal digits.
    private static let contentByteCountMax = 1 << 33 - 1

    /// What comes before a file's content: a regular file of root, readable by all, from 1970. A pax header says what
    /// ustar has no room for: a long name, a size from 8 GiB.
    public static func header(name: String, byteCount: Int) -> [UInt8] {
        // A name may be longer with its folder, which then has a field of its own.
        let slash = name.utf8.count > nameByteCountMax ? name.firstIndex(of: "/") : nil
        let folder = slash.map { name[..<$0] } ?? ""
        let rest = slash.map { name[name.index(after: $0)...] } ?? name[...]
        var attributes: [UInt8] = []
        if rest.utf8.count > nameByteCountMax || folder.utf8.count > folderByteCountMax {
            attributes += paxLine("path", name)
        }
        if byteCount > contentByteCountMax { attributes += paxLine("size", "\(byteCount)") }
        guard !attributes.isEmpty else { return block(rest.utf8, folder: folder.utf8, byteCount, flag: "0") }
        // The names in the blocks are for readers that know no pax.
        return block("pax".utf8, folder: "".utf8, attributes.count, flag: "x")
            + attributes + padding(after: attributes.count)
            + block(
                name.utf8.suffix(nameByteCountMax), folder: "".utf8, min(byteCount, contentByteCountMax), flag: "0")
    }

    /// The zeros that fill the last block of so many bytes.
    public static func padding(after byteCount: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: (Self.byteCount - byteCount % Self.byteCount) % Self.byteCount)
    }

    /// The sum of all bytes of a header's block, the checksum's own taken as spaces.
    public static func checksum(_ block: [UInt8]) -> Int {
        block.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(block[$1])) }
    }

    private static func block(
        _ name: some Collection<UInt8>, folder: some Collection<UInt8>, _ byteCount: Int, flag: String
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: Self.byteCount)
        func put(_ bytes: some Collection<UInt8>, at offset: Int) {
            block.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
        put(name, at: 0)
        put("0000644".utf8, at: 100)
        put("0000000".utf8, at: 108)
        put("0000000".utf8, at: 116)
        put(octal(byteCount, digits: 11).utf8, at: 124)
        put(octal(0, digits: 11).utf8, at: 136)
        put(flag.utf8, at: 156)
        put("ustar\u{0}00".utf8, at: 257)
        put("root".utf8, at: 265)
        put("root".utf8, at: 297)
        put(folder, at: 345)
        put((octal(checksum(block), digits: 6) + "\u{0} ").utf8, at: 148)
        return block
    }

    /// `<length> <key>=<value>\n`, whose length counts the whole line, its own digits too.
    private static func paxLine(_ key: String, _ value: String) -> [UInt8] {
        let rest = " \(key)=\(value)\n"
        var length = rest.utf8.count
        while "\(length)".utf8.count + rest.utf8.count != length { length = "\(length)".utf8.count + rest.utf8.count }
        return Array("\(length)\(rest)".utf8)
    }

    private static func octal(_ value: Int, digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: digits - text.count) + text
    }
}
