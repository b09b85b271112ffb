#if Network
    import Foundation
    import GleanerCore

    /// `Examples/receiver` as a process of its own, which ends with the test.
    final class ReceiverProcess {
        /// What it does wrong: see `Tests/Fixtures/moody_receiver.py`.
        enum Mood: String {
            case none
            case garbles, garblesOnce = "garbles-once"
            case forgets, loses, losesAlways = "loses-always", dies
            case diesUnpacked = "dies-unpacked", diesNamed = "dies-named"
            case noReceipt = "no-receipt", foreignReceipt = "foreign-receipt"
            case foreignLocation = "foreign-location", noChecksums = "no-checksums"
        }

        let folder: String
        private(set) var port = 0
        private var process: Process?
        private let log: String

        /// - Parameter folder: where batches go; its neighbour with `.log` has a line for each request.
        init(_ folder: String, mood: Mood = .none, more: [String] = []) throws {
            self.folder = folder
            log = "\(folder).log"
            try start(mood, more)
        }

        deinit { kill() }

        /// Starts it again, at the same port.
        func start(_ mood: Mood = .none, _ more: [String] = []) throws {
            let process = Process()
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments =
                ["python3", root.appending(path: "Tests/Fixtures/moody_receiver.py").path, mood.rawValue]
                + ["--folder", folder, "--port", "\(port)"] + more
            process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
            let output = Pipe()
            process.standardOutput = output
            try Data().write(to: URL(filePath: log))
            process.standardError = FileHandle(forWritingAtPath: log)
            try process.run()
            self.process = process
            // `listening on http://127.0.0.1:1234/`
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            guard let found = line.split(separator: ":").last.flatMap({ Int($0.filter(\.isNumber)) }) else {
                throw GleanerError(.notFound, "the receiver does not start: \(line)\(logText)")
            }
            port = found
        }

        /// Ends it at once, whatever it does.
        func kill() {
            guard let process, process.isRunning else { return }
            Foundation.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }

        func waitUntilExit() { process?.waitUntilExit() }

        var url: String { "http://127.0.0.1:\(port)/in" }
        var logText: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

        /// Bytes of requests that it has read since it was started.
        var receivedByteCount: Int {
            logText.matches(of: #/ (\d+) bytes/#).reduce(0) { $0 + (Int($1.output.1) ?? 0) }
        }

        /// Requests of a method that it has answered since it was started.
        func count(_ method: String) -> Int { logText.components(separatedBy: "\"\(method) ").count - 1 }

        /// Where the batches of the tests' device and day are.
        private var place: String { "\(folder)/device=0011223344556677/date=2023-11-14" }

        /// The files of a batch by path; `nil` before it is there.
        func contents(_ id: BatchID) throws -> [String: [UInt8]]? {
            let batch = "\(place)/batch-\(id.short)"
            return FileManager.default.fileExists(atPath: batch) ? try contents(of: batch) : nil
        }

        /// The files of every batch.
        func allContents() throws -> [[String: [UInt8]]] {
            try FileManager.default.contentsOfDirectory(atPath: place).map { try contents(of: "\(place)/\($0)") }
        }

        private func contents(of batch: String) throws -> [String: [UInt8]] {
            try Dictionary(
                uniqueKeysWithValues: BatchTree(batch).files.map { path in
                    (path, Array(try Data(contentsOf: URL(filePath: "\(batch)/\(path)"))))
                })
        }
    }
#endif
