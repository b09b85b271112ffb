import Foundation
import GleanerCore
import Testing

/// An empty folder of its own for a test, removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "gleaner-core-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}

/// Expects that a value comes back from JSON as it was, and gives its JSON.
@discardableResult
func expectRoundTrip<Value: Codable & Equatable>(
    _ value: Value, sourceLocation: SourceLocation = #_sourceLocation
) throws -> String {
    let data = try CanonicalJSON.encode(value)
    let back = try CanonicalJSON.decode(Value.self, from: data, named: "it")
    #expect(back == value, sourceLocation: sourceLocation)
    return String(decoding: data, as: UTF8.self)
}

/// The error that something throws, which must be ours.
func gleanerError<Result>(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Result
) -> GleanerError? {
    #expect(throws: GleanerError.self, sourceLocation: sourceLocation) { try body() }
}

extension Digest {
    static let empty = Digest(of: [UInt8]())
}
