import GleanerCore

/// What a deployment may still write.
struct DiskRoom {
    var usedByteCount: Int
    /// Of the volume.
    var freeByteCount: Int
    var quotaByteCount: Int
    var keepFreeByteCount: Int

    /// Within quota and `keep_free`.
    var byteCount: Int {
        max(0, min(freeByteCount - keepFreeByteCount, quotaByteCount - usedByteCount))
    }

    /// That less is free than `keep_free` is a problem that is found elsewhere.
    var finding: Finding {
        let (used, free) = (ByteCount.format(usedByteCount), ByteCount.format(freeByteCount))
        let quota = ByteCount.format(quotaByteCount)
        let measured = ["used_bytes": Double(usedByteCount), "free_bytes": Double(freeByteCount)]
        let reach = usedByteCount + freeByteCount - keepFreeByteCount
        guard reach < quotaByteCount else {
            return Finding(
                "disk.room", .ok, "\(used) of the quota of \(quota) are taken, \(free) are free", measured: measured)
        }
        return Finding(
            "disk.room", .warning,
            "the volume ends before the quota: \(used) of \(quota) are taken and \(free) are free, of which "
                + "\(ByteCount.format(keepFreeByteCount)) stay free",
            remedy: "lower storage.quota to \(ByteCount.format(max(reach, 0))), or free space on the volume",
            measured: measured)
    }
}
