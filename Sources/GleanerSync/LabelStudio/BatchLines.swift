#if Network
    import Foundation
    import GleanerCore

    /// The lines of one file of a batch, from its beginning to its end; only one is in memory.
    struct BatchLines {
        private let batch: any SealedBatch
        private let file: BatchManifest.File
        private var offset = 0
        private var buffer: [UInt8] = []
        /// Where the next line begins in the buffer.
        private var start = 0

        private static let pieceByteCount = 256 << 10
        private static let lineByteCountMax = 16 << 20

        init(_ file: BatchManifest.File, of batch: any SealedBatch) {
            self.batch = batch
            self.file = file
        }

        /// The next line without its end; `nil` after the last one.
        mutating func next() throws -> [UInt8]? {
            var searched = start
            while true {
                if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                    defer { start = end + 1 }
                    return Array(buffer[start..<end])
                }
                searched = buffer.count - start
                guard try fill() else { break }
            }
            defer { start = buffer.count }
            return start < buffer.count ? Array(buffer[start...]) : nil
        }

        /// - Returns: whether there was more.
        private mutating func fill() throws -> Bool {
            guard offset < file.bytes else { return false }
            buffer.removeFirst(start)
            start = 0
            guard buffer.count < Self.lineByteCountMax else {
                throw GleanerError(
                    .destinationRejected, "a line of '\(file.path)' has more than \(Self.lineByteCountMax) bytes",
                    remedy: "a prediction cannot be that long: look at the model's outputs")
            }
            let piece = try batch.read(file, at: offset, byteCount: min(Self.pieceByteCount, file.bytes - offset))
            offset += piece.count
            buffer += piece
            return true
        }
    }
#endif
