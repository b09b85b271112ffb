import GleanerCore

/// Whether what is flushed is on the disk: all that can be told without cutting the power.
struct FlushHonesty {
    /// What the deployment lies on; `nil` where the system does not tell.
    var disk: MountedDisk?
    /// Of an overlay: what its upper folder lies on.
    var upper: MountedDisk?
    /// What the process is told to load before all others.
    var preload = ""
    /// How long the flush of a small write took; `nil` where none could be tried.
    var p50Seconds: Double?

    /// Nothing that leaves the machine's memory is done sooner: the quickest disks take five times as long.
    private static let anySecondsMin = 2e-6
    /// Flash of one bit a cell is programmed in 200 to 300 µs, of more bits in 600 and more (Arpaci-Dusseau, *Operating
    /// Systems: Three Easy Pieces*, chapter 44), and a card has no energy stored for what it has in its memory.
    private static let cardSecondsMin = 200e-6
    /// A disk of 7,200 turns a minute makes a quarter of one in 2 ms.
    private static let turningSecondsMin = 1e-3

    private static let lost = "what was stored is gone when the power is"
    private static let journaled: Set = [
        "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "jfs", "reiserfs", "bcachefs", "ubifs", "nilfs2",
    ]

    var finding: Finding {
        let found = byPreload ?? disk.flatMap { byFileSystem($0) ?? byOptions($0) } ?? byTime ?? fine
        return Finding(
            "disk.flush", found.0, found.1, remedy: found.2, measured: p50Seconds.map { ["p50_ms": 1000 * $0] })
    }

    private typealias Verdict = (Finding.State, String, String)

    private var byPreload: Verdict? {
        guard preload.contains("eatmydata") else { return nil }
        return (.problem, "libeatmydata makes every flush do nothing: \(Self.lost)", "take it out of LD_PRELOAD")
    }

    private func byFileSystem(_ disk: MountedDisk) -> Verdict? {
        let name = disk.fileSystem
        switch name {
        case "tmpfs", "ramfs":
            return (.problem, "the deployment lies in memory (\(name)): \(Self.lost)", "put it on a disk or a card")
        case "overlay":
            if disk.options.contains("volatile") {
                return (.problem, "the overlay is mounted volatile: \(Self.lost)", "mount it without that option")
            }
            if let upper, ["tmpfs", "ramfs"].contains(upper.fileSystem) {
                return (
                    .problem, "the overlay's changes lie in memory (\(upper.fileSystem)): \(Self.lost)",
                    "put the deployment on a disk of its own, or switch the overlay off"
                )
            }
            return (
                .warning, "the deployment lies in a container's own layer: it is gone when the container is",
                "put it on a volume"
            )
        case "nfs", "nfs4", "cifs", "smb3", "ncpfs", "afs", "ceph":
            return (
                .problem,
                "the deployment lies on another machine (\(name)): its queue cannot be locked and flushed there",
                "put it on a disk of this machine; batches may leave for that one"
            )
        case "vfat", "msdos", "exfat", "ntfs", "ntfs3", "ext2", "hfsplus":
            return (
                .warning, "\(name) has no journal of all changes: a power cut may take more than what was written last",
                "format the disk with ext4"
            )
        default:
            guard !Self.journaled.contains(name) else { return nil }
            return (
                .warning, "whether \(name) flushes is not known", "put the deployment on ext4 if power may be cut"
            )
        }
    }

    private func byOptions(_ disk: MountedDisk) -> Verdict? {
        let bad = ["nobarrier", "barrier=0", "barrier=none", "fsync_mode=nobarrier"].first(where: disk.options.contains)
        return bad.map {
            (
                .problem, "\(disk.source) is mounted with \($0): a flush does not reach the disk, and \(Self.lost)",
                "mount it without that option; see /etc/fstab"
            )
        }
    }

    private var byTime: Verdict? {
        guard let p50Seconds else {
            return (.warning, "it could not be tried whether flushes are honest", "see what else was found of the disk")
        }
        let time = Self.text(p50Seconds)
        if p50Seconds < Self.anySecondsMin {
            return (
                .problem, "a flush takes \(time): no disk is that quick, so nothing is flushed, and \(Self.lost)",
                "look for what keeps flushes from the disk: a library, a mount option, a virtual machine's setting"
            )
        }
        switch disk?.kind {
        case .card where p50Seconds < Self.cardSecondsMin:
            return (
                .warning, "a flush takes \(time), and no card's flash is written that quickly: it says so too soon",
                "take another card, best one made for constant writing, and cut the power once to see what is left"
            )
        case .turning where p50Seconds < Self.turningSecondsMin:
            return (
                .warning,
                "a flush takes \(time), and no disk turns that quickly: it or its controller says so too soon",
                "switch its cache off (`hdparm -W 0`), unless that has a battery"
            )
        default: return nil
        }
    }

    private var fine: Verdict {
        let place = disk.map { " on \($0.fileSystem)\(Self.words(for: $0.kind))" } ?? ""
        let time = p50Seconds.map(Self.text) ?? ""
        let limit = disk?.kind == .hidden ? "; whether what lies under it does so too cannot be seen from here" : ""
        return (.ok, "a flush\(place) takes \(time), as one that reaches the disk may\(limit)", "")
    }

    private static func words(for kind: MountedDisk.Kind) -> String {
        switch kind {
        case .card: " on a card"
        case .usb: " at a USB port"
        case .turning: " on a disk that turns"
        case .solid: " on a solid-state disk"
        case .hidden: ""
        }
    }

    static func text(_ seconds: Double) -> String {
        seconds < 1e-4
            ? "\((seconds * 1e7).rounded() / 10) µs"
            : seconds < 0.1 ? "\((seconds * 1e5).rounded() / 100) ms" : "\((seconds * 100).rounded() / 100) s"
    }
}
