import Foundation
import GleanerCore
import Testing

@testable import GleanerRuntime

@Suite struct ConfigurationTests {
    /// The problems of a configuration, by place.
    private func problems(_ yaml: String) throws -> [String: Problem] {
        Dictionary(try read(yaml).problems.map { ($0.path, $0) }) { first, _ in first }
    }

    private func read(_ yaml: String) throws -> (configuration: Configuration, problems: [Problem]) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gleaner-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(yaml.utf8).write(to: folder.appending(path: Configuration.fileName))
        let path = folder.path(percentEncoded: false)
        return try Configuration.read(folder: path, registries: .standard)
    }

    @Test func theTemplateHasNoProblems() throws {
        #expect(try problems(Configuration.template()).isEmpty)
    }

    #if Console
        @Test(arguments: [
            "ingest", "{type: ingest, listen: 127.0.0.1:80}", "{type: ingest, listen: '[::1]:80'}",
            "{type: ingest, listen: 0.0.0.0:80, token_file: token}",
            "{type: ingest, socket: a.sock, socket_group: video, labels: [a, b], frames_waiting_max: 2}",
        ])
        func framesMayBeHandedOver(_ source: String) throws {
            #expect(try problems("source: \(source)").isEmpty)
        }

        @Test(arguments: [
            ("listen: 0.0.0.0:80", "listen"), ("listen: 80", "listen"), ("listen: camera:80", "listen"),
            ("socket_group: video", "socket_group"), ("body_bytes_max: 1 KiB", "body_bytes_max"),
            ("frames_waiting_max: 0", "frames_waiting_max"), ("lisen: 127.0.0.1:80", "lisen"),
        ])
        func whereFramesCannotBeHandedOverIsSaid(_ option: String, _ key: String) throws {
            let found = try problems("source: {type: ingest, \(option)}")
            #expect(Set(found.keys) == ["source.\(key)"])
        }
    #endif

    @Test func everyProblemIsFoundAtOnce() throws {
        let found = try problems(
            """
            source: fodler:camera
            selektion: {seed: 1}
            selection: {seed: -3, strategies: [margn], budget: {share: 200 %}}
            storage: {quota: lots}
            """)
        #expect(
            Set(found.keys) == [
                "source", "selektion", "selection.seed", "selection.strategies[0]",
                "selection.budget.share", "storage.quota",
            ])
        #expect(found["selektion"]?.remedy.contains("'selection'") == true)
        #expect(found["selection.strategies[0]"]?.remedy.contains("'margin'") == true)
        #expect(found["source"]?.remedy.contains("'folder'") == true)
    }

    @Test func aQuotedNumberIsText() throws {
        #expect(try problems("classes: [\"1\", '2', three]").isEmpty)
        #expect(try problems("classes: [1]").keys.contains("classes"))
    }

    /// Nine lines that stand for 10^8 values.
    private static let laughs =
        "a0: &a0 [1]\n"
        + (1...8).map { "a\($0): &a\($0) [\(Array(repeating: "*a\($0 - 1)", count: 10).joined(separator: ", "))]" }
        .joined(separator: "\n")

    @Test(
        "what is no YAML of ours is an error that names the file",
        arguments: [
            "a: [1", "a: 1\na: 2", Self.laughs, String(repeating: "[", count: 10_000),
        ])
    func malformed(yaml: String) {
        let error = #expect(throws: GleanerError.self) { try problems(yaml) }
        #expect(error?.code == .malformed)
        #expect(error?.message.contains(Configuration.fileName) == true)
    }

    @Test func aSourceThatIsTypedIsBelowTheCurrentFolder() throws {
        let source = try Configuration.source(named: ["folder:camera"], registries: .standard)
        #expect(source?.name == "folder:\(FileManager.default.currentDirectoryPath)/camera")
    }

    @Test func severalSourcesTakeTurns() throws {
        let (configuration, problems) = try read("source: ['folder:barn', {type: folder, path: yard}]")
        #expect(problems.isEmpty)
        #expect(configuration.source?.name == "folder:barn, folder:yard")
        let typed = try Configuration.source(named: ["folder:/a", "folder:/b"], registries: .standard)
        #expect(typed?.name == "folder:/a, folder:/b")
    }

    @Test(
        "sources that cannot take turns are a problem that names them",
        arguments: [
            ("source: []", "source", "is an empty list"),
            ("source: ['folder:a', 'folder:a']", "source", "names folder:a twice"),
            ("source: ['folder:a', ingest]", "source", "names ingest at"),
            ("source: ['folder:a', nothing]", "source[1]", "'nothing' does not say what it is"),
            ("source: [\((0...16).map { "'folder:\($0)'" }.joined(separator: ", "))]", "source", "at most 16"),
        ])
    func sourcesInVain(yaml: String, place: String, message: String) throws {
        #expect(try problems(yaml)[place]?.message.contains(message) == true)
    }
}
