import Foundation
import GleanerCore
import Testing

@Suite struct SigningKeyTests {
    /// RFC 8032, section 7.1: seed, public key, message and signature, in hexadecimal.
    private static let vectors = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ]

    private static func bytes(_ hex: String) -> Data {
        let digits = Array(hex.utf8)
        return Data(
            stride(from: 0, to: digits.count, by: 2).map {
                UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0
            })
    }

    /// Made by `openssl genpkey` and `openssl pkey -pubout`, version 3.0.
    private static let theirPrivate = """
        -----BEGIN PRIVATE KEY-----
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
        -----END PRIVATE KEY-----

        """
    private static let theirPublic = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
        -----END PUBLIC KEY-----

        """

    @Test("sign as the standard's examples do", arguments: vectors)
    func standard(seed: String, publicKey: String, message: String, signature: String) throws {
        let key = try #require(SigningKey(seed: Self.bytes(seed)))
        let (message, signature) = (Self.bytes(message), Self.bytes(signature))
        #expect(Data(key.verifyingKey.bytes) == Self.bytes(publicKey))
        #expect(try key.signature(of: message) == signature)
        #expect(key.verifyingKey.hasSigned(message, signature: signature))
        #expect(!key.verifyingKey.hasSigned(message + [0], signature: signature))
        #expect(!key.verifyingKey.hasSigned(message, signature: signature.dropLast()))
        #expect(!SigningKey().verifyingKey.hasSigned(message, signature: signature))
    }

    @Test func filesAreThoseOfOtherTools() throws {
        try withTemporaryFolder { folder in
            let key = try #require(SigningKey(seed: Self.bytes(Self.vectors[0].0)))
            #expect(key.pem == Self.theirPrivate)
            #expect(key.verifyingKey.pem == Self.theirPublic)
            for (name, text) in [("k", key.pem), ("crlf", "a note\r\n" + key.pem.replacing("\n", with: "\r\n"))] {
                try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
                #expect(try SigningKey(ofFile: "\(folder)/\(name)").pem == key.pem)
            }
            try Data(key.verifyingKey.pem.utf8).write(to: URL(filePath: "\(folder)/p"))
            #expect(try VerifyingKey(ofFile: "\(folder)/p") == key.verifyingKey)
        }
    }

    @Test func whatIsNoKeyFileIsAnErrorThatDoesNotRepeatIt() throws {
        let secret = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v"
        let texts = [
            "", secret, "-----BEGIN PRIVATE KEY-----\n\(secret)\n-----END PRIVATE KEY-----\n", Self.theirPublic,
            Self.theirPrivate.replacing("VwBC", with: "VvBC"), String(repeating: "A", count: 1 << 17),
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n\(secret)\n-----END ENCRYPTED PRIVATE KEY-----\n",
        ]
        try withTemporaryFolder { folder in
            for text in texts {
                try Data(text.utf8).write(to: URL(filePath: "\(folder)/k"))
                let error = gleanerError { try SigningKey(ofFile: "\(folder)/k") }
                #expect(error?.code == .keyUnreadable && error?.description.contains(secret) == false)
            }
            try Data(Self.theirPrivate.utf8).write(to: URL(filePath: "\(folder)/k"))
            #expect(gleanerError { try VerifyingKey(ofFile: "\(folder)/k") }?.code == .keyUnreadable)
            #expect(gleanerError { try SigningKey(ofFile: "\(folder)/none") }?.code == .fileSystem)
        }
        #expect(!"\(SigningKey())".contains("PRIVATE") && SigningKey(seed: [1, 2, 3]) == nil)
    }

    @Test func textsOfPublicKeysAreReadExactly() throws {
        let key = SigningKey().verifyingKey
        try expectRoundTrip(key)
        #expect(VerifyingKey("\(key)") == key)
        for text in ["", "ed25519:", "\(key)=", "\(key) ", "ED25519:\(key.description.dropFirst(8))", "ed25519:AAAA"] {
            #expect(VerifyingKey(text) == nil, "\(text)")
        }
    }

    @Test func aKeyThatAnyoneCanSignForIsNone() {
        for first: UInt8 in [0, 1] {
            for last: UInt8 in [0, 0x80] {
                #expect(VerifyingKey(bytes: [first] + [UInt8](repeating: 0, count: 30) + [last]) == nil)
            }
        }
        #expect(VerifyingKey(bytes: [0xEC] + [UInt8](repeating: 0xFF, count: 30) + [0x7F]) == nil)
        #expect(VerifyingKey(bytes: [9] + [UInt8](repeating: 0, count: 31)) != nil)
    }

    @Test func aSecretIsWrittenOnceAndForItsOwnerOnly() throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/k"
            try DurableFile.writeNewSecret(Data("one".utf8), to: path)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            #expect(gleanerError { try DurableFile.writeNewSecret(Data("two".utf8), to: path) }?.code == .fileSystem)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "one")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["k"])
        }
    }
}
