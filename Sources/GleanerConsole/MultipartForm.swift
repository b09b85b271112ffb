import Foundation
import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The parts of a body of `multipart/form-data` by name: RFC 7578, and RFC 2046, section 5.1.
struct MultipartForm {
    /// More parts than anybody needs, and headers longer than anybody writes, are refused.
    private static let partCountMax = 16
    private static let headerByteCountMax = 4096

    private(set) var parts: [String: Data] = [:]

    /// - Throws: ``GleanerError`` with code `ingest.malformed`.
    init(_ body: Data, boundary: String) throws {
        let delimiter = Data("--\(boundary)".utf8)
        // A delimiter begins a line; the first may be the body's first.
        let inner = Data("\r\n".utf8) + delimiter
        guard var position = body.starts(with: delimiter) ? delimiter.count : body.end(of: inner, from: 0) else {
            throw Self.malformed("the boundary that the header names is not in the body")
        }
        while !body.has("--", at: position) {
            guard parts.count < Self.partCountMax else { throw Self.malformed("the form has too many parts") }
            guard let start = body.end(of: Data("\r\n".utf8), from: position, within: 64),
                let headersEnd = body.has("\r\n", at: start)
                    ? start + 2 : body.end(of: Data("\r\n\r\n".utf8), from: start, within: Self.headerByteCountMax),
                let next = body.end(of: inner, from: headersEnd - 2)
            else { throw Self.malformed("the form ends within a part, or a part has no end of its headers") }
            let headers = String(decoding: body.slice(start, headersEnd), as: UTF8.self)
            guard let name = Self.name(in: headers) else { throw Self.malformed("a part of the form has no name") }
            guard parts[name] == nil else { throw Self.malformed("the part '\(name.prefix(60))' is there twice") }
            parts[name] = body.slice(headersEnd, max(headersEnd, next - inner.count))
            position = next
        }
    }

    /// The boundary that a `Content-Type` names; `nil` when it is of another type or names none.
    static func boundary(in contentType: String) -> String? {
        let fields = parameters(of: contentType)
        guard fields.value == "multipart/form-data", let boundary = fields.parameters["boundary"],
            (1...70).contains(boundary.utf8.count)
        else { return nil }
        return boundary
    }

    private static func name(in headers: String) -> String? {
        for line in headers.split(separator: "\r\n") {
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == "content-disposition" else {
                continue
            }
            let fields = parameters(of: String(line[line.index(after: colon)...]))
            return fields.value == "form-data" ? fields.parameters["name"] : nil
        }
        return nil
    }

    /// `form-data; name="frame"; filename="a;b.jpg"`: the value and its parameters.
    private static func parameters(of field: String) -> (value: String, parameters: [String: String]) {
        var pieces = [""]
        var isQuoted = false
        for character in field {
            if character == "\"" { isQuoted.toggle() }
            if character == ";", !isQuoted { pieces.append("") } else { pieces[pieces.count - 1].append(character) }
        }
        let trimmed = pieces.map { $0.trimmingCharacters(in: .whitespaces) }
        let pairs = trimmed.dropFirst().compactMap { piece -> (String, String)? in
            guard let equals = piece.firstIndex(of: "=") else { return nil }
            let value = piece[piece.index(after: equals)...]
            return (piece[..<equals].lowercased(), value.trimmingCharacters(in: CharacterSet(charactersIn: "\"")))
        }
        return (trimmed[0].lowercased(), Dictionary(pairs) { first, _ in first })
    }

    private static func malformed(_ message: String) -> GleanerError {
        GleanerError(
            .ingestMalformed, message,
            remedy: "let a library write the form: curl -F, or files= of Python's requests")
    }
}

extension Data {
    /// Where what is looked for ends, if it lies at or behind a position.
    fileprivate func end(of needle: Data, from position: Int, within byteCount: Int = .max) -> Int? {
        guard position <= count, let first = needle.first else { return nil }
        let limit = position + Swift.min(count - position, byteCount) - needle.count
        return withUnsafeBytes { bytes in
            var place = position
            // Pictures are large, and the C library looks at many bytes at once.
            while place <= limit, let base = bytes.baseAddress,
                let found = memchr(base + place, Int32(first), limit - place + 1)
            {
                place = UnsafeRawPointer(found) - base
                if bytes[place..<place + needle.count].elementsEqual(needle) { return place + needle.count }
                place += 1
            }
            return nil
        }
    }

    fileprivate func has(_ text: String, at position: Int) -> Bool {
        position <= count && dropFirst(position).starts(with: text.utf8)
    }

    fileprivate func slice(_ from: Int, _ to: Int) -> Data { self[startIndex + from..<startIndex + to] }
}
