#if Network
    import Foundation
    import GleanerCore
    import GleanerTesting
    import Testing

    @testable import GleanerSync

    extension SeaweedServer {
        /// A client with the right keys.
        func client(
            _ place: String, endpoint: String? = nil, accessKey: String = SeaweedServer.accessKey,
            secret: String = SeaweedServer.secret, aheadSeconds: Double = 0,
            patience: HTTPTransport.Patience = .usual
        ) throws -> S3Client {
            let file = try keyFile(accessKey: accessKey, secret: secret)
            return try S3Client(
                address: S3Address(place, endpoint: endpoint ?? self.endpoint, region: "us-east-1", style: nil),
                credentials: S3Credentials(origin: .file, file: file), authorities: nil, aheadSeconds: aheadSeconds,
                patience: patience)
        }
    }

    extension S3Client {
        /// Makes the bucket as soon as the store takes it; one that is there is fine.
        func waitForBucket() async throws {
            let deadline = ContinuousClock.now + .seconds(60)
            while true {
                do {
                    let answer = try await send("PUT", nil)
                    if answer.status != 409 { try require(answer, "making the bucket") }
                    return
                } catch {
                    guard ContinuousClock.now < deadline else { throw error }
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
        }

        /// The files of a test's batch by path; `nil` before its manifest is there.
        func contents(_ id: BatchID) async throws -> [String: [UInt8]]? {
            let folder = address.key("device=0011223344556677/date=2023-11-14/batch-\(id.short)/")
            let keys = try await list(folder).map(\.key)
            return keys.contains(folder + BatchManifest.fileName) ? try await contents(of: folder, keys) : nil
        }

        /// The files of every batch.
        func allContents() async throws -> [[String: [UInt8]]] {
            let keys = try await list(address.key("device=")).map(\.key)
            var found: [[String: [UInt8]]] = []
            for key in keys where key.hasSuffix("/\(BatchManifest.fileName)") {
                found.append(try await contents(of: String(key.dropLast(BatchManifest.fileName.count)), keys))
            }
            return found
        }

        private func contents(of folder: String, _ keys: [String]) async throws -> [String: [UInt8]] {
            var found: [String: [UInt8]] = [:]
            for key in keys where key.hasPrefix(folder) {
                found[String(key.dropFirst(folder.count))] = try await get(key, byteCountMax: 1 << 20)
            }
            return found
        }
    }

    /// Against a real store. Skipped without one, and failing where CI is set.
    @Suite(.serialized, .enabled(if: SeaweedServer.command != nil || ProcessInfo.processInfo.environment["CI"] != nil))
    struct S3DestinationTests {
        private func withBucket(
            _ body: (_ client: S3Client, _ name: String, _ server: SeaweedServer) async throws -> Void
        ) async throws {
            let command = try #require(SeaweedServer.command, "GLEANER_WEED names no SeaweedFS: run Tests/run.sh")
            let server = try await SeaweedServer(command)
            let client = try server.client("s3://field/some prefix")
            try await client.waitForBucket()
            try await body(client, "field", server)
        }

        @Test func itKeepsThePromisesOfADestination() async throws {
            try await withBucket { client, _, _ in
                let broken = try await DestinationContract.brokenPromises(
                    of: S3Destination(client: client)
                ) { try await client.contents($0) }
                #expect(broken == [])
            }
        }

        @Test func aLargeFileGoesUpInPartsAndOnWhereItWasCutOff() async throws {
            try await withBucket { client, _, _ in
                let destination = S3Destination(client: client, partByteCount: 5 << 20)
                let batch = try TestBatch(["shard.tar": (0..<13 << 20).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 5) }])
                let notes = TestNotes()
                func deliver() async -> String {
                    await failure { try await destination.deliver(batch, Delivery(notes: notes)).batch }
                }
                // Cut off before the third part: two are there, and are found by another process. Each is read by the
                // mebibyte for its digest, and then by the quarter as it is sent.
                batch.fail(afterReads: 2 * (5 + 4 * 5))
                #expect(await deliver().contains("CutOff"))
                let upload = try #require(notes["upload shard.tar"])
                let folder = "device=0011223344556677/date=2023-11-14/batch-\(batch.id.short)"
                let key = client.address.key("\(folder)/shard.tar")
                let parts = try #require(try await client.parts(of: upload, key))
                #expect(parts.mapValues(\.byteCount) == [1: 5 << 20, 2: 5 << 20])
                #expect(try await client.contents(batch.id) == nil)
                batch.fail(afterReads: nil)
                #expect(await deliver() == "no failure: \(batch.id.digest)")
                #expect(notes["upload shard.tar"] == nil)
                let stored = try await client.get(key, byteCountMax: 32 << 20)
                #expect(Digest(of: stored ?? []) == batch.manifest.files[0].sha256)
            }
        }

        @Test func aLargeFileThatIsNotWhatWasSealedLeavesNothing() async throws {
            try await withBucket { client, _, _ in
                let destination = S3Destination(client: client, partByteCount: 5 << 20)
                let batch = try TestBatch(["shard.tar": [UInt8](repeating: 3, count: 11 << 20)])
                batch.damage("shard.tar")
                let notes = TestNotes()
                let message = await failure { try await destination.deliver(batch, Delivery(notes: notes)) }
                #expect(message.hasPrefix("batch.damaged"))
                #expect(notes["upload shard.tar"] == nil)
                let objects = try await client.list(client.address.key("device="))
                #expect(objects == [])
            }
        }

        @Test func whatTheStoreDoesNotTakeIsSaidWithARemedy() async throws {
            try await withBucket { client, _, server in
                let stranger = S3Destination(client: try server.client("s3://field", secret: "wrong"))
                #expect(await failure { try await stranger.check() }.hasPrefix("destination.refused"))
                let nowhere = S3Destination(client: try server.client("s3://nobody"))
                #expect(await failure { try await nowhere.check() }.contains("no such bucket"))
                let batch = try TestBatch.make()
                let key = client.address.key(
                    "device=0011223344556677/date=2023-11-14/batch-\(batch.id.short)/\(BatchManifest.fileName)")
                _ = try await client.put(S3Payload(Array("{}".utf8)), at: key)
                let conflict = await failure {
                    try await S3Destination(client: client).deliver(batch, Delivery(notes: TestNotes()))
                }
                #expect(conflict.hasPrefix("batch.conflict"))
            }
        }

        @Test func whatWasChangedOnItsWayIsNotStored() async throws {
            try await withBucket { client, _, _ in
                let message = await failure {
                    let digest = Digest(of: Array("bytes".utf8))
                    return try await client.put(
                        S3Payload(body: .bytes(Array("other".utf8)), sha256: digest), at: "key")
                }
                #expect(message.hasPrefix("destination.offline"))
                let stored = try await client.get("key", byteCountMax: 10)
                #expect(stored == nil)
            }
        }

        @Test func aDeviceWhoseClockIsAnHourOffGoesByTheStoresClock() async throws {
            try await withBucket { client, _, server in
                for seconds in [-3600.0, 3600, 1e9] {
                    let skewed = try server.client("s3://field", aheadSeconds: seconds)
                    let batch = try TestBatch.make(number: 7 + Int(seconds))
                    let receipt = try await S3Destination(client: skewed)
                        .deliver(batch, Delivery(notes: TestNotes()))
                    #expect(receipt.batch == batch.id.digest)
                }
            }
        }

        @Test func anInboxHasWhatLiesThereForTheDevice() async throws {
            try await withBucket { client, _, _ in
                let destination = S3Destination(client: client)
                let device = DeviceID(rawValue: 7)
                func put(_ name: String, _ text: String) async throws {
                    let bytes = Array(text.utf8)
                    _ = try await client.put(S3Payload(bytes), at: client.address.key("inbox/\(name)"))
                }
                #expect(try await destination.items(for: device) == [])
                try await put("labels/csv/a & b.csv", "id,label\n")
                try await put("models/v2/model.json", "{}")
                try await put("models/v2/model.onnx", "onnx")
                try await put("device=0000000000000008/models/other.tar", "x")
                let items = try await destination.items(for: device).sorted { $0.name < $1.name }
                #expect(items.map(\.name) == ["labels/csv/a & b.csv", "models/v2"])
                #expect(items.map(\.byteCount) == [9, 6])
                let folder = try TemporaryFolder()
                let path = try await destination.fetch(items[1], into: folder.path)
                #expect(try String(contentsOfFile: "\(path)/model.onnx", encoding: .utf8) == "onnx")
                try await put("labels/csv/a & b.csv", "id,label\nmore\n")
                let changed = try await destination.items(for: device)
                #expect(!changed.contains { $0.tag == items[0].tag })
                try await destination.leave(Data("{}".utf8), named: "receipts/device=0000000000000007/x.json")
                let key = client.address.key("receipts/device=0000000000000007/x.json")
                #expect(try await client.get(key, byteCountMax: 10) == Array("{}".utf8))
            }
        }

        @Test func aStoreThatIsNotThereIsAway() async throws {
            let address = try S3Address("s3://field", endpoint: "http://127.0.0.1:9", region: "us-east-1", style: nil)
            let folder = try TemporaryFolder()
            try "[default]\naws_access_key_id=a\naws_secret_access_key=b\n"
                .write(toFile: "\(folder.path)/keys", atomically: true, encoding: .utf8)
            let client = try S3Client(
                address: address, credentials: S3Credentials(origin: .file, file: "\(folder.path)/keys"),
                authorities: nil)
            #expect(await failure { try await S3Destination(client: client).check() }.hasPrefix("destination.offline"))
        }
    }
#endif
