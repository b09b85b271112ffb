import Foundation
import GleanerTesting

/// A link on which things go wrong, for tests of whole processes.
///
///     LinkFaults PORT SEED BYTES
///
/// Stands before the server at 127.0.0.1:PORT and prints the port where it is found itself. Half of the connections
/// get a fault, within so many bytes; the same seed gives the same faults. After the end of its input all goes well; it
/// prints how many were played, and goes on until it is killed.
@main struct LinkFaults {
    static func main() throws {
        let words = CommandLine.arguments.dropFirst()
        guard words.count == 3, let target = Int(words[1]), let seed = UInt64(words[2]), let byteCount = Int(words[3])
        else {
            try FileHandle.standardError.write(contentsOf: Data("LinkFaults PORT SEED BYTES\n".utf8))
            exit(64)
        }
        let proxy = try FaultProxy(to: target)
        var numbers = RandomBytes(seed: seed)
        proxy.play(
            (0..<100_000).map { _ in
                Bool.random(using: &numbers) ? .none : .random(byteCount: byteCount, using: &numbers)
            })
        try FileHandle.standardOutput.write(contentsOf: Data("\(proxy.port)\n".utf8))
        while readLine() != nil {}
        let count = proxy.played.count { $0 != .none }
        proxy.play([])
        try FileHandle.standardOutput.write(contentsOf: Data("\(count)\n".utf8))
        while true { sleep(3600) }
    }
}
