import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One connection of a client through a proxy, on a thread of its own.
struct FaultConnection {
    let client: Int32
    let stage: FaultStage

    func run() {
        stage.register(client)
        let fault = stage.nextFault()
        switch fault {
        case .none, .latency, .bandwidth, .reset, .halfClose, .blackHole: passOn(fault)
        default: answer(fault)
        }
    }

    // MARK: Bytes

    private func passOn(_ fault: Fault) {
        guard let server = Sockets.connect(to: stage.target) else { return stage.close(client, abruptly: true) }
        stage.register(server)
        var isAbrupt = false
        defer {
            stage.close(client, abruptly: isAbrupt)
            stage.close(server, abruptly: isAbrupt)
        }
        var counts: [Fault.Sender: Int] = [:]
        var heard: Set<Fault.Sender> = [.client, .server]
        var isHole = false
        while !heard.isEmpty {
            var polled = [
                pollfd(fd: heard.contains(.client) ? client : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: heard.contains(.server) ? server : -1, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&polled, 2, -1) >= 0 || errno == EINTR else { return }
            for (index, sender) in [Fault.Sender.client, .server].enumerated() where polled[index].revents != 0 {
                let (from, to) = sender == .client ? (client, server) : (server, client)
                var bytes = Sockets.read(from, pieceByteCount(of: fault))
                if bytes.isEmpty {
                    heard.remove(sender)
                    // In a hole nobody hears that the other one hung up.
                    if isHole {
                        if sender == .client { return }
                        continue
                    }
                    shutdown(to, Int32(SHUT_WR))
                    continue
                }
                if isHole { continue }
                let passes = room(for: sender, in: fault).map { $0 - counts[sender, default: 0] } ?? .max
                counts[sender, default: 0] += bytes.count
                let isEnd = bytes.count >= passes
                if isEnd { bytes = Array(bytes.prefix(passes)) }
                delay(fault, byteCount: bytes.count)
                if !Sockets.write(bytes, to: to), !isEnd {
                    isAbrupt = true
                    return
                }
                guard isEnd else { continue }
                switch fault {
                case .reset:
                    isAbrupt = true
                    return
                case .blackHole: isHole = true
                default:
                    heard.remove(sender)
                    shutdown(to, Int32(SHUT_WR))
                }
            }
        }
    }

    /// So many bytes of a side pass before the fault; `nil` for all.
    private func room(for sender: Fault.Sender, in fault: Fault) -> Int? {
        switch fault {
        case .reset(let count, sender), .halfClose(let count, sender), .blackHole(let count, sender): count
        default: nil
        }
    }

    private func pieceByteCount(of fault: Fault) -> Int {
        if case .bandwidth(let rate) = fault { max(rate / 100, 1) } else { 16 << 10 }
    }

    private func delay(_ fault: Fault, byteCount: Int) {
        switch fault {
        case .latency(let milliseconds): usleep(UInt32(milliseconds) * 1000)
        case .bandwidth(let rate): usleep(UInt32(byteCount * 1_000_000 / rate))
        default: break
        }
    }

    // MARK: Messages

    /// Passes requests on one by one; the fault befalls the first.
    private func answer(_ fault: Fault) {
        var isAbrupt = false
        defer { stage.close(client, abruptly: isAbrupt) }
        var fault = fault
        while let request = Request(from: client) {
            guard let bytes = answer(to: request, fault) else {
                isAbrupt = true
                return
            }
            guard Sockets.write(bytes.bytes, to: client), !bytes.isLast else { return }
            fault = .none
        }
    }

    /// - Returns: what the client gets, and whether that is the end; `nil` for nothing but a reset.
    private func answer(to request: Request, _ fault: Fault) -> (bytes: [UInt8], isLast: Bool)? {
        switch fault {
        case .answer(let status, let seconds):
            let wait = seconds.map { "Retry-After: \($0)\r\n" } ?? ""
            return (
                Array("HTTP/1.1 \(status) Fault\r\n\(wait)Content-Length: 0\r\nConnection: close\r\n\r\n".utf8), true
            )
        case .nonsense: return (Array("220 mail.example ESMTP\r\n".utf8), true)
        case .foreignAnswer(let swallows):
            let earlier = stage.state.withLock { $0.answers[request.method] }
            if !swallows { _ = passOn(request) }
            return earlier.map { ($0, false) }
        default: break
        }
        guard let answer = passOn(request) else { return nil }
        switch fault {
        case .lostAnswer: return nil
        case .truncatedAnswer(let count): return (Array(answer.prefix(count)), true)
        case .garbledAnswer(let place):
            var garbled = answer
            if !garbled.isEmpty { garbled[place % garbled.count] ^= 0x04 }
            return (garbled, false)
        case .repeatedAnswer: return (answer + answer, false)
        default: return (answer, false)
        }
    }

    /// The whole answer of the server, over a connection of its own; `nil` when there is none.
    private func passOn(_ request: Request) -> [UInt8]? {
        guard let server = Sockets.connect(to: stage.target) else { return nil }
        stage.register(server)
        defer { stage.close(server) }
        guard Sockets.write(request.bytes, to: server) else { return nil }
        var answer: [UInt8] = []
        while case let piece = Sockets.read(server), !piece.isEmpty { answer += piece }
        if answer.isEmpty { return nil }
        answer = Self.keepingOpen(answer)
        stage.state.withLock { $0.answers[request.method] = answer }
        return answer
    }

    /// Without the server's word that it closes the connection, which was between it and us.
    private static func keepingOpen(_ answer: [UInt8]) -> [UInt8] {
        guard let end = Request.endOfHead(in: answer) else { return answer }
        return Request.head(answer[..<end], without: "connection") + answer[end...]
    }
}

/// A whole request of a client.
private struct Request {
    var method: String
    /// As the server gets it: it is to close its connection after the answer.
    var bytes: [UInt8]

    init?(from client: Int32) {
        var bytes: [UInt8] = []
        var end: Int?
        while true {
            if end == nil { end = Self.endOfHead(in: bytes) }
            if let end, bytes.count >= end + Self.bodyByteCount(bytes[..<end]) { break }
            let piece = Sockets.read(client)
            if piece.isEmpty { return nil }
            bytes += piece
        }
        guard let end else { return nil }
        method = String(decoding: bytes.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
        let head = Self.head(bytes[..<end], without: "connection").dropLast(2)
        self.bytes = head + Array("Connection: close\r\n\r\n".utf8) + bytes[end...]
    }

    /// Behind the empty line.
    static func endOfHead(in bytes: [UInt8]) -> Int? {
        bytes.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound
    }

    static func head(_ bytes: ArraySlice<UInt8>, without name: String) -> [UInt8] {
        let lines = String(decoding: bytes.dropLast(4), as: UTF8.self).components(separatedBy: "\r\n")
        let kept = lines.filter { !$0.lowercased().hasPrefix("\(name):") }
        return Array((kept.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    private static func bodyByteCount(_ head: ArraySlice<UInt8>) -> Int {
        let lines = String(decoding: head, as: UTF8.self).lowercased().components(separatedBy: "\r\n")
        let line = lines.first { $0.hasPrefix("content-length:") }
        return line.flatMap { Int($0.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces)) } ?? 0
    }
}
