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

    static func exists(_ path: String, in folder: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(folder)/\(path)\(piecesSuffix)")
    }

    static func describe(
        _ path: String, in folder: String, picture: (SampleID) throws -> [UInt8]
    ) throws -> BatchManifest.File {
        var hasher = DigestHasher()
        var byteCount = 0
        try forEachPiece(of: path, in: folder, picture: picture) { bytes in
            hasher.update(bytes)
            byteCount += bytes.count
        }
        return BatchManifest.File(path: path, bytes: byteCount, sha256: hasher.finish())
    }

    /// Hands out the bytes of the whole file, in pieces.
    ///
    /// - Throws: ``GleanerError`` with code `batch.damaged` when a picture is not the one that was kept.
    static func forEachPiece(
        of path: String, in folder: String, picture: (SampleID) throws -> [UInt8],
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let literal = try InputFile.open("\(folder)/\(path)\(literalSuffix)", byteCountMax: .max)
        let list = "\(folder)/\(path)\(piecesSuffix)"
        var offset = 0
        try JSONLines.forEach(Piece.self, in: list) { piece in
            switch piece {
            case .literal(let count):
                try FilePieces.forEach(of: literal, from: offset, byteCount: count, named: path, body)
                offset += count
            case .picture(let id, let byteCount, let sha256):
                let bytes = try picture(id)
                guard bytes.count == byteCount, Digest(of: bytes) == sha256 else {
                    throw GleanerError(
                        .batchDamaged, "the picture of sample \(id) is not the one that was kept",
                        remedy: "the disk of the device may be failing; drop the sample and seal the batch again")
                }
                try bytes.withUnsafeBytes(body)
            }
        }
    }
}
