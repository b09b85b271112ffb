import Foundation
import GleanerCore
import Testing

@testable import GleanerConsole

@Suite struct MultipartFormTests {
    private func parts(_ text: String, boundary: String = "b") throws -> [String: String] {
        try MultipartForm(Data(text.utf8), boundary: boundary).parts.mapValues { String(decoding: $0, as: UTF8.self) }
    }

    @Test func partsAreFoundByName() throws {
        let text =
            "--b\r\nContent-Disposition: form-data; name=\"frame\"; filename=\"a;name=x.jpg\"\r\n"
            + "Content-Type: image/jpeg\r\n\r\nJPEG\r\n\r\n--tail\r\n--b\r\n"
            + "content-disposition: form-data; name=prediction\r\n\r\n{}\r\n--b--\r\n"
        #expect(try parts(text) == ["frame": "JPEG\r\n\r\n--tail", "prediction": "{}"])
    }

    @Test func whatStandsBeforeAndBehindIsPassedOver() throws {
        let text = "preamble\r\n--b  \r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\nepilogue"
        #expect(try parts(text) == ["a": "1"])
    }

    @Test func aPartMayBeEmpty() throws {
        #expect(try parts("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--b--") == ["a": ""])
        #expect(try parts("--b--") == [:])
    }

    @Test func anyBytesMayStandInAPart() throws {
        let picture = Data((0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 7) }) + Data("\r\n--".utf8)
        let body =
            Data("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".utf8) + picture + Data("\r\n--b--".utf8)
        // A slice does not begin at 0.
        let padded = Data("xx".utf8) + body
        #expect(try MultipartForm(body, boundary: "b").parts["a"] == picture)
        #expect(try MultipartForm(padded.dropFirst(2), boundary: "b").parts["a"] == picture)
    }

    @Test(arguments: [
        "", "no boundary", "--b", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno end",
        "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--", "--b\r\n\r\n1\r\n--b--",
        "--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n1\r\n--b--",
        "--b\r\nX: \(String(repeating: "x", count: 5000))\r\n\r\n1\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n2\r\n--b--",
        String(repeating: "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n", count: 3),
        (0..<17).map { "--b\r\nContent-Disposition: form-data; name=\"\($0)\"\r\n\r\n1\r\n" }.joined() + "--b--",
    ])
    func aBodyThatIsNoFormIsRefused(_ text: String) {
        #expect { try parts(text) } throws: { ($0 as? GleanerError)?.code == .ingestMalformed }
    }

    @Test func everyBeginningOfAFormIsRefusedOrRead() {
        let text = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--"
        for count in 0..<text.utf8.count { _ = try? parts(String(decoding: text.utf8.prefix(count), as: UTF8.self)) }
    }

    @Test(
        arguments: [
            ("multipart/form-data; boundary=abc", "abc"), ("Multipart/Form-Data; charset=x; boundary=\"a b\"", "a b"),
            ("multipart/form-data", nil), ("multipart/form-data; boundary=", nil), ("multipart/mixed; boundary=a", nil),
            ("application/json", nil), ("", nil),
            ("multipart/form-data; boundary=\(String(repeating: "b", count: 71))", nil),
        ] as [(String, String?)])
    func theBoundaryIsTakenFromTheHeader(_ type: String, _ boundary: String?) {
        #expect(MultipartForm.boundary(in: type) == boundary)
    }
}
