import Foundation
import GleanerCore

/// A file of a batch that has pictures in it, written without them.
///
/// Until a batch is delivered its pictures stay where they are, once. So a format that packs them writes two files
/// beside each other: `<path>.literal`, the bytes between the pictures, and `<path>.pieces`, a line a piece: so many
/// of these bytes, or a sample's picture. Whoever delivers the batch puts them together.
final class PackedFile {
    private enum Piece: Codable {
        case literal(Int)
        case picture(SampleID, bytes: Int, sha256: Digest)

        var byteCount: Int {
            switch self {
            case .literal(let count): count
            case .picture(_, let byteCount, _): byteCount
            }
        }

        private enum CodingKeys: String, CodingKey { case literal, picture, bytes, sha256 }
        init(from decoder: any Decoder) throws {
            let box = try decoder.container(keyedBy: CodingKeys.self)
            if let count = try box.decodeIfPresent(Int.self, forKey: .literal) {
                self = .literal(count)
            } else {
                self = .picture(
                    try box.decode(SampleID.self, forKey: .picture), bytes: try box.decode(Int.self, forKey: .bytes),
                    sha256: try box.decode(Digest.self, forKey: .sha256))
            }
        }
        func encode(to encoder: any Encoder) throws {
            var box = encoder.container(keyedBy: CodingKeys.self)
            switch self {
            case .literal(let count): try box.encode(count, forKey: .literal)
            case .picture(let id, let bytes, let sha256):
                try box.encode(id, forKey: .picture)
                try box.encode(bytes, forKey: .bytes)
                try box.encode(sha256, forKey: .sha256)
            }
        }
    }

    private static let literalSuffix = ".literal"
    private static let piecesSuffix = ".pieces"

    private let literal: BufferedFile
    private let pieces: BufferedFile
    private var waiting = 0
    private(set) var byteCount = 0

    init(_ path: String) throws {
        literal = try BufferedFile(path + Self.literalSuffix)
        pieces = try BufferedFile(path + Self.piecesSuffix)
    }

    func write(_ bytes: [UInt8]) throws {
        try literal.write(bytes)
        waiting += bytes.count
        byteCount += bytes.count
    }

    func writePicture(of sample: SampleRecord) throws {
        try endLiteral()
        try append(.picture(sample.id, bytes: sample.bytes, sha256: sample.sha256))
        byteCount += sample.bytes
    }

    func finish() throws {
        try endLiteral()
        try literal.finish()
        try pieces.finish()
    }

    private func endLiteral() throws {
        guard waiting > 0 else { return }
        try append(.literal(waiting))
        waiting = 0
    }

    private func append(_ piece: Piece) throws {
        try pieces.write(CanonicalJSON.encode(piece))
        try pieces.write("\n")
    }

    // MARK: Putting them together

    static func isPart(_ path: String) -> Bool { path.hasSuffix(literalSuffix) || path.hasSuffix(piecesSuffix) }

    /// The paths of all packed files below a folder.
    static func list(in tree: BatchTree) throws -> [String] {
        tree.files.filter { $0.hasSuffix(piecesSuffix) }.map { String($0.dropLast(piecesSuffix.count)) }
    }

    static func describe(
        _ path: String, in folder: String, picture: (SampleID) throws -> [UInt8]
    ) throws -> BatchManifest.File {
        var hasher = DigestHasher()
        let index = try Index(path, in: folder)
        let pieceByteCount = 4 << 20
        for offset in stride(from: 0, to: index.byteCount, by: pieceByteCount) {
            let count = min(pieceByteCount, index.byteCount - offset)
            let bytes = try index.read(at: offset, byteCount: count) { id, range in
                Array(try picture(id).dropFirst(range.lowerBound).prefix(range.count))
            }
            bytes.withUnsafeBytes { hasher.update($0) }
        }
        return BatchManifest.File(path: path, bytes: index.byteCount, sha256: hasher.finish())
    }

    /// Where the pieces of a packed file lie in the whole.
    struct Index: Sendable {
        private struct Entry {
            var offset: Int
            var piece: Piece
            /// Where a literal's bytes lie among all literals.
            var literalOffset: Int
        }
        private let path: String
        private let literalPath: String
        private var entries: [Entry] = []
        private(set) var byteCount = 0

        init(_ path: String, in folder: String) throws {
            self.path = path
            literalPath = "\(folder)/\(path)\(literalSuffix)"
            var literalOffset = 0
            try JSONLines.forEach(Piece.self, in: "\(folder)/\(path)\(piecesSuffix)") { piece in
                entries.append(Entry(offset: byteCount, piece: piece, literalOffset: literalOffset))
                if case .literal(let count) = piece { literalOffset += count }
                byteCount += piece.byteCount
            }
        }

        /// Bytes of the whole file.
        ///
        /// - Throws: ``GleanerError`` with code `batch.damaged` when a picture that is read whole is not the one that was
        ///   kept.
        func read(
            at offset: Int, byteCount: Int, picture: (SampleID, Range<Int>) throws -> [UInt8]
        ) throws -> [UInt8] {
            let wanted = offset..<offset + byteCount
            var bytes: [UInt8] = []
            bytes.reserveCapacity(byteCount)
            let literal = try InputFile.open(literalPath, byteCountMax: .max)
            var index = entries.partitioningIndex { $0.offset + $0.piece.byteCount > offset }
            while index < entries.count, entries[index].offset < wanted.upperBound {
                let entry = entries[index]
                let part = wanted.clamped(to: entry.offset..<entry.offset + entry.piece.byteCount)
                let begin = part.lowerBound - entry.offset
                switch entry.piece {
                case .literal:
                    try FilePieces.forEach(
                        of: literal, from: entry.literalOffset + begin, byteCount: part.count, named: path
                    ) { bytes.append(contentsOf: $0) }
                case .picture(let id, let count, let sha256):
                    let range = begin..<begin + part.count
                    let found = try picture(id, range)
                    guard found.count == part.count, part.count < count || Digest(of: found) == sha256 else {
                        throw GleanerError(
                            .batchDamaged, "the picture of sample \(id) is not the one that was kept",
                            remedy: "the disk of the device may be failing; its samples leave with the next batch")
                    }
                    bytes += found
                }
                index += 1
            }
            return bytes
        }
    }
}

extension Array {
    /// The first place from which on `isBehind` holds; it holds for no element before it.
    fileprivate func partitioningIndex(_ isBehind: (Element) -> Bool) -> Int {
        var range = 0..<count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = isBehind(self[middle]) ? range.lowerBound..<middle : middle + 1..<range.upperBound
        }
        return range.lowerBound
    }
}
