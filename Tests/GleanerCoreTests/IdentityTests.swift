import Foundation
import GleanerCore
import Testing

@Suite("Identities")
struct IdentityTests {
    let sample = SampleID(
        device: DeviceID(rawValue: 0xab), run: RunID(counter: 7, nonce: 0xfeed_face_cafe_beef), sequence: 42)

    @Test func aSampleIsWrittenByDeviceRunAndSequence() throws {
        #expect(sample.description == "00000000000000ab-r7xfeedfacecafebeef-42")
        #expect(sample.short == "7-42")
        #expect(SampleID(sample.description) == sample)
        #expect(try expectRoundTrip(sample) == "\"00000000000000ab-r7xfeedfacecafebeef-42\"")
    }

    @Test func extremesAreReadBack() throws {
        let largest = SampleID(
            device: DeviceID(rawValue: .max), run: RunID(counter: .max, nonce: .max), sequence: .max)
        try expectRoundTrip(largest)
        try expectRoundTrip(
            SampleID(device: DeviceID(rawValue: 0), run: RunID(counter: 0, nonce: 0), sequence: 0))
    }

    @Test(
        "only what was written is read, so that one sample has one id",
        arguments: [
            "", "-", "--", "00000000000000ab-r7xfeedfacecafebeef", "00000000000000ab-r7xfeedfacecafebeef-42-",
            "ab-r7xfeedfacecafebeef-42", "00000000000000AB-r7xfeedfacecafebeef-42",
            "00000000000000ab-r07xfeedfacecafebeef-42", "00000000000000ab-r7xfeedfacecafebeef-042",
            "00000000000000ab-r+7xfeedfacecafebeef-42", "00000000000000ab-r7xfeedfacecafebeef-+42",
            "+0000000000000ab-r7xfeedfacecafebeef-42", "00000000000000ab-r7x+eedfacecafebeef-42",
            "00000000000000ab-r7xfeedfacecafebeef--42", "00000000000000ab-7xfeedfacecafebeef-42",
            "00000000000000ab-r7feedfacecafebeef-42", "00000000000000ab-r4294967296xfeedfacecafebeef-42",
            "00000000000000ab-r7xfeedfacecafebeef-18446744073709551616", " 00000000000000ab-r7xfeedfacecafebeef-42",
            "００００００００００００００ab-r7xfeedfacecafebeef-42", "00000000000000ab-rx-1", "../../etc/passwd",
        ])
    func otherTexts(text: String) throws {
        #expect(SampleID(text) == nil)
        #expect(throws: (any Error).self) { try JSONDecoder().decode(SampleID.self, from: Data("\"\(text)\"".utf8)) }
    }

    @Test func devicesAndRunsAreReadAlike() throws {
        #expect(DeviceID("00000000000000ab") == DeviceID(rawValue: 0xab))
        #expect(DeviceID("00000000000000Ab") == nil)
        #expect(DeviceID("+0000000000000ab") == nil)
        #expect(DeviceID("ab") == nil)
        #expect(RunID("r7xfeedfacecafebeef") == RunID(counter: 7, nonce: 0xfeed_face_cafe_beef))
        #expect(RunID("r-7xfeedfacecafebeef") == nil)
        #expect(RunID("r7xfeedfacecafebee") == nil)
        try expectRoundTrip(DeviceID(rawValue: 1))
        try expectRoundTrip(RunID(counter: 1, nonce: 2))
    }

    @Test func aModelIsItsDigestToo() throws {
        let first = ModelID(name: "meter", version: 3, digest: Digest(of: Array("a".utf8)))
        let second = ModelID(name: "meter", version: 3, digest: Digest(of: Array("b".utf8)))
        #expect(first.description == "meter@3")
        #expect(first != second)
        try expectRoundTrip(first)
    }

    @Test func aBatchIsTheDigestOfItsManifest() throws {
        let batch = BatchID(.empty)
        #expect(batch.short == "e3b0c44298fc")
        #expect(try expectRoundTrip(batch) == "\"\(Digest.empty)\"")
    }
}
