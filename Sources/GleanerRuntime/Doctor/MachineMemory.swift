import GleanerCore

/// Whether there is memory for what the configuration allows.
struct MachineMemory {
    /// Can be had without pushing others out.
    var availableByteCount: Int
    /// What a model that is tried may take; `nil` where none is.
    var proofByteCount: Int?

    /// What a collector takes beside its model, measured: 65 MiB at rest.
    private static let collectorByteCount = 64 << 20

    var finding: Finding {
        let available = ByteCount.format(availableByteCount)
        let measured = ["available_bytes": Double(availableByteCount)]
        guard availableByteCount >= Self.collectorByteCount else {
            return Finding(
                "memory", .problem, "\(available) of memory are available, less than a collector takes",
                remedy: "end other programs, or take a machine with more", measured: measured)
        }
        if let proofByteCount, availableByteCount < proofByteCount {
            return Finding(
                "memory", .warning,
                "\(available) of memory are available, and a model that is tried may take "
                    + "\(ByteCount.format(proofByteCount)) (models.proof.memory)",
                remedy: "lower models.proof.memory, and set models.unload_first where two models do not fit",
                measured: measured)
        }
        return Finding("memory", .ok, "\(available) of memory are available", measured: measured)
    }
}
