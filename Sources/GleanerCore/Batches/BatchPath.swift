extension GleanerError.Code {
    /// A sample cannot be in this batch: another task, twice, or two formats that want its picture elsewhere.
    public static let batchSample = Self("batch.sample")
    /// The folder of a batch does not hold what its manifest says.
    public static let batchDamaged = Self("batch.damaged")
    /// A sample's bytes are not what was stored.
    public static let sampleDamaged = Self("sample.damaged")
    /// There is another thing where a batch should go.
    public static let batchConflict = Self("batch.conflict")
}

/// Paths in a batch: relative, `/` between parts, none of them leading out or hidden.
public enum BatchPath {
    private static let byteCountMax = 1_000

    public static func isSafe(_ path: String) -> Bool {
        guard (1...byteCountMax).contains(path.utf8.count), !path.utf8.contains(0) else { return false }
        return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
            !part.isEmpty && part.utf8.first != UInt8(ascii: ".")
        }
    }

    /// Where a batch lies among those of many devices: `device=<id>/date=<day>`.
    public static func partition(of batch: any SealedBatch) -> String {
        "device=\(batch.manifest.header.device)/date=\("\(batch.sealedAt)".prefix(10))"
    }

    /// The folders that lead to a file, outermost first, without the top one.
    public static func folders(of path: String) -> [String] {
        let parts = path.split(separator: "/")
        return (1..<max(parts.count, 1)).map { parts[..<$0].joined(separator: "/") }
    }
}
