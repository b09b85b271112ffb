import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The file system that a folder lies on, and what is known of the disk under it.
struct MountedDisk: Hashable {
    enum Kind: Hashable {
        /// An SD card, or flash that is soldered in and speaks the same language (eMMC).
        case card
        /// Something at a USB port.
        case usb
        case turning
        case solid
        /// A machine that is played by another one, a loop, a mapping: what lies under it is not seen.
        case hidden
    }

    /// Such as `ext4`.
    var fileSystem: String
    /// Of the mount and of the file system.
    var options: Set<String>
    /// Such as `/dev/mmcblk0p2`.
    var source: String
    var kind = Kind.hidden

    /// A value of the file system's options, such as `upperdir`.
    func option(_ name: String) -> String? {
        options.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    /// What a folder lies on; `nil` where the system does not tell.
    ///
    /// - Parameters:
    ///   - mounts: `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
    ///   - devices: `/sys/dev/block`, where numbers lead to disks.
    static func of(
        _ folder: String, mounts: String = "/proc/self/mountinfo", devices: String = "/sys/dev/block"
    ) -> MountedDisk? {
        guard let real = realpath(folder, nil) else { return nil }
        defer { free(real) }
        let path = String(cString: real)
        guard let text = try? String(contentsOfFile: mounts, encoding: .utf8) else { return nil }
        var best: (point: String, disk: MountedDisk, number: String)?
        for line in text.split(separator: "\n") {
            let halves = line.split(separator: " - ", maxSplits: 1).map { $0.split(separator: " ") }
            guard halves.count == 2, halves[0].count >= 6, halves[1].count >= 2 else { continue }
            let point = unescaped(halves[0][4])
            let isAbove = path == point || path.hasPrefix(point == "/" ? "/" : "\(point)/")
            // A later one on the same place covers the earlier.
            guard isAbove, point.count >= best?.point.count ?? 0 else { continue }
            let options = [halves[0][5], halves[1].dropFirst(2).first ?? ""].flatMap { $0.split(separator: ",") }
            let disk = MountedDisk(
                fileSystem: String(halves[1][0]), options: Set(options.map { unescaped($0) }),
                source: unescaped(halves[1][1]))
            best = (point, disk, String(halves[0][2]))
        }
        guard let number = best?.number, var disk = best?.disk else { return nil }
        disk.kind = kind(of: "\(devices)/\(number)")
        return disk
    }

    private static func kind(of device: String) -> Kind {
        guard let real = realpath(device, nil) else { return .hidden }
        defer { free(real) }
        let path = String(cString: real)
        if path.contains("/mmcblk") { return .card }
        if path.contains("/usb") { return .usb }
        if path.contains("/virtual/") || path.contains("/virtio") || path.contains("/vbd-") { return .hidden }
        // A partition has what its disk has.
        for folder in [path, PathName.parent(of: path)] {
            if let text = try? String(contentsOfFile: "\(folder)/queue/rotational", encoding: .ascii) {
                return text.hasPrefix("1") ? .turning : .solid
            }
        }
        return .hidden
    }

    /// Blanks and the like are written as three octal digits.
    private static func unescaped(_ text: some StringProtocol) -> String {
        ["\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"].reduce(String(text)) {
            $0.replacingOccurrences(of: $1.key, with: $1.value)
        }
    }
}
