import Foundation
import GleanerCore
import GleanerStore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Times the queue of a deployment, and prints one JSON object.
///
///     StoreBench write FOLDER COUNT BYTES      durable frames beside a plain loop that writes and flushes a file each
///     StoreBench grow FOLDER COUNT             fills it up to so many samples of 1 KB
///     StoreBench enqueue FOLDER GROUPS         how long groups of 64 such samples take, and a page of a list
@main
struct StoreBench {
    private static let model = ModelID(name: "bench", version: 1, digest: Digest(of: Array("bench".utf8)))
    /// As many as the collector's writer takes at once at most.
    private static let groupCount = 64

    private let store: DeploymentStore
    private let device: DeviceID
    private let run: RunID
    private var sequence: UInt64 = 0

    static func main() {
        let words = CommandLine.arguments
        guard words.count >= 4, let count = Int(words[3]) else { return fail("usage: StoreBench write|grow|enqueue …") }
        do {
            var bench = try StoreBench(words[2])
            switch words[1] {
            case "write": try bench.compareWriting(count, byteCount: words.count > 4 ? Int(words[4]) ?? 0 : 100_000)
            case "grow": try bench.fill(to: count)
            default: try bench.timeGroups(count)
            }
        } catch {
            fail("\(error)")
        }
    }

    private static func fail(_ message: String) {
        FileHandle.standardError.write(Data("\(message)\n".utf8))
        exit(1)
    }

    private init(_ folder: String) throws {
        var settings = StoreSettings(quotaByteCount: 1 << 40, keepFreeByteCount: 0)
        settings.deleteAfterDays = 1
        store = try DeploymentStore.open(folder, settings: settings)
        run = try store.beginRun()
        device = try store.device()
    }

    // MARK: Writing

    /// Rounds of each in turn, every second one backwards; the first does not count.
    private mutating func compareWriting(_ count: Int, byteCount: Int) throws {
        let plain = "\(store.folder.path)/plain"
        try FileManager.default.createDirectory(atPath: plain, withIntermediateDirectories: true)
        var ratios: [Double] = []
        var rates: [(ours: Double, plain: Double)] = []
        for round in 0..<8 {
            let pictures = (0..<count).map { Self.noise(seed: UInt64(round * count + $0 + 1), byteCount) }
            var seconds = (ours: 0.0, plain: 0.0)
            for isOurs in round % 2 == 0 ? [true, false] : [false, true] {
                if isOurs {
                    seconds.ours = try Self.time { for group in groups(of: pictures) { try commit(group) } }
                } else {
                    seconds.plain = try Self.time {
                        for (number, picture) in pictures.enumerated() {
                            try Self.write(picture, to: "\(plain)/\(round)-\(number)")
                        }
                    }
                }
            }
            guard round > 0 else { continue }
            ratios.append(seconds.plain / seconds.ours)
            rates.append((Double(count) / seconds.ours, Double(count) / seconds.plain))
        }
        Self.print([
            "ratio": Self.median(ratios), "frames_per_s": Self.median(rates.map(\.ours)),
            "plain_per_s": Self.median(rates.map(\.plain)),
        ])
    }

    private static func noise(seed: UInt64, _ byteCount: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, filled in
            var state = seed
            for index in 0..<byteCount {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                buffer[index] = UInt8(truncatingIfNeeded: state >> 56)
            }
            filled = byteCount
        }
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o644)
        guard file >= 0 else { throw GleanerError.system("cannot make", path, errno: errno) }
        defer { close(file) }
        let written = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
        guard written == bytes.count, fdatasync(file) == 0 else {
            throw GleanerError.system("cannot write", path, errno: errno)
        }
    }

    // MARK: Growing

    private mutating func fill(to count: Int) throws {
        let there = try store.status().stored
        for start in stride(from: there, to: count, by: 1024) {
            try commit((start..<min(start + 1024, count)).map { Self.small($0) })
        }
    }

    /// Groups as the collector commits them, and pages of a list.
    private mutating func timeGroups(_ groups: Int) throws {
        var seconds: [Double] = []
        for group in 0..<groups {
            let pictures = (0..<Self.groupCount).map { Self.small(group * Self.groupCount + $0) }
            seconds.append(try Self.time { try commit(pictures) } / Double(Self.groupCount))
        }
        var pages: [Double] = []
        var cursor: SampleCursor?
        for _ in 0..<20 {
            let begin = ContinuousClock.now
            let page = try store.samples(order: .utility, after: cursor, limit: 50)
            pages.append(Self.seconds(since: begin))
            cursor = page.next
        }
        let sorted = seconds.sorted()
        Self.print([
            "p50_us": 1e6 * Self.median(seconds),
            "p99_us": 1e6 * sorted[min(sorted.count - 1, sorted.count * 99 / 100)],
            "page_ms": 1000 * Self.median(pages), "samples": Double(try store.status().stored),
        ])
    }

    private static func small(_ number: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: number &* 31), count: 1000)
    }

    // MARK: Samples

    private func groups(of pictures: [[UInt8]]) -> [[[UInt8]]] {
        stride(from: 0, to: pictures.count, by: Self.groupCount).map {
            Array(pictures[$0..<min($0 + Self.groupCount, pictures.count)])
        }
    }

    private mutating func commit(_ pictures: [[UInt8]]) throws {
        let outcomes = pictures.map { picture in
            sequence += 1
            return outcome(of: picture)
        }
        let at = Instant(seconds: Double(sequence))
        let report = try store.commit(outcomes, collectorState: nil, at: at)
        precondition(report.storedCount == pictures.count, "not all were stored")
    }

    private func outcome(of bytes: [UInt8]) -> FrameOutcome {
        let picture = Picture(bytes)
        let utility = Self.draw(sequence)
        let record = SampleRecord(
            id: SampleID(device: device, run: run, sequence: sequence), sha256: picture.sha256,
            bytes: bytes.count, encoding: .jpeg, width: 640, height: 480, source: "bench", origin: "\(sequence)",
            capturedAt: .now(), model: Self.model,
            prediction: PredictionRecord(
                .classification(probabilities: [0.6, 0.4]), labels: ["a", "b"], scoreMin: nil),
            utility: utility, reason: sequence % 10 == 0 ? .audit : .strategy("margin"),
            inclusionProbability: 0.5, perceptualHash: PerceptualHash(bits: sequence), split: .train)
        let origin = FrameOrigin(source: "bench", name: "\(run)-\(sequence)", byteCount: 1, modifiedNanoseconds: 1)
        return FrameOutcome(
            sequence: sequence, origin: origin,
            outcome: .stored(record, picture: picture, evictionKey: Self.draw(~sequence)))
    }

    /// In 0..<1, and as good as chance: every sample has its place in an index of its own.
    private static func draw(_ number: UInt64) -> Double {
        var state = number &* 0x9E37_79B9_7F4A_7C15
        state = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
        state = (state ^ state >> 27) &* 0x94D0_49BB_1331_11EB
        return Double((state ^ state >> 31) >> 11) * 0x1p-53
    }

    // MARK: Figures

    private static func time(_ body: () throws -> Void) rethrows -> Double {
        let begin = ContinuousClock.now
        try body()
        return seconds(since: begin)
    }

    private static func seconds(since begin: ContinuousClock.Instant) -> Double {
        (ContinuousClock.now - begin) / .seconds(1)
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }

    private static func print(_ figures: [String: Double]) {
        let fields = figures.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
        Swift.print("{\(fields.joined(separator: ", "))}")
    }
}
