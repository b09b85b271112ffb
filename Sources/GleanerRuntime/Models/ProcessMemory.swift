import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The memory of this process and its machine.
enum ProcessMemory {
    /// Resident bytes of this process; 0 where the system does not tell.
    static var byteCount: Int {
        let pages = text("/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    /// Bytes that can be had without pushing others out; as many as there can be where the system does not tell.
    static var availableByteCount: Int {
        let line = text("/proc/meminfo").split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 } ?? .max
    }

    private static func text(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .ascii)) ?? ""
    }
}
