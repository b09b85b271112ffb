import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How fast a deployment's disk takes what is to be durable, tried with a file of its own in the deployment's folder.
struct DiskTrial {
    /// Of a block of 4 KiB each, as a queue's log is written, with its flush.
    private(set) var write = LatencyHistogram()
    /// The flush alone.
    private(set) var flush = LatencyHistogram()
    /// In one go, with the flush at its end; `nil` where there was no room to try.
    private(set) var bytesPerSecond: Double?

    private static let smallCount = 200
    private static let smallByteCount = 4096
    private static let smallSecondsMax = 5.0
    private static let pieceByteCount = 1 << 20
    private static let pieceCountMax = 32
    private static let pieceSecondsMax = 5.0
    private static let prefix = "doctor-"

    /// - Parameter roomByteCount: So much may be written and is given back; less than 2 MiB is too little to try.
    /// - Throws: ``GleanerError`` when nothing can be written. No file is left.
    init(in folder: String, roomByteCount: Int) throws {
        Self.sweep(folder)
        let path = "\(folder)/\(Self.prefix)\(getpid())\(DurableFile.partialSuffix)"
        let file = try DescriptorFile(path, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, permissions: 0o600)
        // Not sooner: of a file without a name some file systems do not flush everything.
        defer { unlink(path) }
        guard roomByteCount >= 2 * Self.pieceByteCount else { return }
        try tryPieces(file, countMax: min(roomByteCount / 2 / Self.pieceByteCount, Self.pieceCountMax))
        try trySmall(file)
    }

    /// What one that was killed has left.
    private static func sweep(_ folder: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names where name.hasPrefix(prefix) && name.hasSuffix(DurableFile.partialSuffix) {
            unlink("\(folder)/\(name)")
        }
    }

    private mutating func tryPieces(_ file: borrowing DescriptorFile, countMax: Int) throws {
        // Some disks pack what repeats.
        var generator = SystemRandomNumberGenerator()
        let piece = (0..<Self.pieceByteCount / 8).map { _ in generator.next() as UInt64 }
        let begin = ContinuousClock.now
        var count = 0
        while count < countMax, (ContinuousClock.now - begin).seconds < Self.pieceSecondsMax {
            try piece.withUnsafeBytes { try file.write($0) }
            // What waits in memory says nothing of the disk, and too much of it would hold everybody up.
            if count % 8 == 7 { try file.flush() }
            count += 1
        }
        try file.flush()
        bytesPerSecond = Double(count * Self.pieceByteCount) / max((ContinuousClock.now - begin).seconds, 1e-6)
    }

    private mutating func trySmall(_ file: borrowing DescriptorFile) throws {
        let block = [UInt8](repeating: 0x5a, count: Self.smallByteCount)
        let begin = ContinuousClock.now
        while write.count < Self.smallCount, (ContinuousClock.now - begin).seconds < Self.smallSecondsMax {
            let start = ContinuousClock.now
            try file.write(block)
            let written = ContinuousClock.now
            try file.flush()
            let end = ContinuousClock.now
            write.add((end - start).seconds)
            flush.add((end - written).seconds)
        }
    }

    /// Slower than this a burst of kept frames waits long for its place.
    private static let bytesPerSecondMin = 4e6
    /// The collector hides a flush behind up to 64 frames.
    private static let stallSecondsMax = 0.5

    var speed: Finding {
        guard let bytesPerSecond, let p50 = write.percentile(0.5), let p99 = write.percentile(0.99) else {
            return Finding(
                "disk.speed", .warning, "there is no room to try the disk's speed", remedy: "free space on the volume")
        }
        let message =
            "it takes \(ByteCount.format(Int(bytesPerSecond))) a second in one go, and small durable writes in "
            + "\(FlushHonesty.text(p50)) (one in a hundred takes \(FlushHonesty.text(p99)) or more)"
        let isSlow = bytesPerSecond < Self.bytesPerSecondMin || p99 > Self.stallSecondsMax
        return Finding(
            "disk.speed", isSlow ? .warning : .ok, isSlow ? "the disk is slow: \(message)" : message,
            remedy: isSlow
                ? "look whether others write to it now; an old or cheap card is often replaced in time" : "",
            measured: [
                "sequential_bytes_per_second": bytesPerSecond, "write_p50_ms": 1000 * p50, "write_p99_ms": 1000 * p99,
            ])
    }
}
