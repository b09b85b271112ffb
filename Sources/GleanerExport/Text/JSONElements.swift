import Foundation
import GleanerCore

/// Cuts a JSON file into the elements of its root array, or of the arrays directly below its root object.
///
/// Only one element is in memory at a time, so a file of a million labels costs no more than its largest. Nesting is
/// bounded: a decoder would spend time that grows with the square of the depth. What an element holds is checked by
/// whoever decodes it; this only follows strings and brackets.
struct JSONElements {
    /// One element, still text.
    struct Element {
        /// The root object's key whose array it is in; `nil` in a root array.
        var key: String?
        /// From 1.
        var number: Int
        var json: Data
    }

    /// What the file has to begin with.
    enum Root { case array, object }

    static let elementByteCountMax = 16 << 20
    static let depthMax = 24

    /// - Throws: ``GleanerError`` with code `document.malformed`, naming the byte and line where the file breaks.
    static func forEach(in path: String, root: Root, _ body: (Element) throws -> Void) throws {
        var cutter = JSONElements(path: path, root: root)
        try InputFile.forEachPiece(of: path) { piece in
            for byte in piece { try cutter.take(byte, body) }
        }
        guard cutter.state == .ended else { throw cutter.broken("it ends in the middle") }
    }

    private enum State {
        /// Before the root's bracket.
        case started
        /// In the root object: before a key, or at its end.
        case beforeKey, inKey, beforeColon, beforeValue
        /// In a value below the root object that is no array: it is passed over.
        case inValue
        /// In an array whose elements are handed out.
        case inElements
        /// After an array below the root object.
        case afterValue
        case ended
    }

    private let path: String
    private var state = State.started
    private let root: Root
    private var offset = 0
    private var line = 1
    private var key: [UInt8] = []
    private var keyCount = 0
    private var element: [UInt8] = []
    private var number = 0
    /// Brackets that are open inside the element or the value passed over.
    private var depth = 0
    private var inString = false
    private var escaped = false

    private init(path: String, root: Root) {
        self.path = path
        self.root = root
    }

    private mutating func take(_ byte: UInt8, _ body: (Element) throws -> Void) throws {
        switch state {
        case .inElements: try takeElementByte(byte, body)
        case .inValue: try takeValueByte(byte)
        case .inKey: takeKeyByte(byte)
        default: try takeStructure(byte)
        }
        offset += 1
        if byte == UInt8(ascii: "\n") { line += 1 }
    }

    private mutating func takeStructure(_ byte: UInt8) throws {
        if Self.isSpace(byte) || isByteOrderMark(byte) { return }
        switch (state, byte) {
        case (.started, UInt8(ascii: "[")) where root == .array: beginElements()
        case (.started, UInt8(ascii: "{")) where root == .object: state = .beforeKey
        case (.started, _):
            throw broken("it must begin with \(root == .array ? "'[', a list" : "'{', an object")")
        case (.beforeKey, UInt8(ascii: "\"")):
            key.removeAll()
            state = .inKey
        case (.beforeKey, UInt8(ascii: "}")) where keyCount == 0: state = .ended
        case (.beforeColon, UInt8(ascii: ":")):
            keyCount += 1
            state = .beforeValue
        case (.beforeValue, UInt8(ascii: "[")): beginElements()
        case (.beforeValue, _):
            state = .inValue
            try takeValueByte(byte)
        case (.afterValue, UInt8(ascii: ",")): state = .beforeKey
        case (.afterValue, UInt8(ascii: "}")): state = .ended
        default: throw broken("'\(Self.shown(byte))' must not stand here")
        }
    }

    private mutating func beginElements() {
        state = .inElements
        number = 0
    }

    private mutating func takeKeyByte(_ byte: UInt8) {
        if byte == UInt8(ascii: "\""), !escaped {
            state = .beforeColon
        } else {
            escaped = byte == UInt8(ascii: "\\") && !escaped
            // A key this long is none that anybody looks for.
            if key.count < 100 { key.append(byte) }
        }
    }

    private mutating func takeValueByte(_ byte: UInt8) throws {
        if depth == 0, !inString {
            if byte == UInt8(ascii: ",") { return state = .beforeKey }
            if byte == UInt8(ascii: "}") { return state = .ended }
        }
        try follow(byte)
    }

    private mutating func takeElementByte(_ byte: UInt8, _ body: (Element) throws -> Void) throws {
        if depth == 0, !inString {
            if byte == UInt8(ascii: ",") { return try endElement(body) }
            if byte == UInt8(ascii: "]") {
                if number > 0 || !element.isEmpty { try endElement(body) }
                state = root == .object ? .afterValue : .ended
                return
            }
            if element.isEmpty, Self.isSpace(byte) { return }
        }
        try follow(byte)
        guard element.count < Self.elementByteCountMax else {
            throw broken("one element has more than \(ByteCount.format(Self.elementByteCountMax))")
        }
        element.append(byte)
    }

    private mutating func endElement(_ body: (Element) throws -> Void) throws {
        guard !element.isEmpty else { throw broken("an element is missing between two commas") }
        number += 1
        let name = root == .object ? String(decoding: key, as: UTF8.self) : nil
        try body(Element(key: name, number: number, json: Data(element)))
        element.removeAll(keepingCapacity: true)
    }

    /// Keeps track of strings and brackets.
    private mutating func follow(_ byte: UInt8) throws {
        if inString {
            if escaped {
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "\"") {
                inString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""): inString = true
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            depth += 1
            guard depth <= Self.depthMax else { throw broken("it is nested deeper than \(Self.depthMax)") }
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            depth -= 1
            guard depth >= 0 else { throw broken("'\(Self.shown(byte))' closes nothing") }
        default: break
        }
    }

    private func broken(_ what: String) -> GleanerError {
        GleanerError(
            .malformed, "\(path) is not valid JSON at byte \(offset) (line \(line)): \(what)",
            remedy: "export the file again, and copy it whole")
    }

    /// The byte-order mark that some tools put before UTF-8.
    private func isByteOrderMark(_ byte: UInt8) -> Bool {
        state == .started && offset < 3 && byte == [0xEF, 0xBB, 0xBF][offset]
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    private static func shown(_ byte: UInt8) -> String {
        (0x21...0x7E).contains(byte) ? String(UnicodeScalar(byte)) : "byte \(byte)"
    }
}
