#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Names of files below a folder, in few bytes each: a million of twenty characters take 36 MB.
///
/// Names are bytes, as the file system has them; they need not be UTF-8.
struct FileNameList: Sendable {
    /// One name of the list.
    struct Entry: Sendable {
        fileprivate var start: Int
        fileprivate var count: Int32
        /// It was closed by its writer or renamed in, so it is known to be whole.
        var isClosed: Bool
    }

    private var bytes: [UInt8] = []
    private var entries: [Entry] = []
    private var given = 0

    /// Names that were not yet taken.
    var count: Int { entries.count - given }

    mutating func append(_ name: [UInt8], isClosed: Bool) {
        entries.append(Entry(start: bytes.count, count: Int32(truncatingIfNeeded: name.count), isClosed: isClosed))
        bytes += name
    }

    /// Brings what was not yet taken into the order of its bytes.
    mutating func sort() {
        bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            entries[given...].sort { a, b in
                let order = memcmp(base + a.start, base + b.start, Int(min(a.count, b.count)))
                return order == 0 ? a.count < b.count : order < 0
            }
        }
    }

    /// The next names as text, without taking them; all are parts of one.
    func upcoming(_ countMax: Int) -> [Substring] {
        let next = entries[given...].prefix(countMax)
        var joined: [UInt8] = []
        joined.reserveCapacity(next.reduce(0) { $0 + Int($1.count) + 1 })
        for entry in next {
            joined += bytes[entry.start..<entry.start + Int(entry.count)]
            joined.append(0)
        }
        var rest = String(decoding: joined, as: UTF8.self)[...].utf8
        return next.map { _ in
            let name = rest.prefix { $0 != 0 }
            rest = rest.dropFirst(name.count + 1)
            return Substring(name)
        }
    }

    /// Takes the next name, into memory that is used again; the list's own is given back once all are taken.
    mutating func popFirst(into name: inout [UInt8]) -> Entry? {
        guard given < entries.count else { return nil }
        let entry = entries[given]
        name.removeAll(keepingCapacity: true)
        name += bytes[entry.start..<entry.start + Int(entry.count)]
        given += 1
        if given == entries.count { self = FileNameList() }
        return entry
    }
}
