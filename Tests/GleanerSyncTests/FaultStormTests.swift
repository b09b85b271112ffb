#if Network
    import Foundation
    import GleanerCore
    import GleanerTesting
    import Testing

    @testable import GleanerSync

    /// Whatever a link and a server do, the receiver has what was acknowledged: each sample, whole, once.
    @Suite struct FaultStormTests {
        private typealias Kept = FaultStorm.Kept

        private func expect(_ outcome: FaultStorm.Outcome, _ found: [Kept]) {
            let kinds = Dictionary(grouping: outcome.played) { "\($0)".prefix { $0 != "(" } }.mapValues(\.count)
            print(
                "seed \(FaultStorm.seed): \(FaultStorm.scriptCount) scripts, \(outcome.attemptCount) attempts, "
                    + "\(outcome.acknowledged.count) samples acknowledged, \(outcome.played.count) faults: "
                    + kinds.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
            #expect(outcome.broken == [])
            #expect(Set(found).count == found.count, "nothing is there twice")
            #expect(Set(found) == Set(outcome.acknowledged), "seed \(FaultStorm.seed)")
        }

        @Test func aServerOfResumableUploadsHasWhatWasAcknowledged() async throws {
            let folder = try TemporaryFolder()
            let receiver = try ReceiverProcess(folder.folder("incoming"))
            let proxy = try FaultProxy(to: receiver.port)
            let chunkByteCount = 4096
            let destination = TusDestination(
                try TusAddress("http://127.0.0.1:\(proxy.port)/in"), chunkByteCountMax: chunkByteCount,
                patience: FaultStorm.patience)
            let storm = FaultStorm(
                proxy: proxy, destination: destination,
                // A chunk, and what lies before it in the same file, which is hashed again.
                byteCountResentMax: chunkByteCount + 3000, contents: receiver.contents)
            let outcome = try await storm.run(scripts: 0..<FaultStorm.scriptCount, seed: FaultStorm.seed)

            let found = try receiver.allContents().flatMap { try FaultStorm.kept(in: $0) }
            expect(outcome, found)
        }

        @Test(.enabled(if: SeaweedServer.command != nil || ProcessInfo.processInfo.environment["CI"] != nil))
        func aBucketHasWhatWasAcknowledged() async throws {
            let command = try #require(SeaweedServer.command, "GLEANER_WEED names no SeaweedFS: run Tests/run.sh")
            let server = try await SeaweedServer(command)
            let direct = try server.client("s3://field/storm")
            try await direct.waitForBucket()
            // The first object takes the store longer than the storm's patience: it makes room on the disk.
            _ = try await direct.put(S3Payload([1]), at: "first")
            let port = try #require(URL(string: server.endpoint)?.port)
            let proxy = try FaultProxy(to: port)
            let client = try server.client(
                "s3://field/storm", endpoint: "http://127.0.0.1:\(proxy.port)", patience: FaultStorm.patience)
            let storm = FaultStorm(
                proxy: proxy, destination: S3Destination(client: client), byteCountResentMax: 3000
            ) { try await direct.contents($0) }
            let outcome = try await storm.run(scripts: 0..<FaultStorm.scriptCount, seed: FaultStorm.seed)

            let found = try await direct.allContents().flatMap { try FaultStorm.kept(in: $0) }
            expect(outcome, found)
        }
    }
#endif
