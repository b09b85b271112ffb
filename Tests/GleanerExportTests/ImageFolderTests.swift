import Foundation
import GleanerCore
import Testing

@testable import GleanerExport

@Suite struct ImageFolderTests {
    @Test func picturesLieByTheirClass() throws {
        let labeled = Make.digit(1, label: .classified("<two>"), split: .val)
        let name = "0011223344556677-r3xffeeddccbbaa9988-1.png"
        let folder = try TemporaryFolder()
        func place(_ purpose: BatchPurpose, _ sample: SampleRecord) throws -> FramePlace? {
            var writer = try ImageFolderExport().makeWriter(
                for: Make.header(purpose, .classification, count: 1), in: folder.path)
            return try writer.place(of: sample)
        }
        #expect(try place(.training, labeled) == .file("val/%3Ctwo%3E/\(name)"))
        #expect(try place(.labeling, labeled) == .file("unlabeled/one %26 only/\(name)"))
        #expect(failure { try place(.training, Make.digit(1)) }.hasPrefix("export.label"))
    }

    @Test func everySplitListsItsPictures() throws {
        let folder = try TemporaryFolder()
        let samples = [
            Make.digit(1, label: .classified("zero")), Make.digit(2, label: .classified("<two>"), split: .test),
        ]
        try writeView(ImageFolderExport(), Make.header(.training, .classification, count: 2), samples, in: folder)
        #expect(folder.names == ["test", "train"])
        #expect(
            try folder.text("test/metadata.jsonl") == """
                {"file_name":"%3Ctwo%3E/0011223344556677-r3xffeeddccbbaa9988-2.png",\
                "gleaner_id":"0011223344556677-r3xffeeddccbbaa9988-2","inclusion_probability":1.0,"label":"<two>",\
                "predicted":"one & only","reason":"margin","score":0.5,"utility":0.75}

                """)
    }

    @Test(arguments: [
        ("cat", "cat"), ("..", "%2E%2E"), ("a/b", "a%2Fb"), (".x ", "%2Ex%20"), ("v1.2 (b)", "v1.2 (b)"),
        ("100%", "100%25"), ("Äpfel 苹果", "Äpfel 苹果"), ("a\u{0}b", "a%00b"), ("C:", "C%3A"),
        (String(repeating: "/", count: 50), String(repeating: "%2F", count: 37) + "~" + "1b8e07dd"),
    ])
    func aClassIsNamedAsAFolderThatAnyFileSystemTakes(_ name: String, folder: String) {
        let made = FolderName.of(name)
        #expect(made.prefix(while: { $0 != "~" }) == folder.prefix(while: { $0 != "~" }))
        #expect(made.utf8.count <= 120)
        #expect(BatchPath.isSafe("x/\(made)/y"))
        if !made.contains("~") { #expect(made.removingPercentEncoding == name) }
    }

    @Test func longNamesThatBeginAlikeHaveDifferentFolders() {
        let start = String(repeating: "x", count: 150)
        #expect(FolderName.of(start + "1") != FolderName.of(start + "2"))
    }

    @Test func boxesAreListedBesideTheirPictures() throws {
        let folder = try TemporaryFolder()
        let sample = Make.fruit(1, label: .boxes([Make.box("pear", 1, 2, 3, 4)]))
        try writeView(ImageFolderExport(), Make.header(.training, .detection, count: 1), [sample], in: folder)
        #expect(
            try folder.text("train/metadata.jsonl").contains(
                #""objects":{"bbox":[[1.0,2.0,3.0,4.0]],"categories":["pear"]}"#))
    }
}
