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
        var line: [UInt8] = []
        var number = 1
        try InputFile.forEachPiece(of: path) { piece in
            var rest = piece[...]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                line.append(contentsOf: rest[..<end])
                try body(CanonicalJSON.decode(from: Data(line), named: "\(path), line \(number),"))
                line.removeAll(keepingCapacity: true)
                number += 1
                rest = rest[(end + 1)...]
            }
            line.append(contentsOf: rest)
            guard line.count <= lineByteCountMax else {
                throw GleanerError(.malformed, "\(path), line \(number), has more than \(lineByteCountMax) bytes")
            }
        }
        guard line.isEmpty else { throw GleanerError(.malformed, "\(path) is cut off in line \(number)") }
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
