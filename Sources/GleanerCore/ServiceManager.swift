#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What started this process and wants to hear how it is: systemd, or whoever speaks its protocol (sd_notify(3)).
public struct ServiceManager: Sendable {
    /// What it can be told.
    public enum News: Sendable {
        /// Whatever the process is there for, it does from now on.
        case ready
        /// It gets on with its work. Where this is not heard for too long, it is taken for hung.
        case alive
        /// It ends by itself.
        case stopping
        /// How it is, in a line for people.
        case status(String)

        var line: String {
            switch self {
            case .ready: "READY=1"
            case .alive: "WATCHDOG=1"
            case .stopping: "STOPPING=1"
            case .status(let text): "STATUS=\(text.replacing("\n", with: " "))"
            }
        }
    }

    /// Stands in the environment for one process alone: its children must not speak for it.
    static let variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]
    private static let sendTimeOutSeconds = 1

    private let socket: String
    /// How long it believes in a process that it does not hear of; `nil` for as long as it takes.
    public let watchdogSeconds: Double?

    /// - Returns: `nil` when nobody wants to hear anything.
    public init?(environment: [String: String]) { self.init(environment: environment, process: getpid()) }

    init?(environment: [String: String], process: pid_t) {
        guard let socket = environment["NOTIFY_SOCKET"], socket.hasPrefix("/") || socket.hasPrefix("@"),
            socket.utf8.count > 1
        else { return nil }
        self.socket = socket
        let isForAnother = environment["WATCHDOG_PID"].map { $0 != "\(process)" } ?? false
        let microseconds = environment["WATCHDOG_USEC"].flatMap { UInt64($0) } ?? 0
        watchdogSeconds = isForAnother || microseconds == 0 ? nil : Double(microseconds) / 1e6
    }

    /// Tells it something; waits a second at most until it can be told.
    ///
    /// - Throws: ``GleanerError`` with code `file.system`.
    public func tell(_ news: [News]) throws {
        let descriptor = systemSocket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure }
        defer { close(descriptor) }
        var timeOut = timeval(tv_sec: Self.sendTimeOutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeOut, socklen_t(MemoryLayout<timeval>.size))
        let text = news.map(\.line).joined(separator: "\n")
        let isSent = try withAddress { address, length in
            sendto(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL), address, length) >= 0
        }
        guard isSent else { throw failure }
    }

    private var failure: GleanerError { .system("cannot tell", "the service manager at \(socket)", errno: errno) }

    private func withAddress<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Value) throws -> Value {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(socket.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            errno = ENAMETOOLONG
            throw failure
        }
        // A name that is no file's begins with a zero, which is written as @.
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 0
        return try withUnsafePointer(to: address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { try body($0, socklen_t(start + bytes.count)) }
        }
    }
}

// `ServiceManager.socket` hides the function of the same name.
private func systemSocket(_ domain: Int32, _ kind: Int32, _ family: Int32) -> Int32 { socket(domain, kind, family) }
