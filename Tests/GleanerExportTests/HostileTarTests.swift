import Foundation
import GleanerCore
import GleanerTesting
import Testing

@testable import GleanerExport

@Suite struct HostileTarTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func copy(_ bytes: [UInt8], byteCountMax: Int = 1 << 20) throws -> ModelManifest {
        let inside = try folder.folder("in")
        try Data(bytes).write(to: URL(filePath: "\(inside)/b.tar"))
        return try ModelBundleReader.copy(
            from: "\(inside)/b.tar", into: "\(folder.path)/slot", byteCountMax: byteCountMax
        ).manifest
    }

    /// The message, after seeing that nothing was left and nothing was written elsewhere.
    private func refusal(_ bytes: [UInt8], byteCountMax: Int = 1 << 20) -> String {
        let message = failure { try copy(bytes, byteCountMax: byteCountMax) }
        #expect(folder.names == ["in"], "\(message)")
        return message
    }

    @Test func aPlainArchiveIsCopied() throws {
        let bytes = try MakeBundle.tar {
            $0.add("golden/", type: "5")
            $0.add("golden/1.png", [1, 2, 3])
            $0.add("./licence.txt", [])
            $0.add("old", [1], magic: "")
            $0.add("gnu", [1], magic: "ustar  \u{0}")
            $0.addPax([("comment", "x")], type: "g")
            $0.addPax([("mtime", "1.5"), ("path", "golden/from-pax.png")])
            $0.add("ignored", [9])
            $0.add("2.png", [9], prefix: "golden")
            $0.add("seven-digits", [9], checksumForm: { "0\($0)\u{0}" })
        }
        #expect(try copy(bytes) == MakeBundle.manifest())
        let copied = try FileManager.default.subpathsOfDirectory(atPath: "\(folder.path)/slot").sorted()
        #expect(
            copied == [
                "gnu", "golden", "golden/1.png", "golden/2.png", "golden/from-pax.png", "licence.txt", "model.json",
                "model.onnx", "old", "seven-digits",
            ])
    }

    @Test(arguments: [
        "../evil", "/etc/evil", "a/../../evil", "golden/../evil", "golden/a/b", "sub/file", "..", ".", "-rf", "a b",
        "é",
        "golden", "golden/", "a\\b", "golden/..", "./../evil", "././x", "a\u{7}",
    ])
    func aNameThatLeadsElsewhereIsRefused(_ name: String) throws {
        let plain = refusal(try MakeBundle.tar { $0.add(name, [1]) })
        #expect(plain.hasPrefix("bundle.entry") || plain.hasPrefix("bundle.archive"), "\(plain)")
        let pax = refusal(
            try MakeBundle.tar {
                $0.addPax([("path", name)]); $0.add("x", [1])
            })
        #expect(pax.hasPrefix("bundle.entry"), "\(pax)")
    }

    @Test(arguments: [
        ("1", "the hard link"), ("2", "the link"), ("3", "the device"), ("4", "the device"), ("6", "the pipe"),
        ("S", "the sparse file"), ("L", "the long name"), ("K", "the long name"), ("V", "unknown type 86"),
    ])
    func whatIsNoFileIsRefused(_ type: String, reason: String) throws {
        let message = refusal(try MakeBundle.tar { $0.add("x", type: type.first ?? "0", link: "/etc/passwd") })
        #expect(
            message.hasPrefix("bundle.entry") && message.contains(reason),
            "\(message)")
    }

    @Test func otherDamageIsRefused() throws {
        let cases: [(String, [UInt8])] = [
            ("'model.onnx' twice", try MakeBundle.tar { $0.add("model.onnx", MakeBundle.model) }),
            ("'model.onnx' twice", try MakeBundle.tar { $0.add("./model.onnx", MakeBundle.model) }),
            ("checksum is wrong", try MakeBundle.tar { $0.add("x", checksumOff: 1) }),
            ("checksum is not written", try MakeBundle.tar { $0.add("x", checksumForm: { "\($0) \u{0}" }) }),
            (
                "checksum is not written",
                try MakeBundle.tar { $0.add("x", checksumForm: { " \($0.dropFirst())\u{0} " }) }
            ),
            ("checksum is not written", try MakeBundle.tar { $0.add("x", checksumForm: { "\($0)\u{0}\u{0}" }) }),
            (
                "not padded with zeros",
                try MakeBundle.tar {
                    $0.add("x", [1]); $0.bytes[$0.bytes.count - 1] = 1
                }
            ),
            ("size is no octal", try MakeBundle.tar { $0.add("x", sizeField: "0000000000z") }),
            ("size is no octal", try MakeBundle.tar { $0.add("x", sizeField: "\u{80}\u{1}") }),
            ("it is cut off", try MakeBundle.tar { $0.add("x", sizeField: "77777777777") }),
            ("a folder has content", try MakeBundle.tar { $0.add("golden/", [1], type: "5") }),
            ("the folder 'sub'", try MakeBundle.tar { $0.add("sub/", type: "5") }),
            ("the folder '..'", try MakeBundle.tar { $0.add("../", type: "5") }),
            (
                "gives a size",
                try MakeBundle.tar {
                    $0.addPax([("size", "1")]); $0.add("x", [1, 2])
                }
            ),
            (
                "gives a linkpath",
                try MakeBundle.tar {
                    $0.addPax([("linkpath", "/x")]); $0.add("x")
                }
            ),
            (
                "sparse",
                try MakeBundle.tar {
                    $0.addPax([("GNU.sparse.major", "1")]); $0.add("x")
                }
            ),
            (
                "one name for all",
                try MakeBundle.tar {
                    $0.addPax([("path", "y")], type: "g"); $0.add("x")
                }
            ),
            ("header is malformed", try MakeBundle.tar { $0.add("p", Array("99 a=b\n".utf8), type: "x") }),
            (
                "header is malformed",
                try MakeBundle.tar { $0.add("p", Array("9999999999999999999999 a=b\n".utf8), type: "x") }
            ),
            ("header is malformed", try MakeBundle.tar { $0.add("p", Array("7 abcd\n".utf8), type: "x") }),
            ("ends after an extended", try MakeBundle.tar { $0.addPax([("path", "y")]) }),
            ("something follows", try MakeBundle.tar() + [UInt8](repeating: 0, count: 512) + [1]),
            ("cut off at its end", Array(try MakeBundle.tar().dropLast(512))),
            ("it is cut off", try MakeBundle.tar(end: false)),
            ("it is cut off", Array(try MakeBundle.tar().prefix(700))), ("it is cut off", []),
            ("no tar header", [UInt8](repeating: 65, count: 2048)),
            ("compressed with gzip", [0x1F, 0x8B, 8, 0, 0, 0, 0]), ("a zip archive", Array("PK\u{3}\u{4}....".utf8)),
            ("compressed with xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
            ("compressed with zstd", [0x28, 0xB5, 0x2F, 0xFD, 0, 0]),
        ]
        for (reason, bytes) in cases {
            let message = refusal(bytes)
            #expect(message.hasPrefix("bundle.") && message.contains(reason), "\(reason): \(message)")
        }
    }

    @Test func sizesAreSummedBeforeAnythingIsCopied() throws {
        let bytes = try MakeBundle.tar { $0.add("x", [UInt8](repeating: 1, count: 5_000)) }
        #expect(refusal(bytes, byteCountMax: 5_000).hasPrefix("bundle.size"))
        #expect(throws: Never.self) { try copy(bytes, byteCountMax: 10_000) }
    }

    @Test func aThousandEntriesAreTheLimit() throws {
        let many = try MakeBundle.tar { tar in for number in 0..<1_000 { tar.add("f\(number)") } }
        #expect(refusal(many).hasPrefix("bundle.size"))
        let attributes = try MakeBundle.tar { tar in for _ in 0..<3_001 { tar.addPax([("comment", "x")]) } }
        #expect(refusal(attributes).hasPrefix("bundle.size"))
    }

    @Test func tenThousandMutationsAreErrorsOrWholeBundles() throws {
        let valid = try MakeBundle.tar {
            $0.addPax([("path", "golden/a.png")])
            $0.add("x", [1, 2, 3])
        }
        let outside = try folder.folder("in")
        var random = RandomBytes(seed: 20_260_102)
        var taken = 0
        for number in 0..<10_000 {
            let path = "\(outside)/\(number).tar"
            try random.mutated(Data(valid)).write(to: URL(filePath: path))
            do {
                let manifest = try ModelBundleReader.copy(from: path, into: "\(folder.path)/slot").manifest
                #expect(try Digest(ofFile: "\(folder.path)/slot/\(manifest.file)") == manifest.sha256)
                try FileManager.default.removeItem(atPath: "\(folder.path)/slot")
                taken += 1
            } catch is GleanerError {}
            try FileManager.default.removeItem(atPath: path)
        }
        #expect(folder.names == ["in"])
        // Some changes touch only the file that no digest is known of… and most do not.
        #expect((1..<5_000).contains(taken), "\(taken)")
    }
}
