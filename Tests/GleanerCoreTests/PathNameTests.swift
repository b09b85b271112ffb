import Foundation
import GleanerCore
import Testing

@Suite("Parts of paths")
struct PathNameTests {
    @Test(arguments: [
        ("/a/b", "/a", "b"), ("/a/b/", "/a", "b"), ("a/b", "a", "b"), ("a", ".", "a"), ("station", ".", "station"),
        ("/a", "/", "a"), ("/", "/", ""), ("", ".", ""), ("./a", ".", "a"), ("../a", "..", "a"), ("a//b", "a", "b"),
        ("ä", ".", "ä"), ("/ä/ö.png", "/ä", "ö.png"),
    ])
    func parts(path: String, parent: String, last: String) {
        #expect(PathName.parent(of: path) == parent)
        #expect(PathName.last(of: path) == last)
    }

    /// Foundation's `deletingLastPathComponent` crashes on this one.
    @Test func aFolderOfOneLetterIsMade() throws {
        let root = FileManager.default.temporaryDirectory.path + "/gleaner-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        try DurableFile.makeFolder("\(root)/s/t")
        #expect(FileManager.default.fileExists(atPath: "\(root)/s/t"))
        #expect(PathName.parent(of: "s") == ".")
    }
}
