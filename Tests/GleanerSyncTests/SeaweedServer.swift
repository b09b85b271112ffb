import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A real S3 store, for the length of a test: SeaweedFS, whose command `GLEANER_WEED` names.
final class SeaweedServer {
    static let command = ProcessInfo.processInfo.environment["GLEANER_WEED"]
    static let accessKey = "FIELD"
    static let secret = "field-secret"

    private(set) var endpoint = ""
    private var process = Process()
    private let folder: TemporaryFolder

    /// Starts it and waits until it listens. Another test may take one of its ports at the same moment: it tries others.
    init(_ command: String) async throws {
        folder = try TemporaryFolder()
        let identity = """
            {"identities": [{"name": "field", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
             "credentials": [{"accessKey": "\(Self.accessKey)", "secretKey": "\(Self.secret)"}]}]}
            """
        try identity.write(toFile: "\(folder.path)/s3.json", atomically: true, encoding: .utf8)
        for attempt in 1... {
            let ports = try Self.freePorts(4)
            endpoint = "http://127.0.0.1:\(ports[0])"
            process = try start(command, ports, data: try folder.folder("data-\(attempt)"))
            let deadline = ContinuousClock.now + .seconds(60)
            while process.isRunning, Self.isFree(ports[0]), ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(50))
            }
            if process.isRunning, !Self.isFree(ports[0]) { return }
            end()
            if attempt == 3 { throw GleanerError(.notFound, "\(command) does not start") }
        }
    }

    private func start(_ command: String, _ ports: [Int], data: String) throws -> Process {
        let process = Process()
        let names = ["s3.port", "master.port", "volume.port", "filer.port"]
        process.executableURL = URL(filePath: command)
        process.arguments =
            [
                "server", "-dir=\(data)", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                "-master.volumeSizeLimitMB=16", "-volume.max=200", "-master.telemetry=false", "-s3",
                "-s3.config=\(folder.path)/s3.json", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false",
            ] + zip(names, ports).map { "-\($0)=\($1)" }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// A file with keys, as the command line tools of S3 read it.
    func keyFile(accessKey: String, secret: String) throws -> String {
        let file = "\(folder.path)/keys-\(UUID().uuidString)"
        try "[default]\naws_access_key_id=\(accessKey)\naws_secret_access_key=\(secret)\n"
            .write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    deinit { end() }

    /// Its volumes take a second to close, which nobody needs.
    private func end() {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Ports that nobody listens on, nor 10,000 above, where each of its servers has a second one.
    private static func freePorts(_ count: Int) throws -> [Int] {
        var ports: [Int] = []
        while ports.count < count {
            let port = Int.random(in: 10_000..<22_000)
            if !ports.contains(port), isFree(port), isFree(port + 10_000) { ports.append(port) }
        }
        return ports
    }

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
