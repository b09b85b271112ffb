#if Network
    import GleanerCore
    import Synchronization

    /// What is sent to a store, and its digest: the request is signed with it, and the store checks what arrives.
    struct S3Payload: Sendable {
        var body: HTTPBody
        var sha256: Digest
    }

    extension S3Payload {
        init(_ bytes: [UInt8]) { self.init(body: .bytes(bytes), sha256: Digest(of: bytes)) }

        /// A file of a batch, or a part of it, which is read as it is sent. Should it not be what was sealed, the request
        /// breaks off before its end.
        ///
        /// - Parameter sha256: of the bytes in the range.
        init(_ range: Range<Int>, of file: BatchManifest.File, in batch: any SealedBatch, sha256: Digest) {
            body = .read(byteCount: range.count) {
                let check = RunningDigest()
                return { part in
                    let bytes = try await blocking { _ in
                        try batch.read(file, at: range.lowerBound + part.lowerBound, byteCount: part.count)
                    }
                    check.update(bytes)
                    guard part.upperBound < range.count || check.digest == sha256 else {
                        throw GleanerError.unsealed(file)
                    }
                    return bytes
                }
            }
            self.sha256 = sha256
        }
    }

    private final class RunningDigest: Sendable {
        private let hasher = Mutex(DigestHasher())

        func update(_ bytes: [UInt8]) {
            hasher.withLock { hasher in bytes.withUnsafeBytes { hasher.update($0) } }
        }

        var digest: Digest { hasher.withLock { $0.finish() } }
    }
#endif
