/// The limits within which a deployment stores.
public struct StoreSettings: Hashable, Sendable {
    /// Bytes that database, frames, batches, models and temporary files may take together.
    public var quotaByteCount: Int
    /// Bytes of the volume that stay free for everybody else.
    public var keepFreeByteCount: Int
    /// Pictures up to this size lie in the database, larger ones in files. Default: 64 KiB.
    ///
    /// At 100 KB and below one flush for a whole group of rows beats a file each; above it a file writes the flash
    /// once instead of twice.
    public var inlineByteCountMax: Int
    /// Share of the quota, 0…1, that audit samples may take; within it nothing else pushes them out. Default: 0.2.
    public var auditQuotaShare: Double
    /// Bytes that recorded decisions may take; `nil` for a 50th of the quota, 64 MiB at most. None are kept with 0.
    public var decisionByteCount: Int?
    /// How long, in days of collecting, the members of a delivered batch still may not be evicted. Default: 7.
    ///
    /// A receipt is the word of another machine: should it lose the batch meanwhile, the pixels are still here.
    public var deleteAfterDays = 7.0
    /// Names the machine: when its content changes, the card was cloned and the deployment becomes another device.
    public var machineIDFile = "/etc/machine-id"

    /// Less than this leaves no room for a model and a queue.
    public static let quotaByteCountMin = 16 << 20

    public init(
        quotaByteCount: Int = 2 << 30, keepFreeByteCount: Int = 256 << 20, inlineByteCountMax: Int = 64 << 10,
        auditQuotaShare: Double = 0.2
    ) {
        self.quotaByteCount = quotaByteCount
        self.keepFreeByteCount = keepFreeByteCount
        self.inlineByteCountMax = inlineByteCountMax
        self.auditQuotaShare = min(max(auditQuotaShare, 0), 1)
    }

    /// The part of the quota that samples leave to batches on their way: a full device must be able to export, or it
    /// would stay full.
    var outboxByteCountReserved: Int { quotaByteCount / 64 }
    public var decisionByteCountMax: Int { decisionByteCount ?? min(quotaByteCount / 50, 64 << 20) }
    var auditByteCountMax: Int { Int(Double(quotaByteCount) * auditQuotaShare) }
}
