public import Foundation
public import GleanerCore

/// The promises of ``LabelFormat``, checked against any implementation.
///
/// Give it a valid file of the format with at least one label; in a test, expect that
/// ``brokenPromises(of:validFile:mutationCount:seed:)`` is empty.
public enum LabelFormatContract {
    /// Reads the file twice, then cut off at every 16th of its length, changed at random places, and not there at all.
    ///
    /// A trap ends the process: that is a broken promise too.
    ///
    /// - Returns: a sentence for each promise that does not hold.
    public static func brokenPromises(
        of format: any LabelFormat, validFile: Data, mutationCount: Int = 1_000, seed: UInt64 = 1
    ) throws -> [String] {
        let path = FileManager.default.temporaryDirectory.appending(path: "gleaner-contract-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        func outcome(_ data: Data) throws -> Outcome {
            // A new file each time: some file systems flush one that is written over.
            try? FileManager.default.removeItem(atPath: path)
            try data.write(to: URL(filePath: path))
            return Outcome(of: format, path)
        }
        var broken: [String] = []
        let first = try outcome(validFile)
        if case .read(let labels, _) = first {
            if labels.isEmpty { broken.append("a valid file gives its labels") }
            if labels.contains(where: \.place.isEmpty) { broken.append("every label says where it stands") }
            if labels.contains(where: \.sample.isEmpty) { broken.append("every label names a sample") }
        } else {
            broken.append("a valid file is read: \(first)")
        }
        if try outcome(validFile) != first { broken.append("reading twice gives the same") }
        var changed: [Data] = (0..<16).map { validFile.prefix(validFile.count * $0 / 16) }
        var random = RandomBytes(seed: seed)
        changed += (0..<mutationCount).map { _ in random.mutated(validFile) }
        for data in changed {
            if case .failed(let type) = try outcome(data) { broken.append("only GleanerError is thrown, not \(type)") }
        }
        try? FileManager.default.removeItem(atPath: path)
        guard case .refused = Outcome(of: format, path) else {
            return broken + ["a file that is not there is an error"]
        }
        return broken
    }

    private enum Outcome: Equatable {
        case read([IncomingLabel], [RejectedLabel])
        case refused
        /// With the type of another error.
        case failed(String)

        init(of format: any LabelFormat, _ path: String) {
            var labels: [IncomingLabel] = []
            var rejected: [RejectedLabel] = []
            do {
                try format.read(path, found: { labels.append($0) }, rejected: { rejected.append($0) })
                self = .read(labels, rejected)
            } catch is GleanerError {
                self = .refused
            } catch {
                self = .failed("\(type(of: error))")
            }
        }
    }
}

/// Changes bytes at random but replayable places: flips, removals, repetitions and pieces of hostile text.
public struct RandomBytes: RandomNumberGenerator {
    private var state: UInt64
    public init(seed: UInt64) { state = seed }

    /// SplitMix64, as ``SeededDraw``.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// The data with one to four changes.
    public mutating func mutated(_ data: Data) -> Data {
        var bytes = Array(data)
        for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &self)
            let end = min(bytes.count, place + Int.random(in: 1...40, using: &self))
            switch UInt8.random(in: 0..<6, using: &self) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &self)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
            case 4: bytes.removeSubrange(place...)
            default: bytes.insert(contentsOf: (Self.hostile.randomElement(using: &self) ?? "").utf8, at: place)
            }
        }
        return Data(bytes)
    }

    private static let hostile = [
        "NaN", "-1", "1e999", "9223372036854775808", "-9223372036854775809", "null", "{}", "[]", "\"", "\\u0000",
        "\u{0}", ",", "]", "}", "[[[[[[[[", "1e-400", "true", "../", "77777777777", "99999999999 path=/etc\n",
    ]
}
