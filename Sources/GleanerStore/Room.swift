import GRDB
import GleanerCore

/// What may still be written: within the quota and above the volume's floor.
struct Room {
    /// Bytes that any file, the database's included, may grow by; negative when there are too many already.
    var left: Int
    /// Pages of the database that take rows without its file growing.
    var reusable: Int

    /// What else may be written there.
    enum Purpose {
        /// Samples and models: what is reserved for batches stays free.
        case deployment
        case outbox
    }

    init(_ use: DiskUse, _ settings: StoreSettings, for purpose: Purpose = .deployment) {
        let reserved = purpose == .outbox ? 0 : max(settings.outboxByteCountReserved - use.outbox, 0)
        left =
            min(settings.quotaByteCount - use.used, use.volumeFree - use.pending - settings.keepFreeByteCount)
            - reserved
        reusable = use.reusable
    }

    /// What a group writes beside its pictures: rows, and their copies and the small pictures' in the log.
    static func overhead(of group: CommitGroup) -> Int {
        let rows = group.kept.reduce(0) { $0 + 2 * $1.json.count + rowByteCount }
        let copies = group.kept.reduce(0) { $0 + ($1.home == .inline ? $1.diskByteCount : 0) }
        return rows + copies + group.outcomes.count * seenByteCount + group.recordedByteCount
    }
    /// A sample's row, its entries in the indexes and the pages that they touch.
    private static let rowByteCount = 16 << 10
    private static let seenByteCount = 512

    /// Whether a picture fits as it is.
    func fits(_ byteCount: Int, _ home: PictureHome.Kind) -> Bool {
        switch home {
        case .file: left >= byteCount
        case .inline: left >= 0 && left + reusable >= byteCount
        }
    }

    mutating func take(_ byteCount: Int, _ home: PictureHome.Kind) {
        let fromReusable = home == .inline ? min(reusable, byteCount) : 0
        reusable -= fromReusable
        left -= byteCount - fromReusable
    }

    mutating func giveBack(_ byteCount: Int, _ home: PictureHome.Kind) {
        switch home {
        case .file: left += byteCount
        case .inline: reusable += byteCount
        }
    }
}
