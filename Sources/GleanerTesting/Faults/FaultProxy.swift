import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Stands before a server of this machine and lets go wrong what goes wrong in the field.
///
/// Each connection gets the next fault of the script; when none is left, they pass unharmed. Plain sockets and a
/// thread a connection: what it does to a connection is what it says.
public final class FaultProxy: Sendable {
    /// Where clients find it, at 127.0.0.1.
    public let port: Int
    private let stage: FaultStage
    private let listener: Int32

    /// - Parameter target: the server's port, at 127.0.0.1.
    public init(to target: Int) throws {
        let listener = try Sockets.listen()
        self.listener = listener
        port = Sockets.port(of: listener)
        let stage = FaultStage(target: target)
        self.stage = stage
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    break
                }
                Thread.detachNewThread { FaultConnection(client: client, stage: stage).run() }
            }
        }
    }

    deinit {
        stage.closeAll()
        // Wakes the thread that accepts.
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// Begins a script: what is open is closed, so that the next connections get these faults.
    public func play(_ faults: [Fault]) {
        stage.closeAll()
        stage.state.withLock { state in
            state.faults = faults[...]
            state.played = []
        }
    }

    /// The faults that connections got since the script began.
    public var played: [Fault] { stage.state.withLock { $0.played } }
}

/// What the connections of a proxy share.
final class FaultStage: Sendable {
    struct State {
        var faults: ArraySlice<Fault> = []
        var played: [Fault] = []
        /// The latest whole answer, by method.
        var answers: [String: [UInt8]] = [:]
        var open: Set<Int32> = []
    }
    let target: Int
    let state = Mutex(State())

    init(target: Int) { self.target = target }

    func nextFault() -> Fault {
        state.withLock { state in
            guard let fault = state.faults.popFirst() else { return .none }
            state.played.append(fault)
            return fault
        }
    }

    /// The threads that wait for these wake up and close them.
    func closeAll() {
        state.withLock { state in for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    func register(_ descriptor: Int32) { state.withLock { _ = $0.open.insert(descriptor) } }

    /// Closes it so that nobody shuts down another one that gets its number.
    func close(_ descriptor: Int32, abruptly: Bool = false) {
        state.withLock { state in
            state.open.remove(descriptor)
            if abruptly {
                var now = linger(l_onoff: 1, l_linger: 0)
                setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
            }
            #if canImport(Glibc)
                _ = Glibc.close(descriptor)
            #else
                _ = Musl.close(descriptor)
            #endif
        }
    }
}

/// The few calls on sockets that are needed.
enum Sockets {
    struct Failure: Error, CustomStringConvertible {
        let call: String
        let code = errno
        var description: String { "\(call): \(String(cString: strerror(code)))" }
    }

    private static func local(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return address
    }

    private static func with<Result>(
        _ address: sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    static func listen() throws -> Int32 {
        let descriptor = make()
        guard descriptor >= 0 else { throw Failure(call: "socket") }
        guard with(local(0), { bind(descriptor, $0, $1) }) == 0 else { throw Failure(call: "bind") }
        guard Foundation.listen(descriptor, 64) == 0 else { throw Failure(call: "listen") }
        return descriptor
    }

    static func port(of descriptor: Int32) -> Int {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return Int(in_port_t(bigEndian: address.sin_port))
    }

    /// - Returns: a connection, or `nil` when nobody listens there.
    static func connect(to port: Int) -> Int32? {
        let descriptor = make()
        guard descriptor >= 0 else { return nil }
        if with(local(port), { Foundation.connect(descriptor, $0, $1) }) == 0 { return descriptor }
        close(descriptor)
        return nil
    }

    private static func make() -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        return descriptor
    }

    /// - Returns: what came; empty at the end, or when the connection is gone.
    static func read(_ descriptor: Int32, _ byteCountMax: Int = 16 << 10) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCountMax) { buffer, count in
            var result: Int
            repeat { result = recv(descriptor, buffer.baseAddress, byteCountMax, 0) } while result < 0 && errno == EINTR
            count = max(result, 0)
        }
    }

    /// - Returns: whether all was taken.
    @discardableResult
    static func write(_ bytes: some Sequence<UInt8>, to descriptor: Int32) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
