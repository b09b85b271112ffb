import Foundation
import GleanerCore

/// Reads comma-separated values (RFC 4180) row by row.
///
/// A byte-order mark, any line ending, and the semicolons or tabs of a spreadsheet are understood. It is our own
/// because messages need the line of a row and memory must not grow with the file: SwiftCSV 0.10 knows no lines and
/// reads whole files.
struct CSVReader {
    static let fieldByteCountMax = 1 << 20
    static let fieldCountMax = 1_000

    /// Hands each row with its fields and the line where it begins, from 1; empty lines are passed over.
    ///
    /// - Throws: ``GleanerError`` with code `document.malformed`, naming the line where the file breaks.
    static func forEachRow(in path: String, _ body: ([String], Int) throws -> Void) throws {
        var reader = CSVReader(path: path)
        try InputFile.forEachPiece(of: path) { piece in
            var bytes = piece[...]
            if !reader.hasBegun {
                reader.begin(with: piece)
                if piece.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
            }
            for byte in bytes { try reader.take(byte, body) }
        }
        try reader.end(body)
    }

    private enum State { case atStart, inPlain, inQuotes, afterQuote }

    private let path: String
    private var delimiter: UInt8?
    private var state = State.atStart
    private var field: [UInt8] = []
    private var fields: [String] = []
    private var line = 1
    private var rowLine = 1
    private var previousWasReturn = false

    private init(path: String) { self.path = path }
    private var hasBegun: Bool { delimiter != nil }

    /// The delimiter is the one of `,`, `;` and tab that the header line has most of.
    private mutating func begin(with piece: UnsafeRawBufferPointer) {
        let header = piece.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        func count(of byte: UInt8) -> Int { header.count(where: { $0 == byte }) }
        let others = [UInt8(ascii: ";"), UInt8(ascii: "\t")]
        delimiter = others.reduce(UInt8(ascii: ",")) { count(of: $1) > count(of: $0) ? $1 : $0 }
    }

    private mutating func take(_ byte: UInt8, _ body: ([String], Int) throws -> Void) throws {
        defer { previousWasReturn = byte == UInt8(ascii: "\r") }
        let endsLine = byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
        let isSecondHalf = byte == UInt8(ascii: "\n") && previousWasReturn
        if state == .inQuotes {
            if endsLine, !isSecondHalf { line += 1 }
            if byte == UInt8(ascii: "\"") { return state = .afterQuote }
            return try append(byte)
        }
        if endsLine {
            if isSecondHalf { return rowLine = line }
            try endRow(body)
            line += 1
            rowLine = line
        } else if byte == delimiter {
            try endField()
        } else {
            try takeText(byte)
        }
    }

    private mutating func takeText(_ byte: UInt8) throws {
        switch (state, byte) {
        case (.atStart, UInt8(ascii: "\"")): state = .inQuotes
        case (.afterQuote, UInt8(ascii: "\"")):
            state = .inQuotes
            try append(byte)
        case (.afterQuote, _): throw broken("text stands after a closing quote")
        default:
            state = .inPlain
            try append(byte)
        }
    }

    private mutating func append(_ byte: UInt8) throws {
        guard field.count < Self.fieldByteCountMax else {
            throw broken("one field has more than \(ByteCount.format(Self.fieldByteCountMax)); a quote may be missing")
        }
        field.append(byte)
    }

    private mutating func endField() throws {
        guard let text = String(validating: field, as: UTF8.self) else {
            throw broken("text is not UTF-8", remedy: "save the file as UTF-8")
        }
        guard fields.count < Self.fieldCountMax else {
            throw broken("a row has more than \(Self.fieldCountMax) fields")
        }
        fields.append(text)
        field.removeAll(keepingCapacity: true)
        state = .atStart
    }

    private mutating func endRow(_ body: ([String], Int) throws -> Void) throws {
        if fields.isEmpty, field.isEmpty, state == .atStart { return }
        try endField()
        try body(fields, rowLine)
        fields.removeAll(keepingCapacity: true)
    }

    private mutating func end(_ body: ([String], Int) throws -> Void) throws {
        guard state != .inQuotes else {
            throw broken("the file ends inside of quotes that line \(rowLine) or a later one opens")
        }
        try endRow(body)
    }

    private func broken(_ what: String, remedy: String = "correct that line, or export the file again") -> GleanerError
    {
        GleanerError(.malformed, "\(path) is not valid CSV at line \(line): \(what)", remedy: remedy)
    }
}
