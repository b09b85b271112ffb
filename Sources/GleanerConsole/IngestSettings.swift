/// Where frames are taken from others, and how many.
public struct IngestSettings: Sendable {
    /// An address of this machine.
    public struct Address: Hashable, Sendable, CustomStringConvertible {
        public var host: String
        public var port: Int

        /// Reads `127.0.0.1:8790`, `localhost:8790` or `[::1]:8790`; `nil` for anything else.
        public init?(_ text: String) {
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0
            else { return nil }
            var host = text[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = host.dropFirst().dropLast()
            } else if host.contains(":") {
                return nil
            }
            guard !host.isEmpty else { return nil }
            self.host = String(host)
            self.port = Int(port)
        }

        /// Whether only programs on this machine reach it. A name could mean any address.
        public var isLoopback: Bool {
            host == "localhost" || host == "::1"
                || host.wholeMatch(of: /127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}/) != nil
        }

        public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// A socket in the file system.
    public struct Socket: Sendable {
        public var path: String
        /// Whose members may write to it beside its owner; `nil` for nobody.
        public var group: String?
        public init(path: String, group: String? = nil) {
            self.path = path
            self.group = group
        }
    }

    public var address: Address?
    public var socket: Socket?
    /// What `Authorization: Bearer` must say to the address; the socket is guarded by its permissions.
    public var token: String?
    /// Classes of models whose messages name none.
    public var labels: [String]?
    /// Frames that may be on their way at once.
    public var placeCountMax = 8
    /// The largest request.
    public var bodyByteCountMax = 16 << 20
    /// A request that is not here whole after so long, and a connection that asks for nothing for so long, ends.
    public var secondsMax = 30
    public var connectionCountMax = 64

    public init() {}
}
