import Foundation
public import GleanerCore

/// Files with one JSON document on each line.
enum JSONLines {
    private static let lineByteCountMax = 4 << 20

    /// Hands out the documents in their order; only one is in memory at a time.
    ///
    /// - Throws: ``GleanerError`` with code `document.malformed` naming the line.
    static func forEach<Document: Decodable>(
        _ type: Document.Type, in path: String, _ body: (Document) throws -> Void
    ) throws {
        let last = try forEachLine(in: path) { line, number in
            try body(CanonicalJSON.decode(from: line, named: "\(path), line \(number),"))
        }
        guard last.isEmpty else { throw GleanerError(.malformed, "\(path) is cut off in its last line") }
    }

    /// Hands out the lines of a file that others wrote: blank ones are passed over, and the last needs no end.
    static func forEachForeignLine(in path: String, _ body: (_ line: Data, _ number: Int) throws -> Void) throws {
        var count = 0
        let isBlank = { (line: Data) in line.allSatisfy { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 } }
        let last = try forEachLine(in: path) { line, number in
            count = number
            if !isBlank(line) { try body(line, number) }
        }
        if !isBlank(last) { try body(last, count + 1) }
    }

    /// - Returns: what follows the last line's end.
    private static func forEachLine(in path: String, _ body: (Data, Int) throws -> Void) throws -> Data {
        var line: [UInt8] = []
        var number = 1
        try InputFile.forEachPiece(of: path) { piece in
            var rest = piece[...]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                line.append(contentsOf: rest[..<end])
                try body(Data(line), number)
                line.removeAll(keepingCapacity: true)
                number += 1
                rest = rest[(end + 1)...]
            }
            line.append(contentsOf: rest)
            guard line.count <= lineByteCountMax else {
                throw GleanerError(.malformed, "\(path), line \(number), has more than \(lineByteCountMax) bytes")
            }
        }
        return Data(line)
    }
}

/// The lines of a `samples.jsonl`.
public enum SampleLines {
    /// Hands out the samples in their order; only one is in memory at a time.
    ///
    /// - Throws: ``GleanerError`` with code `document.malformed` naming the line.
    public static func forEach(in path: String, _ body: (SampleRecord) throws -> Void) throws {
        try JSONLines.forEach(SampleRecord.self, in: path, body)
    }
}
