#if Network
    import Foundation
    import GleanerCore
    import GleanerTesting

    @testable import GleanerSync

    /// Delivers a batch for each of many random scripts of faults, and compares what the receiver has with what was
    /// acknowledged.
    struct FaultStorm {
        /// A picture that somebody has.
        struct Kept: Hashable {
            var sample: String
            var digest: Digest
        }
        struct Outcome {
            /// A sentence for each promise that was broken.
            var broken: [String] = []
            var acknowledged: [Kept] = []
            var attemptCount = 0
            var played: [Fault] = []
        }

        /// Scripts for a storm: 5,000 before a release, fewer in everyday's runs.
        static let scriptCount = ProcessInfo.processInfo.environment["GLEANER_SCRIPTS"].flatMap { Int($0) } ?? 150
        /// Printed by each storm, and played again where it is set.
        static let seed =
            ProcessInfo.processInfo.environment["GLEANER_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...9_999_999)
        /// Black holes are given up soon.
        static let patience = HTTPTransport.Patience(connectSeconds: 2, silenceSeconds: 0.5, answerSecondsMax: 5)

        let proxy: FaultProxy
        /// Through the proxy.
        let destination: any Destination
        /// The most that may be read again after a cut.
        let byteCountResentMax: Int
        /// What consumers find of a batch; `nil` before it is there.
        let contents: (BatchID) async throws -> [String: [UInt8]]?

        private static let pictureByteCount = 3000
        private static let allowed: Set<GleanerError.Code> = [
            .destinationOffline, .destinationThrottled, .destinationRejected, .destinationRefused, .batchConflict,
        ]

        func run(scripts: Range<Int>, seed: UInt64) async throws -> Outcome {
            var outcome = Outcome()
            for script in scripts { try await play(script, seed: seed, &outcome) }
            return outcome
        }

        private func play(_ script: Int, seed: UInt64, _ outcome: inout Outcome) async throws {
            var numbers = RandomBytes(seed: seed &* 1_000_003 &+ UInt64(script))
            let batch = try Self.batch(script, pictureCount: .random(in: 1...4, using: &numbers))
            let faults = (0..<Int.random(in: 1...7, using: &numbers)).map { _ in
                Fault.random(byteCount: batch.byteCount + 3000, using: &numbers)
            }
            func broken(_ what: String) {
                outcome.broken.append("script \(script) of seed \(seed): \(what); faults: \(faults)")
            }
            let notes = TestNotes()
            proxy.play(faults)
            let attemptsMax = 3 * faults.count + 20
            var attempts = 0
            while true {
                attempts += 1
                do {
                    let receipt = try await destination.deliver(batch, Delivery(notes: notes))
                    if receipt.batch != batch.id.digest { broken("the receipt is for another batch") }
                    break
                } catch let error as GleanerError where Self.allowed.contains(error.code) {
                    guard attempts < attemptsMax else { return broken("it never ends: \(error)") }
                } catch {
                    return broken("attempt \(attempts) failed with \(error)")
                }
                if let there = try await contents(batch.id), !batch.isWhole(there) {
                    broken("consumers see half of it")
                }
            }
            outcome.attemptCount += attempts
            outcome.played += proxy.played
            outcome.acknowledged += Self.kept(in: batch)
            guard let there = try await contents(batch.id), batch.isWhole(there) else {
                return broken("it was acknowledged and is not there whole")
            }
            // Who is told that nothing is there sends it again.
            let lieCount = proxy.played.count(where: \.isLie)
            let cutCount = attempts - 1 + proxy.played.count
            let most = (1 + lieCount) * (batch.byteCount - batch.manifestData.count) + cutCount * byteCountResentMax
            let read = batch.takeByteCountRead()
            if read > most { broken("\(read) bytes were read, and \(most) would do in \(cutCount) cuts") }
        }

        private static func batch(_ script: Int, pictureCount: Int) throws -> TestBatch {
            var files: [String: [UInt8]] = [:]
            var lines = ""
            for index in 0..<pictureCount {
                let name = "sample-\(script)-\(index)"
                lines += "{\"id\":\"\(name)\",\"file\":\"frames/\(name).png\"}\n"
                files["frames/\(name).png"] = (0..<pictureByteCount).map {
                    UInt8(truncatingIfNeeded: $0 &* 31 &+ index &* 7 &+ script)
                }
            }
            files[BatchManifest.samplesFileName] = Array(lines.utf8)
            return try TestBatch(files, number: script + 1)
        }

        private static func kept(in batch: TestBatch) -> [Kept] {
            batch.manifest.files.filter { $0.path.hasPrefix("frames/") }.map {
                Kept(sample: String($0.path.dropFirst("frames/".count).dropLast(".png".count)), digest: $0.sha256)
            }
        }

        /// The pictures of a batch as its consumer finds them, by its lines.
        static func kept(in contents: [String: [UInt8]]) throws -> [Kept] {
            struct Line: Decodable {
                var id: String
                var file: String
            }
            let lines = contents[BatchManifest.samplesFileName]?.split(separator: UInt8(ascii: "\n")) ?? []
            return try lines.map { bytes in
                let line: Line = try CanonicalJSON.decode(from: Data(bytes), named: "a line")
                return Kept(sample: line.id, digest: Digest(of: contents[line.file] ?? []))
            }
        }
    }
#endif
