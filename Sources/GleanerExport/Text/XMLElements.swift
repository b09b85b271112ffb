import Foundation
import GleanerCore

/// An element of an XML file with all that is in it.
struct XMLElement {
    var name: String
    var attributes: [String: String]
    var text = ""
    var children: [XMLElement] = []

    func child(_ name: String) -> XMLElement? { children.first { $0.name == name } }
}

/// Cuts an XML file into the children of its root element.
///
/// Only one child is in memory at a time. It reads what tools write of labels: elements, attributes, text, comments
/// and CDATA, in UTF-8. A document type is refused, and with it every entity that is not XML's own: nothing is ever
/// fetched or expanded.
struct XMLElements {
    static let tokenByteCountMax = 1 << 20
    static let depthMax = 24
    /// At most so many elements in a child of the root: more boxes than any frame has.
    private static let elementCountMax = 1_000_000

    /// Hands out the children of the root, which must have this name, and their numbers from 1.
    ///
    /// - Throws: ``GleanerError`` with code `document.malformed`, naming the line where the file breaks.
    static func forEach(in path: String, root: String, _ body: (XMLElement, Int) throws -> Void) throws {
        var reader = XMLElements(path: path, root: root)
        try InputFile.forEachPiece(of: path) { piece in
            reader.buffer.append(contentsOf: piece)
            try reader.readTokens(isLast: false, body)
        }
        try reader.readTokens(isLast: true, body)
        guard reader.hasEnded else { throw reader.broken("it ends in the middle") }
    }

    private let path: String
    private let root: String
    private var buffer: [UInt8] = []
    private var offset = 0
    private var line = 1
    private var isStarted = false
    private var hasRoot = false
    private var hasEnded = false
    /// Elements that are open below the root, the outermost first.
    private var open: [XMLElement] = []
    private var number = 0
    /// Since the child of the root began.
    private var elementCount = 0

    private init(path: String, root: String) {
        self.path = path
        self.root = root
    }

    private mutating func readTokens(isLast: Bool, _ body: (XMLElement, Int) throws -> Void) throws {
        if !isStarted {
            guard buffer.count >= 4 || isLast else { return }
            isStarted = true
            if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
            if buffer.starts(with: [0xFE, 0xFF]) || buffer.starts(with: [0xFF, 0xFE]) {
                throw broken("it is UTF-16", remedy: "save it as UTF-8")
            }
        }
        while let token = try nextToken(isLast: isLast) {
            try take(token, body)
            line += token.count { $0 == UInt8(ascii: "\n") }
        }
        buffer.removeSubrange(..<offset)
        offset = 0
        guard buffer.count <= Self.tokenByteCountMax else { throw broken("something in it is endless") }
    }

    /// The next markup or text, whole; `nil` when more has to be read first.
    private mutating func nextToken(isLast: Bool) throws -> ArraySlice<UInt8>? {
        guard offset < buffer.count else { return nil }
        let rest = buffer[offset...]
        let end: Int?
        if rest.first != UInt8(ascii: "<") {
            end = rest.firstIndex(of: UInt8(ascii: "<")) ?? (isLast ? buffer.count : nil)
        } else if rest.starts(with: "<!--".utf8) {
            end = Self.end(of: "-->", in: rest.dropFirst(4))
        } else if rest.starts(with: "<![CDATA[".utf8) {
            end = Self.end(of: "]]>", in: rest.dropFirst(9))
        } else if rest.starts(with: "<?".utf8) {
            end = Self.end(of: "?>", in: rest.dropFirst(2))
        } else if rest.count < 9, !isLast {
            // What kind of markup it is may not be told yet.
            end = rest.contains(UInt8(ascii: ">")) ? Self.endOfTag(rest) : nil
        } else {
            end = Self.endOfTag(rest)
        }
        guard let end else {
            if isLast { throw broken("it ends in the middle") }
            return nil
        }
        defer { offset = end }
        return buffer[offset..<end]
    }

    private static func end(of mark: String, in bytes: ArraySlice<UInt8>) -> Int? {
        let mark = Array(mark.utf8)
        var index = bytes.startIndex
        while index + mark.count <= bytes.endIndex {
            if bytes[index..<index + mark.count].elementsEqual(mark) { return index + mark.count }
            index += 1
        }
        return nil
    }

