#if Network
    import Foundation
    import GleanerCore
    import Synchronization

    /// The requests of an object store that are needed here, signed.
    struct S3Client: Sendable {
        let address: S3Address
        private let credentials: S3Credentials
        private let transport: HTTPTransport
        /// How far the server's clock is ahead of this device's.
        private let clock: Clock

        private final class Clock: Sendable {
            let aheadSeconds: Mutex<Double>
            init(_ seconds: Double) { aheadSeconds = Mutex(seconds) }
        }

        /// - Parameter aheadSeconds: how far the server's clock is taken to be ahead until it says otherwise.
        init(
            address: S3Address, credentials: S3Credentials, authorities: String?, aheadSeconds: Double = 0,
            patience: HTTPTransport.Patience = .usual
        ) throws {
            clock = Clock(aheadSeconds)
            self.address = address
            self.credentials = credentials
            transport = try HTTPTransport(place: address.place, authorities: authorities, patience: patience)
        }

        /// Something that lies in the bucket.
        struct Object: Hashable, Sendable {
            var key: String
            var byteCount: Int
            /// Changes with its content.
            var tag: String
        }

        /// A part of an upload that the store has.
        struct Part: Hashable, Sendable {
            var number: Int
            var tag: String
            var sha256: Digest
        }

        typealias Headers = [(name: String, value: String)]
        private static let remedy = "check the bucket's name, and that the key may read, write and list there"

        // MARK: Objects

        /// Writes an object whole.
        ///
        /// - Parameter isNew: whether nothing of that name may be there.
        /// - Returns: `false` when there is something already.
        func put(
            _ payload: S3Payload, at key: String, isNew: Bool = false,
            admit: @escaping @Sendable (Int) async throws -> Void = { _ in }
        ) async throws -> Bool {
            var headers: Headers = [("x-amz-checksum-sha256", Self.base64(payload.sha256))]
            if isNew { headers.append(("if-none-match", "*")) }
            let answer = try await send("PUT", key, headers: headers, payload, admit: admit)
            if isNew, answer.status == 412 { return false }
            try require(answer, "putting '\(key)' there")
            return true
        }

        /// An object's bytes; `nil` when there is none.
        func get(_ key: String, byteCountMax: Int) async throws -> [UInt8]? {
            let answer = try await send("GET", key, bodyByteCountMax: byteCountMax)
            if answer.status == 404, Self.values(of: "Code", in: answer.text).first != "NoSuchBucket" { return nil }
            try require(answer, "getting '\(key)'")
            return answer.body
        }

        func download(_ object: Object, to path: String) async throws {
            let request = try await signed("GET", object.key)
            let answer = try await transport.download(request, to: path, byteCountMax: object.byteCount)
            try require(answer, "getting '\(object.key)'")
        }

        /// All objects whose key begins so.
        ///
        /// - Parameters:
        ///   - after: only those that come later in the order of their bytes.
        ///   - countMax: stops after so many.
        func list(_ prefix: String, after: String? = nil, countMax: Int = .max) async throws -> [Object] {
            var objects: [Object] = []
            var token: String?
            repeat {
                var query = [("list-type", "2"), ("prefix", prefix), ("encoding-type", "url")]
                if let after { query.append(("start-after", after)) }
                if let token { query.append(("continuation-token", token)) }
                if countMax < 1000 { query.append(("max-keys", "\(countMax)")) }
                let answer = try await send("GET", nil, query: query)
                try require(answer, "listing the bucket")
                let text = String(decoding: answer.body, as: UTF8.self)
                for entry in Self.values(of: "Contents", in: text) {
                    guard
                        let key = Self.values(of: "Key", in: entry).first?.replacing("+", with: " ")
                            .removingPercentEncoding,
                        let size = Self.values(of: "Size", in: entry).first.flatMap({ Int($0) })
                    else { continue }
                    objects.append(
                        Object(key: key, byteCount: size, tag: Self.values(of: "ETag", in: entry).first ?? ""))
                }
                token = Self.values(of: "NextContinuationToken", in: text).first.map(Self.unescaped)
            } while token != nil && objects.count < countMax
            return objects
        }

        // MARK: Uploads in parts

        /// Begins an upload; returns its name.
        func beginUpload(_ key: String) async throws -> String {
            let answer = try await send(
                "POST", key, query: [("uploads", "")], headers: [("x-amz-checksum-algorithm", "SHA256")])
            try require(answer, "beginning to upload '\(key)'")
            guard let id = Self.values(of: "UploadId", in: answer.text).first.map(Self.unescaped), !id.isEmpty else {
                throw GleanerError(
                    .destinationRefused, "\(address.place) begins an upload without naming it",
                    remedy: "check that the endpoint is an S3 store")
            }
            return id
        }

        /// The parts that are there, by number; `nil` when the upload is not known any more.
        func parts(of upload: String, _ key: String) async throws -> [Int: (byteCount: Int, tag: String)]? {
            var parts: [Int: (byteCount: Int, tag: String)] = [:]
            var marker: String?
            repeat {
                var query = [("uploadId", upload)]
                if let marker { query.append(("part-number-marker", marker)) }
                let answer = try await send("GET", key, query: query)
                if answer.status == 404 { return nil }
                try require(answer, "listing the parts of '\(key)'")
                let text = String(decoding: answer.body, as: UTF8.self)
                for entry in Self.values(of: "Part", in: text) {
                    guard let number = Self.values(of: "PartNumber", in: entry).first.flatMap({ Int($0) }),
                        let size = Self.values(of: "Size", in: entry).first.flatMap({ Int($0) }),
                        let tag = Self.values(of: "ETag", in: entry).first.map(Self.unescaped)
                    else { continue }
                    parts[number] = (size, tag)
                }
                let isCut = Self.values(of: "IsTruncated", in: text).first == "true"
                marker = isCut ? Self.values(of: "NextPartNumberMarker", in: text).first : nil
            } while marker != nil
            return parts
        }

        /// Sends a part; returns what the store calls it.
        func putPart(
            _ payload: S3Payload, _ number: Int, of upload: String, _ key: String,
            admit: @escaping @Sendable (Int) async throws -> Void
        ) async throws -> Part {
            let answer = try await send(
                "PUT", key, query: [("partNumber", "\(number)"), ("uploadId", upload)],
                headers: [("x-amz-checksum-sha256", Self.base64(payload.sha256))], payload, admit: admit)
            try require(answer, "putting part \(number) of '\(key)' there")
            return Part(number: number, tag: answer.headers["etag"] ?? "", sha256: payload.sha256)
        }

        func completeUpload(_ upload: String, _ key: String, _ parts: [Part]) async throws {
            let lines = parts.map {
                "<Part><PartNumber>\($0.number)</PartNumber><ETag>\($0.tag)</ETag>"
                    + "<ChecksumSHA256>\(Self.base64($0.sha256))</ChecksumSHA256></Part>"
            }
            let list = "<CompleteMultipartUpload>\(lines.joined())</CompleteMultipartUpload>"
            let answer = try await send("POST", key, query: [("uploadId", upload)], S3Payload(Array(list.utf8)))
            try require(answer, "completing '\(key)'")
            // It may fail after it has begun to answer with 200.
            guard !answer.text.contains("<Error>") else {
                throw GleanerError(
                    .destinationOffline, "\(address.place) could not complete '\(key)'",
                    cause: ServerAnswer(status: answer.status, text: answer.text))
            }
        }

        func abortUpload(_ upload: String, _ key: String) async throws {
            _ = try await send("DELETE", key, query: [("uploadId", upload)])
        }

        // MARK: Sending

        func send(
            _ method: String, _ key: String?, query: Headers = [], headers: Headers = [],
            _ payload: S3Payload = S3Payload([]), bodyByteCountMax: Int = 8 << 20,
            admit: @escaping @Sendable (Int) async throws -> Void = { _ in }
        ) async throws -> HTTPAnswer {
            func once() async throws -> HTTPAnswer {
                let request = try await signed(method, key, query: query, headers: headers, payload)
                return try await transport.send(request, bodyByteCountMax: bodyByteCountMax, admit: admit)
            }
            let answer = try await once()
            guard answer.status == 403, Self.values(of: "Code", in: answer.text).first == "RequestTimeTooSkewed",
                let theirs = answer.headers["date"].flatMap(HTTPDate.parse)
            else { return answer }
            // A device without a battery for its clock wakes up in another year: the store's clock serves for signing.
            clock.aheadSeconds.withLock { $0 = theirs.timeIntervalSinceNow }
            return try await once()
        }

        private func signed(
            _ method: String, _ key: String?, query: Headers = [], headers: Headers = [],
            _ payload: S3Payload = S3Payload([])
        ) async throws -> HTTPRequest {
            let path = address.path(of: key ?? "")
            let signature = S3Signature(keys: try await credentials.keys(), region: address.region)
            let all = headers + [("host", address.host)]
            let added = signature.headers(
                method: method, path: path, query: query, headers: all, payload: payload.sha256,
                at: Date(timeIntervalSinceNow: clock.aheadSeconds.withLock { $0 }))
            return HTTPRequest(
                method, address.url(path: path, query: S3Signature.encoded(query)), headers: all + added,
                body: payload.body)
        }

        func require(_ answer: HTTPAnswer, _ what: String) throws {
            guard !answer.isSuccess else { return }
            var failure = answer.failure(of: what, at: address.place, remedy: Self.remedy)
            switch Self.values(of: "Code", in: answer.text).first {
            case "NoSuchBucket":
                failure.message = "\(address.place): there is no such bucket"
                failure.remedy = "make it, or correct its name"
            case "RequestTimeTooSkewed": failure.remedy = "set the device's clock"
            // What was sent was changed on its way, or two of us met: both pass.
            case "BadDigest", "XAmzContentSHA256Mismatch", "ConditionalRequestConflict", "OperationAborted":
                failure.code = .destinationOffline
            case "SlowDown", "Throttling", "RequestLimitExceeded": failure.code = .destinationThrottled
            default: break
            }
            throw failure
        }

        private static func base64(_ digest: Digest) -> String { Data(digest.bytes).base64EncodedString() }

        /// What stands between the tags of a name. A store's answers are flat enough for that, and we ask for keys encoded.
        static func values(of tag: String, in text: some StringProtocol) -> [String] {
            text.components(separatedBy: "<\(tag)>").dropFirst().compactMap { rest in
                rest.range(of: "</\(tag)>").map { String(rest[..<$0.lowerBound]) }
            }
        }

        static func unescaped(_ text: String) -> String {
            [("&quot;", "\""), ("&#34;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")]
                .reduce(text) { $0.replacing($1.0, with: $1.1) }
        }
    }
#endif
