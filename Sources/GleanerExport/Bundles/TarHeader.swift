import GleanerCore

/// What is wrong with a block of an archive.
struct TarFault: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// One header block of a tar archive.
struct TarHeader {
    static let blockSize = TarBlocks.byteCount

    enum Kind: Hashable {
        case regular, folder
        /// Attributes for the next entry, or for all that follow.
        case extended, global
        /// What no bundle may hold, in words.
        case refused(String)
    }

    let name: String
    let kind: Kind
    let byteCount: Int

    /// Reads 512 bytes. Traps on any other number.
    init(_ block: [UInt8]) throws {
        precondition(block.count == Self.blockSize)
        let isPOSIX = block[257..<263].elementsEqual("ustar\0".utf8)
        let isGNU = block[257..<265].elementsEqual("ustar  \0".utf8)
        let isOld = block[257..<265].allSatisfy { $0 == 0 }
        guard isPOSIX || isGNU || isOld else { throw TarFault("this is no tar header") }
        guard try Self.writtenChecksum(block[148..<156]) == TarBlocks.checksum(block) else {
            throw TarFault("a header's checksum is wrong")
        }
        byteCount = try Self.octal(block[124..<136], "size")
        let name = try Self.text(block[0..<100])
        let prefix = isPOSIX ? try Self.text(block[345..<500]) : ""
        self.name = prefix.isEmpty ? name : "\(prefix)/\(name)"
        kind = Self.kind(block[156], name: name)
        if kind == .folder, byteCount != 0 { throw TarFault("a folder has content") }
    }

    private static func kind(_ flag: UInt8, name: String) -> Kind {
        switch flag {
        case UInt8(ascii: "0"), 0: name.hasSuffix("/") ? .folder : .regular
        case UInt8(ascii: "5"): .folder
        case UInt8(ascii: "x"): .extended
        case UInt8(ascii: "g"): .global
        case UInt8(ascii: "1"): .refused("the hard link")
        case UInt8(ascii: "2"): .refused("the link")
        case UInt8(ascii: "3"), UInt8(ascii: "4"): .refused("the device")
        case UInt8(ascii: "6"): .refused("the pipe")
        case UInt8(ascii: "L"), UInt8(ascii: "K"): .refused("the long name")
        case UInt8(ascii: "S"): .refused("the sparse file")
        default: .refused("an entry of unknown type \(flag):")
        }
    }

    /// Six octal digits, a NUL and a space, or seven and a NUL: what tar programs write. No other form is read, so that
    /// no byte of a header can change unnoticed: all others are in the sum.
    private static func writtenChecksum(_ field: ArraySlice<UInt8>) throws -> Int {
        let digits = field.prefix { (0x30...0x37).contains($0) }
        let rest = Array(field.dropFirst(digits.count))
        guard digits.count == 6 && rest == [0, 0x20] || digits.count == 7 && rest == [0] else {
            throw TarFault("a header's checksum is not written as octal digits and a NUL")
        }
        return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }

    /// Octal digits between spaces, up to a NUL or space.
    private static func octal(_ field: ArraySlice<UInt8>, _ what: String) throws -> Int {
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
        guard digits.allSatisfy({ (0x30...0x37).contains($0) }), digits.count <= 12 else {
            throw TarFault("a header's \(what) is no octal number")
        }
        return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }

    private static func text(_ field: ArraySlice<UInt8>) throws -> String {
        guard let text = String(validating: field.prefix { $0 != 0 }, as: UTF8.self) else {
            throw TarFault("a name is not UTF-8")
        }
        return text
    }
}

/// The attributes of a pax header that matter: all others (times, owners, comments) change nothing for a bundle.
struct PaxAttributes {
    private(set) var path: String?
    private(set) var isEmpty = true

    init() {}

    /// Reads lines of `<length> <key>=<value>\n`, whose length counts the whole line.
    init(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard let length = Int(String(decoding: digits, as: UTF8.self)), length > digits.count + 2,
                length <= rest.count, rest[rest.startIndex + digits.count] == 0x20
            else { throw TarFault("an extended header is malformed") }
            let line = rest.prefix(length)
            guard line.last == 0x0A, let equals = line.firstIndex(of: UInt8(ascii: "=")),
                let key = String(validating: line[(line.startIndex + digits.count + 1)..<equals], as: UTF8.self),
                let value = String(validating: line[(equals + 1)...].dropLast(), as: UTF8.self)
            else { throw TarFault("an extended header is malformed") }
            try take(key, value)
            rest = rest.dropFirst(length)
        }
    }

    private mutating func take(_ key: String, _ value: String) throws {
        isEmpty = false
        switch key {
        case "path": path = value
        case "size", "linkpath": throw TarFault("an extended header gives a \(key)")
        case _ where key.hasPrefix("GNU.sparse"): throw TarFault("it holds a sparse file")
        default: break
        }
    }
}
