import Foundation
import Testing

@testable import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct ServiceManagerTests {
    /// What a service manager hears at a socket of its own.
    private struct Ear: ~Copyable {
        let name: String
        private let descriptor: Int32

        /// - Parameter name: A path, or a name that begins with @.
        init(_ name: String) throws {
            self.name = name
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let bytes = name.utf8.map { $0 == UInt8(ascii: "@") ? 0 : $0 }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
            let outcome = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
            }
            try #require(outcome == 0)
        }

        deinit { close(descriptor) }

        func hear() -> String {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        }
    }

    @Test(arguments: ["/", "@"]) func newsComeAsOneDatagram(at start: String) throws {
        let unique = "gleaner-\(UUID().uuidString)"
        let ear = try Ear(start == "/" ? NSTemporaryDirectory() + unique : start + unique)
        defer { if start == "/" { unlink(ear.name) } }
        let manager = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": ear.name]))
        try manager.tell([.ready, .status("two\nlines")])
        #expect(ear.hear() == "READY=1\nSTATUS=two lines")
        try manager.tell([.alive])
        #expect(ear.hear() == "WATCHDOG=1")
        try manager.tell([.stopping])
        #expect(ear.hear() == "STOPPING=1")
    }

    @Test(arguments: [[:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "@"], ["NOTIFY_SOCKET": "vsock:2:9"]])
    func nobodyHearsWhereNoSocketIsNamed(in environment: [String: String]) {
        #expect(ServiceManager(environment: environment) == nil)
    }

    @Test func aManagerThatIsGoneIsAnError() throws {
        let manager = try #require(ServiceManager(environment: ["NOTIFY_SOCKET": "/nowhere/notify"]))
        #expect { try manager.tell([.ready]) } throws: { "\($0)".contains("/nowhere/notify") }
        let long = try #require(
            ServiceManager(environment: ["NOTIFY_SOCKET": "/" + String(repeating: "n", count: 108)]))
        #expect(throws: GleanerError.self) { try long.tell([.ready]) }
    }

    @Test func itIsWatchedOnlyWhereTheWatchIsForThisProcess() {
        func seconds(_ more: [String: String]) -> Double? {
            ServiceManager(environment: ["NOTIFY_SOCKET": "/run/notify"].merging(more) { $1 }, process: 812)?
                .watchdogSeconds
        }
        #expect(seconds([:]) == nil)
        #expect(seconds(["WATCHDOG_USEC": "1500000"]) == 1.5)
        #expect(seconds(["WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "812"]) == 1.5)
        #expect(seconds(["WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "813"]) == nil)
        #expect(seconds(["WATCHDOG_USEC": "0"]) == nil)
        #expect(seconds(["WATCHDOG_USEC": "soon"]) == nil)
    }

    @Test func childrenDoNotSpeakForTheirParent() throws {
        setenv("WATCHDOG_USEC", "1000000", 1)
        defer { unsetenv("WATCHDOG_USEC") }
        let script = "test -n \"$PATH\" && test -z \"$WATCHDOG_USEC\" && echo clean >&0"
        var child = try ChildProcess("/bin/sh", arguments: ["sh", "-c", script])
        let line = try child.line(byteCountMax: 100, before: .now + .seconds(10))
        #expect(String(decoding: line, as: UTF8.self) == "clean")
    }
}
