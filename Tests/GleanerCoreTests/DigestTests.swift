import Foundation
import GleanerCore
import Testing

@Suite("Digests")
struct DigestTests {
    /// FIPS 180-2, appendix B, and the empty message.
    static let vectors = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ]

    @Test("of the vectors in the standard", arguments: vectors)
    func ofBytes(text: String, expected: String) {
        #expect(Digest(of: Data(text.utf8)).description == expected)
        #expect(Digest(expected) == Digest(of: Data(text.utf8)))
        #expect(Digest(expected.uppercased()) == Digest(of: Data(text.utf8)))
    }

    @Test func ofAMillionLettersInAFile() throws {
        try withTemporaryFolder { folder in
            // Longer than a piece, and not a multiple of one.
            let letters = Data(repeating: UInt8(ascii: "a"), count: 1_000_000)
            try letters.write(to: URL(filePath: "\(folder)/a"))
            let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            #expect(try Digest(ofFile: "\(folder)/a").description == expected)
            let longer = Data(repeating: 7, count: 3 << 20 | 5)
            try longer.write(to: URL(filePath: "\(folder)/b"))
            #expect(try Digest(ofFile: "\(folder)/b") == Digest(of: longer))
        }
    }

    @Test func ofWhatIsNoFileIsAnError() throws {
        try withTemporaryFolder { folder in
            #expect(gleanerError { try Digest(ofFile: "\(folder)/absent") }?.code == .fileSystem)
            #expect(gleanerError { try Digest(ofFile: folder) }?.code == .fileSystem)
            #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
            #expect(gleanerError { try Digest(ofFile: "\(folder)/pipe") }?.code == .fileSystem)
        }
    }

    @Test(
        "other texts are none",
        arguments: [
            "", "e3", String(repeating: "g", count: 64), String(repeating: "a", count: 65),
            "é" + String(repeating: "a", count: 62),
        ])
    func otherTexts(text: String) {
        #expect(Digest(text) == nil)
    }

    @Test func itHasThirtyTwoBytes() throws {
        #expect(Digest(bytes: [UInt8](repeating: 1, count: 31)) == nil)
        #expect(Digest(bytes: [UInt8](repeating: 1, count: 33)) == nil)
        let digest = try #require(Digest(bytes: 0..<32))
        #expect(digest.description.hasPrefix("000102030405"))
        try expectRoundTrip(digest)
    }
}