    /// Behind the first `>` that stands in no quotes.
    private static func endOfTag(_ bytes: ArraySlice<UInt8>) -> Int? {
        var quote: UInt8?
        for index in bytes.indices {
            let byte = bytes[index]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                return index + 1
            }
        }
        return nil
    }

    private mutating func take(_ token: ArraySlice<UInt8>, _ body: (XMLElement, Int) throws -> Void) throws {
        guard let text = String(validating: token, as: UTF8.self) else {
            throw broken("it is not UTF-8", remedy: "save it as UTF-8")
        }
        if text.first != "<" { return try takeText(text) }
        if text.hasPrefix("<!--") { return }
        if text.hasPrefix("<![CDATA[") {
            guard !open.isEmpty else { return }
            return open[open.count - 1].text += text.dropFirst(9).dropLast(3)
        }
        if text.hasPrefix("<?") { return try takeInstruction(text) }
        if text.hasPrefix("<!") { throw broken("it has a document type, which no label file needs") }
        if text.hasPrefix("</") { return try close(text.dropFirst(2).dropLast(), body) }
        let isEmpty = text.hasSuffix("/>")
        try start(text.dropFirst().dropLast(isEmpty ? 2 : 1), isEmpty: isEmpty, body)
    }

    private mutating func takeText(_ text: String) throws {
        let isBlank = text.allSatisfy(\.isWhitespace)
        guard !open.isEmpty else {
            guard isBlank || (hasRoot && !hasEnded) else { throw broken("text stands outside of its root") }
            return
        }
        if !isBlank { open[open.count - 1].text += try unescaped(text) }
    }

    private func takeInstruction(_ text: String) throws {
        guard text.hasPrefix("<?xml "), let range = text.range(of: "encoding=") else { return }
        let value = text[range.upperBound...].dropFirst().prefix { $0 != "\"" && $0 != "'" }
        guard ["utf-8", "utf8", "us-ascii", "ascii"].contains(value.lowercased()) else {
            throw broken("it says that it is \(value.prefix(40))", remedy: "save it as UTF-8")
        }
    }

    private mutating func start(
        _ tag: Substring, isEmpty: Bool, _ body: (XMLElement, Int) throws -> Void
    ) throws {
        guard !hasEnded else { throw broken("something follows its root") }
        let name = tag.prefix { !$0.isWhitespace }
        guard let first = name.unicodeScalars.first, first.properties.isAlphabetic || first == "_" else {
            throw broken("a tag has no name")
        }
        guard hasRoot else {
            guard name == root else {
                throw broken("its root is <\(name.prefix(60))>, not <\(root)>", remedy: "name the file's real format")
            }
            (hasRoot, hasEnded) = (true, isEmpty)
            return
        }
        guard open.count < Self.depthMax else { throw broken("it is nested deeper than \(Self.depthMax)") }
        open.append(XMLElement(name: String(name), attributes: try attributes(tag.dropFirst(name.count))))
        if isEmpty { try closeInnermost(body) }
    }

    private mutating func close(_ tag: Substring, _ body: (XMLElement, Int) throws -> Void) throws {
        let name = tag.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let innermost = open.last else {
            guard hasRoot, !hasEnded, name == root else { throw broken("</\(name.prefix(60))> closes nothing") }
            hasEnded = true
            return
        }
        guard innermost.name == name else {
            throw broken("</\(name.prefix(60))> closes <\(innermost.name.prefix(60))>")
        }
        try closeInnermost(body)
    }

    private mutating func closeInnermost(_ body: (XMLElement, Int) throws -> Void) throws {
        let element = open.removeLast()
        guard open.isEmpty else {
            let parent = open.count - 1
            elementCount += 1
            guard elementCount < Self.elementCountMax else { throw broken("an element has too much in it") }
            return open[parent].children.append(element)
        }
        number += 1
        elementCount = 0
        try body(element, number)
    }

    private func attributes(_ text: Substring) throws -> [String: String] {
        var attributes: [String: String] = [:]
        var rest = text.drop(while: \.isWhitespace)
        while !rest.isEmpty {
            guard let equals = rest.firstIndex(of: "=") else { throw broken("an attribute has no value") }
            let name = rest[..<equals].trimmingCharacters(in: .whitespacesAndNewlines)
            rest = rest[rest.index(after: equals)...].drop(while: \.isWhitespace)
            guard let quote = rest.first, quote == "\"" || quote == "'" else { throw broken("a value has no quotes") }
            rest = rest.dropFirst()
            guard let end = rest.firstIndex(of: quote) else { throw broken("a value has no end") }
            guard attributes.updateValue(try unescaped(String(rest[..<end])), forKey: name) == nil else {
                throw broken("an element has '\(name.prefix(60))' twice")
            }
            rest = rest[rest.index(after: end)...].drop(while: \.isWhitespace)
        }
        return attributes
    }

    private func unescaped(_ text: String) throws -> String {
        guard text.contains("&") else { return text }
        var result = ""
        var rest = text[...]
        while let start = rest.firstIndex(of: "&") {
            result += rest[..<start]
            let behind = rest[rest.index(after: start)...]
            guard let end = behind.prefix(12).firstIndex(of: ";"),
                let character = XMLText.character(ofEntity: behind[..<end])
            else {
                throw broken("'&\(behind.prefix(12))' is no entity of XML's own")
            }
            result.append(character)
            rest = behind[behind.index(after: end)...]
        }
        return result + rest
    }

    private func broken(_ what: String, remedy: String = "export it again, whole") -> GleanerError {
        GleanerError(.malformed, "\(path) is no label file in XML: \(what) (line \(line))", remedy: remedy)
    }
}
