import Foundation
import GleanerCore
import Testing

@testable import GleanerInference

@Suite struct OnnxRuntimeTests {
    @Test(.enabled(if: TestRuntime.isHereOrMust)) func theRuntimeTellsWhatItIs() throws {
        let runtime = try TestRuntime.get()
        #expect(runtime.version.hasPrefix("1."))
        #expect(FileManager.default.fileExists(atPath: runtime.path))
        #expect(runtime.availableProviders.contains("cpu"))
    }

    @Test(.enabled(if: TestRuntime.isHereOrMust)) func aConfiguredFolderHoldsTheLibrary() throws {
        let library = try TestRuntime.get().path
        let folder = (library as NSString).deletingLastPathComponent
        #expect(try OnnxRuntime.load(configuredPath: folder).path == library)
    }

    @Test func aConfiguredPathIsTheOnlyOneTried() {
        let error = failure { _ = try OnnxRuntime.load(configuredPath: "/nowhere/libonnxruntime.so") }
        #expect(error?.code == .runtimeNotFound)
        #expect(error?.message.contains("/nowhere/libonnxruntime.so") == true)
        #expect(error?.message.contains("wheel") == false)
        #expect(error?.remedy.isEmpty == false)
    }

    @Test func anotherLibraryIsNotOnnxRuntime() {
        let error = failure { _ = try OnnxRuntime.load(configuredPath: "libm.so.6") }
        #expect(error?.code == .runtimeNotOnnxRuntime)
        #expect(error?.message.contains("libm.so.6") == true)
    }

    @Test(.enabled(if: StandIn.canCompileOrMust)) func anOldRuntimeNamesItsVersionAndTheOneNeeded() throws {
        let error = try StandIn.withLibrary(version: "1.9.0") { path -> GleanerError? in
            failure { _ = try OnnxRuntime.load(configuredPath: path) }
        }
        #expect(error?.code == .runtimeTooOld)
        #expect(error?.message.contains("1.9.0") == true)
        #expect(error?.message.contains("1.12") == true)
    }

    @Test func aFileThatIsNoLibraryIsNotFoundWithTheReason() throws {
        try TemporaryFolder.use { folder in
            let file = folder.appending(path: "libonnxruntime.so")
            try Data("not a library".utf8).write(to: file)
            let error = failure { _ = try OnnxRuntime.load(configuredPath: file.path) }
            #expect(error?.code == .runtimeNotFound)
            #expect(error?.message.contains("file too short") == true || error?.message.contains("ELF") == true)
        }
    }
}

@Suite struct RuntimePlacesTests {
    private func places(
        _ environment: [String: String] = [:], configured: String? = nil, executable: String? = nil
    ) -> [RuntimePlaces.Place] {
        RuntimePlaces(configuredPath: configured, environment: environment, executableFolder: executable).all
    }

    @Test func theConfigurationComesBeforeTheEnvironment() {
        let environment = ["GLEANER_ONNXRUNTIME": "/b.so"]
        #expect(places(environment, configured: "/a.so").map(\.libraries) == [["/a.so"]])
        #expect(places(environment).map(\.libraries) == [["/b.so"]])
    }

    @Test func anEmptyVariableIsNoChoice() {
        #expect(places(["GLEANER_ONNXRUNTIME": "", "HOME": "/nowhere"]).count > 1)
    }

    @Test func theUsualPlacesComeInOrder() throws {
        try TemporaryFolder.use { home in
            let wanted = [
                "program/lib/gleaner/libonnxruntime.so.1.32.0", "program/lib/libonnxruntime.so.1",
                "home/.cache/gleaner/onnxruntime/libonnxruntime.so.1.9.0",
                "home/.cache/gleaner/onnxruntime/libonnxruntime.so.1.32.0",
                "venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.32.0",
                "home/.local/lib/python3.9/site-packages/onnxruntime/capi/libonnxruntime.so.1.20.0",
                "home/.pyenv/versions/3.12.1/lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime.so.1.30.0",
            ]
            for path in wanted + [
                "venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime_providers_shared.so"
            ] {
                let file = home.appending(path: path)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data().write(to: file)
            }
            try FileManager.default.createDirectory(
                at: home.appending(path: "program/bin"), withIntermediateDirectories: true)
            let root = home.path
            let found = places(
                ["HOME": root + "/home", "VIRTUAL_ENV": root + "/venv"], executable: root + "/program/bin"
            ).flatMap(\.libraries).filter { $0.hasPrefix(root) || $0 == "libonnxruntime.so.1" }
            #expect(
                found.map { $0.replacingOccurrences(of: root + "/", with: "") } == [
                    "program/bin/../lib/gleaner/libonnxruntime.so.1.32.0",
                    "program/bin/../lib/libonnxruntime.so.1",
                    "home/.cache/gleaner/onnxruntime/libonnxruntime.so.1.32.0",
                    "home/.cache/gleaner/onnxruntime/libonnxruntime.so.1.9.0",
                    "libonnxruntime.so.1",
                    "venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.32.0",
                    "home/.local/lib/python3.9/site-packages/onnxruntime/capi/libonnxruntime.so.1.20.0",
                    "home/.pyenv/versions/3.12.1/lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime.so.1.30.0",
                ])
        }
    }

    @Test func aFolderWithPatternCharactersIsTakenLiterally() throws {
        try TemporaryFolder.use { root in
            let folder = root.appending(path: "a[b]*")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data().write(to: folder.appending(path: "libonnxruntime.so"))
            #expect(places(configured: folder.path).map(\.libraries) == [[folder.path + "/libonnxruntime.so"]])
        }
    }

    @Test func everyPlaceThatHasNothingIsListed() throws {
        try TemporaryFolder.use { root in
            var places = RuntimePlaces(configuredPath: nil, environment: ["HOME": root.path], executableFolder: nil)
            places.all = places.all.filter { $0.libraries.isEmpty }
            let error = failure { _ = try RuntimeSearch(places: places).load() }
            #expect(error?.code == .runtimeNotFound)
            for place in places.all { #expect(error?.message.contains(place.description) == true) }
            #expect(error?.message.contains(root.path + "/.cache/gleaner/onnxruntime") == true)
        }
    }
}

enum TemporaryFolder {
    static func use<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gleaner-inference-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }
}

/// A library that says it is ONNX Runtime but has no API to give, as a release would that is too old.
enum StandIn {
    private static let compiler = ["clang", "cc", "gcc"].lazy.compactMap { name in
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }.first

    static var canCompileOrMust: Bool { compiler != nil || Fixtures.isCI }

    static func withLibrary<Result>(version: String, _ body: (String) throws -> Result) throws -> Result {
        try TemporaryFolder.use { folder in
            let source = folder.appending(path: "old.c")
            let library = folder.appending(path: "libonnxruntime.so")
            let code = """
                static const void *get_api(unsigned version) { return 0; }
                static const char *get_version(void) { return "\(version)"; }
                static const struct { const void *(*a)(unsigned); const char *(*v)(void); } base = {get_api, get_version};
                const void *OrtGetApiBase(void) { return &base; }
                """
            try Data(code.utf8).write(to: source)
            let process = Process()
            process.executableURL = URL(filePath: try #require(compiler))
            process.arguments = ["-shared", "-fPIC", "-o", library.path, source.path]
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
            return try body(library.path)
        }
    }
}
