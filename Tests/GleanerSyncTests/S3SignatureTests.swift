import Foundation
import GleanerCore
import Testing

@testable import GleanerSync

/// The examples of *Authenticating Requests: Using the Authorization Header* in Amazon's S3 API reference.
@Suite struct S3SignatureTests {
    private let signature = S3Signature(
        keys: S3Keys(accessKey: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        region: "us-east-1")
    private let time = Date(timeIntervalSince1970: 1_369_353_600)  // 2013-05-24
    private let host = (name: "Host", value: "examplebucket.s3.amazonaws.com")

    private func signed(
        _ method: String, _ path: String, query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = [], body: String = ""
    ) -> String {
        let added = signature.headers(
            method: method, path: path, query: query, headers: [host] + headers, payload: Digest(of: Array(body.utf8)),
            at: time)
        return added.first { $0.name == "authorization" }?.value.components(separatedBy: "Signature=").last ?? ""
    }

    @Test func theExamplesOfTheReferenceAreSignedAsItSays() {
        #expect(
            signed("GET", "/test.txt", headers: [("Range", "bytes=0-9")])
                == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
        #expect(
            signed(
                "PUT", "/test%24file.text",
                headers: [
                    ("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ], body: "Welcome to Amazon S3.") == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
        #expect(
            signed("GET", "/", query: [("lifecycle", "")])
                == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
        #expect(
            signed("GET", "/", query: [("prefix", "J"), ("max-keys", "2")])
                == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    }

    @Test func whatIsNotPlainIsEncodedByteByByte() {
        #expect(S3Signature.encoded("a b/ü~*'", keepsSlashes: true) == "a%20b/%C3%BC~%2A%27")
        #expect(S3Signature.encoded("a/b") == "a%2Fb")
    }
}

@Suite struct S3AddressTests {
    private func address(_ place: String, _ endpoint: String? = nil, style: S3Address.Style? = nil) throws -> S3Address
    {
        try S3Address(place, endpoint: endpoint, region: "eu-central-1", style: style)
    }

    @Test func aBucketIsInThePathOrInTheHost() throws {
        let ours = try address("s3://field/orchard//north/", "http://127.0.0.1:8333")
        #expect(ours.place == "s3:http://127.0.0.1:8333/field/orchard/north")
        #expect(ours.host == "127.0.0.1:8333")
        #expect(
            ours.url(path: ours.path(of: ours.key("a b")), query: "x=")
                == "http://127.0.0.1:8333/field/orchard/north/a%20b?x=")
        let amazons = try address("s3://field")
        #expect(amazons.host == "field.s3.eu-central-1.amazonaws.com")
        #expect(amazons.url(path: amazons.path(of: "k"), query: "") == "https://field.s3.eu-central-1.amazonaws.com/k")
        #expect(try address("s3://field", "https://store:443", style: .host).host == "field.store")
    }

    @Test(arguments: [
        ("s3://", nil), ("s3://AB", nil), ("s3://a_b", nil), ("s3:field", nil), ("s3://field", "store"),
        ("s3://field", "ftp://store"), ("s3://field", "http://user:pass@store"), ("s3://field", "http://store/path"),
    ])
    func whatIsNoAddressIsAnError(_ place: String, _ endpoint: String?) async {
        let message = await failure { try address(place, endpoint) }
        #expect(message.hasPrefix("document.malformed") && !message.contains("pass"))
    }
}

#if Network
    @Suite struct S3CredentialsTests {
        private static let text = """
            # a comment
            [default]
            aws_access_key_id = ONE
            aws_secret_access_key=first=secret
            [ field ]
            aws_access_key_id=TWO
            aws_secret_access_key=second
            aws_session_token = borrowed
            """

        @Test func aProfileHasItsKeys() async throws {
            let folder = try TemporaryFolder()
            let path = "\(folder.path)/credentials"
            try Self.text.write(toFile: path, atomically: true, encoding: .utf8)
            func keys(_ profile: String) async throws -> S3Keys {
                try await S3Credentials(origin: .file, file: path, profile: profile).keys()
            }
            #expect(try await keys("default") == S3Keys(accessKey: "ONE", secret: "first=secret"))
            #expect(try await keys("field") == S3Keys(accessKey: "TWO", secret: "second", sessionToken: "borrowed"))
            #expect(await failure { try await keys("other") }.contains("has none in its section [other]"))
            let absent = S3Credentials(origin: .file, file: "\(folder.path)/absent", profile: nil)
            #expect(await failure { try await absent.keys() }.hasPrefix("destination.refused"))
        }
    }
#endif
