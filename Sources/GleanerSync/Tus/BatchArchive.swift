#if Network
    import GleanerCore

    /// The tar of a batch as a row of bytes, none of which is stored: the same at every attempt.
    ///
    /// Entries lie below `batch-<short id>/`, the manifest last.
    struct BatchArchive: Sendable {
        struct Entry: Sendable {
            let file: BatchManifest.File
            /// Where its header begins, and where its content does.
            let begin: Int
            let contentBegin: Int
            /// Bytes of the files before it.
            let byteCountBefore: Int

            var contentEnd: Int { contentBegin + file.bytes }
        }

        let batch: any SealedBatch
        let entries: [Entry]
        /// Of the whole archive.
        let byteCount: Int
        private let folder: String

        init(_ batch: any SealedBatch) {
            self.batch = batch
            folder = "batch-\(batch.id.short)"
            let manifest = BatchManifest.File(
                path: BatchManifest.fileName, bytes: batch.manifestData.count, sha256: batch.id.digest)
            var (offset, before) = (0, 0)
            entries = (batch.manifest.files + [manifest]).map { [folder] file in
                let header = Self.header(of: file, in: folder)
                let entry = Entry(
                    file: file, begin: offset, contentBegin: offset + header.count, byteCountBefore: before)
                offset = entry.contentEnd + TarBlocks.padding(after: file.bytes).count
                before += file.bytes
                return entry
            }
            byteCount = offset + TarBlocks.end.count
        }

        /// How many bytes of the batch's files lie before an offset.
        func fileByteCount(before offset: Int) -> Int {
            guard let index = index(at: offset) else { return batch.byteCount }
            let entry = entries[index]
            return entry.byteCountBefore + min(max(offset - entry.contentBegin, 0), entry.file.bytes)
        }

        /// The entry that an offset lies in, with its header and padding; `nil` in what ends the archive.
        func index(at offset: Int) -> Int? {
            guard offset < byteCount - TarBlocks.end.count else { return nil }
            // The last that begins at or before it, by halving.
            var (low, high) = (0, entries.count)
            while low < high {
                let middle = (low + high) / 2
                if entries[middle].begin <= offset { low = middle + 1 } else { high = middle }
            }
            return low - 1
        }

        func header(of entry: Entry) -> [UInt8] { Self.header(of: entry.file, in: folder) }

        private static func header(of file: BatchManifest.File, in folder: String) -> [UInt8] {
            TarBlocks.header(name: "\(folder)/\(file.path)", byteCount: file.bytes)
        }

        /// Bytes of an entry's content.
        func content(of entry: Entry, at offset: Int, byteCount: Int) throws -> [UInt8] {
            guard entry.file.path == BatchManifest.fileName else {
                return try batch.read(entry.file, at: offset, byteCount: byteCount)
            }
            return Array(batch.manifestData.dropFirst(offset).prefix(byteCount))
        }
    }

    /// Reads an archive from some offset to its end, and checks every file before it hands out the last of it.
    struct BatchArchiveReader: Sendable {
        private let archive: BatchArchive
        /// Of the next byte.
        private(set) var offset: Int
        /// Of the current file, up to the offset.
        private var hasher = DigestHasher()

        private static let pieceByteCount = 256 << 10

        /// What lies before the offset in the same file is read too, for its digest.
        ///
        /// - Throws: ``GleanerError`` as ``SealedBatch/read(_:at:byteCount:)`` does, or `CancellationError`.
        init(_ archive: BatchArchive, at offset: Int, _ cancellation: Cancellation = Cancellation()) throws {
            self.archive = archive
            self.offset = offset
            guard let entry = archive.index(at: offset).map({ archive.entries[$0] }), offset < entry.contentEnd else {
                return
            }
            for begin in stride(from: entry.contentBegin, to: offset, by: Self.pieceByteCount) {
                try cancellation.check()
                let count = min(Self.pieceByteCount, offset - begin)
                hash(try archive.content(of: entry, at: begin - entry.contentBegin, byteCount: count))
            }
        }

        /// The next bytes: as many as asked for, fewer only at the end.
        ///
        /// - Throws: ``GleanerError`` with code `batch.damaged` when a file that ends in them is not what was sealed.
        mutating func read(_ byteCount: Int) throws -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(byteCount)
            while bytes.count < byteCount, offset < archive.byteCount {
                let piece = try piece(byteCount - bytes.count)
                bytes += piece
                offset += piece.count
            }
            return bytes
        }

        /// At most so many bytes of the one thing that comes next: a header, a file's content, padding or the end.
        private mutating func piece(_ byteCountMax: Int) throws -> [UInt8] {
            guard let index = archive.index(at: offset) else {
                return [UInt8](repeating: 0, count: min(byteCountMax, archive.byteCount - offset))
            }
            let entry = archive.entries[index]
            if offset < entry.contentBegin {
                return Array(archive.header(of: entry).dropFirst(offset - entry.begin).prefix(byteCountMax))
            }
            if offset < entry.contentEnd { return try content(of: entry, byteCountMax) }
            let padding = TarBlocks.padding(after: entry.file.bytes)
            return Array(padding.dropFirst(offset - entry.contentEnd).prefix(byteCountMax))
        }

        private mutating func content(of entry: BatchArchive.Entry, _ byteCountMax: Int) throws -> [UInt8] {
            let count = min(byteCountMax, entry.contentEnd - offset)
            let bytes = try archive.content(of: entry, at: offset - entry.contentBegin, byteCount: count)
            hash(bytes)
            if offset + count == entry.contentEnd {
                guard hasher.finish() == entry.file.sha256 else { throw GleanerError.unsealed(entry.file) }
                hasher = DigestHasher()
            }
            return bytes
        }

        private mutating func hash(_ bytes: [UInt8]) { bytes.withUnsafeBytes { hasher.update($0) } }
    }
#endif
