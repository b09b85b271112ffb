import Foundation
import GleanerCore

/// A folder that is removed with the test.
final class TemporaryFolder {
    let path: String
    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "gleaner-sync-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Makes a folder in it.
    func folder(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
        return "\(path)/\(name)"
    }
}

/// The message of the failure of `body`, or what it returned.
func failure(of body: () async throws -> some Any) async -> String {
    do {
        return "no failure: \(try await body())"
    } catch let error as GleanerError {
        return "\(error.code): \(error.message)"
    } catch {
        return "another error: \(error)"
    }
}
