#if Network
    import Foundation
    import GleanerCore
    import Synchronization

    /// A bucket of any S3 store.
    ///
    /// Objects lie below `device=<id>/date=<day>/batch-<id>/`. Each is checked by the store against its digest as it
    /// arrives; the manifest comes last and only where there is none: it is the mark that the batch is whole. Large files
    /// go up in parts, and an upload that was cut off goes on, also after a restart.
    struct S3Destination: Destination {
        let client: S3Client
        /// Files up to this size go up whole, larger ones in parts of it. Stores take no smaller parts than 5 MiB.
        let partByteCount: Int

        /// At most so many objects are on their way at once, and so many bytes of them in memory.
        private static let requestCountMax = 8
        private static let byteCountMax = 8 << 20
        /// When a link is slow, more than this is never lost by a cut, unless it is one object.
        private static let byteCountOfSlowLink = 256 << 10
        private static let quickSeconds = 0.25
        private static let slowSeconds = 1.0

        init(client: S3Client, partByteCount: Int = 8 << 20) {
            self.client = client
            self.partByteCount = partByteCount
        }

        var place: String { client.address.place }

        func check() async throws { _ = try await client.list(client.address.key(""), countMax: 1) }

        func deliver(_ batch: any SealedBatch, _ delivery: Delivery) async throws -> Receipt {
            let folder = client.address.key("\(BatchPath.partition(of: batch))/batch-\(batch.id.short)")
            let manifestKey = "\(folder)/\(BatchManifest.fileName)"
            let there = try await byteCounts(in: folder)
            if there[manifestKey] == nil {
                try await putAll(batch, in: folder, there: there, delivery)
                try await requireAll(batch, in: folder)
                let isOurs = try await client.put(
                    S3Payload([UInt8](batch.manifestData)), at: manifestKey, isNew: true, admit: delivery.admit)
                if isOurs { delivery.progress(batch.manifestData.count) }
            }
            // Read back: whatever the store promises, this is what consumers will see.
            guard let found = try await client.get(manifestKey, byteCountMax: 256 << 20) else {
                throw lost(manifestKey)
            }
            guard Digest(of: found) == batch.id.digest else {
                throw GleanerError(
                    .batchConflict, "\(place)/\(manifestKey) is there already and is another thing",
                    remedy: "move it away; the batch is delivered again then")
            }
            return Receipt(batch: batch.id.digest, place: "\(place)/\(folder.dropFirst(prefixCount))")
        }

        private var prefixCount: Int { client.address.key("").count }

        /// Puts every file that is not there, several at a time: few bytes of them over a slow link, where a cut loses what
        /// is on its way, and many over a quick one.
        private func putAll(
            _ batch: any SealedBatch, in folder: String, there: [String: Int], _ delivery: Delivery
        ) async throws {
            try await withThrowingTaskGroup(of: Sent.self) { group in
                var window = Self.byteCountOfSlowLink
                var requestCount = 0
                var byteCount = 0
                var failure: (any Error)?
                /// Waits for one to end. One that fails ends no other: what is on its way may arrive.
                func finishOne() async {
                    requestCount -= 1
                    switch await group.nextResult() {
                    case .success(let sent)?:
                        byteCount -= sent.byteCount
                        if sent.seconds < Self.quickSeconds {
                            window = min(2 * window, Self.byteCountMax)
                        } else if sent.seconds > Self.slowSeconds {
                            window = Self.byteCountOfSlowLink
                        }
                    case .failure(let error)?: failure = failure ?? error
                    case nil: break
                    }
                }
                for file in batch.manifest.files {
                    let key = "\(folder)/\(file.path)"
                    // Nothing ever lies below a batch's name but what it consists of.
                    if there[key] == file.bytes {
                        delivery.progress(file.bytes)
                        continue
                    }
                    let weight = min(file.bytes, partByteCount)
                    while requestCount > 0, requestCount == Self.requestCountMax || byteCount + weight > window {
                        await finishOne()
                    }
                    if failure != nil { break }
                    requestCount += 1
                    byteCount += weight
                    group.addTask {
                        let begin = ContinuousClock.now
                        try await put(file, of: batch, at: key, delivery)
                        return Sent(byteCount: weight, seconds: (ContinuousClock.now - begin) / .seconds(1))
                    }
                }
                while requestCount > 0 { await finishOne() }
                if let failure { throw failure }
            }
        }

        /// An object that has arrived.
        private struct Sent: Sendable {
            var byteCount: Int
            var seconds: Double
        }

        /// What lies in a folder, by key.
        private func byteCounts(in folder: String) async throws -> [String: Int] {
            Dictionary(
                try await client.list("\(folder)/").map { ($0.key, $0.byteCount) },
                uniquingKeysWith: { first, _ in first })
        }

        /// An answer may come from somebody who is not the store, as the login page of a wireless network does: what
        /// counts is what the store shows. Then only the mark is made.
        private func requireAll(_ batch: any SealedBatch, in folder: String) async throws {
            let there = try await byteCounts(in: folder)
            for file in batch.manifest.files where there["\(folder)/\(file.path)"] != file.bytes {
                throw lost("\(folder)/\(file.path)")
            }
        }

        private func lost(_ key: String) -> GleanerError {
            GleanerError(
                .destinationRejected, "\(place) took '\(key)' and does not show it",
                remedy: "look at what answers there: a proxy or a login page may stand before the store")
        }

        private func put(
            _ file: BatchManifest.File, of batch: any SealedBatch, at key: String, _ delivery: Delivery
        ) async throws {
            guard file.bytes <= partByteCount else {
                return try await PartedUpload(client: client, batch: batch, file: file, key: key, delivery: delivery)
                    .run(partByteCount: max(partByteCount, (file.bytes + 9_999) / 10_000))
            }
            let payload = S3Payload(0..<file.bytes, of: file, in: batch, sha256: file.sha256)
            _ = try await client.put(payload, at: key, admit: delivery.admit)
            delivery.progress(file.bytes)
        }
    }

    /// One large file on its way, part by part.
    private struct PartedUpload {
        let client: S3Client
        let batch: any SealedBatch
        let file: BatchManifest.File
        let key: String
        let delivery: Delivery

        private var note: String { "upload \(file.path)" }

        func run(partByteCount: Int) async throws {
            let (upload, there) = try await resumed()
            var parts: [S3Client.Part] = []
            var hasher = DigestHasher()
            for offset in stride(from: 0, to: file.bytes, by: partByteCount) {
                let range = offset..<min(offset + partByteCount, file.bytes)
                let sha256 = try await digest(of: range, &hasher)
                let number = parts.count + 1
                if let known = there[number], known.byteCount == range.count {
                    parts.append(S3Client.Part(number: number, tag: known.tag, sha256: sha256))
                } else {
                    let payload = S3Payload(range, of: file, in: batch, sha256: sha256)
                    parts.append(try await client.putPart(payload, number, of: upload, key, admit: delivery.admit))
                }
                delivery.progress(range.count)
            }
            guard hasher.finish() == file.sha256 else {
                try await client.abortUpload(upload, key)
                try delivery.notes.set(note, to: nil)
                throw GleanerError.unsealed(file)
            }
            do {
                try await client.completeUpload(upload, key, parts)
            } catch let error as GleanerError where error.code == .destinationRejected {
                // What is there is not what we think: begin anew next time.
                try delivery.notes.set(note, to: nil)
                throw error
            }
            try delivery.notes.set(note, to: nil)
        }

        /// Reads a part for its digest, which has to be known before it is sent.
        ///
        /// - Parameter whole: takes the bytes, too.
        private func digest(of range: Range<Int>, _ whole: inout DigestHasher) async throws -> Digest {
            let begun = whole
            let found: (part: Digest, whole: DigestHasher) = try await blocking { cancellation in
                var whole = begun
                var part = DigestHasher()
                try batch.forEachUncheckedPiece(of: file, in: range) { piece in
                    try cancellation.check()
                    piece.withUnsafeBytes {
                        part.update($0)
                        whole.update($0)
                    }
                }
                return (part.finish(), whole)
            }
            whole = found.whole
            return found.part
        }

        /// The upload that was begun before, with the parts that are there; or a new one.
        private func resumed() async throws -> (upload: String, parts: [Int: (byteCount: Int, tag: String)]) {
            if let upload = delivery.notes[note], let parts = try await client.parts(of: upload, key) {
                return (upload, parts)
            }
            let upload = try await client.beginUpload(key)
            try delivery.notes.set(note, to: upload)
            return (upload, [:])
        }
    }
#endif
