import Foundation

/// Tells one start of the machine from the next, so that a process that died is told from a power cut.
public enum BootID {
    /// The kernel's own random name for this start; empty where there is none.
    public static let current: String = {
        let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .ascii)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
    }()
}
