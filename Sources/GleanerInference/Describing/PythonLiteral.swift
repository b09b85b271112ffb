import GleanerCore

/// Reads what Python's `repr` writes of numbers, texts, lists and dictionaries: exporters leave such notes in models.
struct PythonLiteral {
    private let scalars: [Unicode.Scalar]
    private var index = 0

    /// Deeper nesting and longer texts are not notes.
    private static let depthMax = 8
    private static let scalarCountMax = 1 << 20

    /// The value, or `nil` when the text is no literal from its beginning to its end.
    static func parse(_ text: String) -> JSONValue? {
        guard text.utf8.count <= scalarCountMax else { return nil }
        var reader = PythonLiteral(scalars: Array(text.unicodeScalars))
        let value = reader.value(depth: 0)
        reader.skipSpace()
        return reader.index == reader.scalars.count ? value : nil
    }

    private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func skipSpace() {
        while let scalar = next, scalar.properties.isWhitespace { index += 1 }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        skipSpace()
        guard next == scalar else { return false }
        index += 1
        return true
    }

    private mutating func value(depth: Int) -> JSONValue? {
        guard depth < Self.depthMax else { return nil }
        skipSpace()
        switch next {
        case "{": return dictionary(depth)
        case "[": return list(depth, end: "]")
        case "(": return list(depth, end: ")")
        case "'", "\"": return text().map { .string($0) }
        default: return word()
        }
    }

    /// Keys become texts.
    private mutating func dictionary(_ depth: Int) -> JSONValue? {
        index += 1
        var values: [String: JSONValue] = [:]
        while !take("}") {
            guard let key = value(depth: depth + 1).flatMap(Self.key), take(":"), let value = value(depth: depth + 1)
            else { return nil }
            values[key] = value
            guard take(",") else { return take("}") ? .object(values) : nil }
        }
        return .object(values)
    }

    private static func key(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer(let number): "\(number)"
        default: nil
        }
    }

    private mutating func list(_ depth: Int, end: Unicode.Scalar) -> JSONValue? {
        index += 1
        var values: [JSONValue] = []
        while !take(end) {
            guard let value = value(depth: depth + 1) else { return nil }
            values.append(value)
            guard take(",") else { return take(end) ? .array(values) : nil }
        }
        return .array(values)
    }

    private mutating func text() -> String? {
        let quote = scalars[index]
        index += 1
        var text = String.UnicodeScalarView()
        while let scalar = next {
            index += 1
            if scalar == quote { return String(text) }
            guard scalar == "\\" else {
                text.append(scalar)
                continue
            }
            guard let escaped = escape() else { return nil }
            text.append(escaped)
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard let scalar = next else { return nil }
        index += 1
        switch scalar {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "x": return code(2)
        case "u": return code(4)
        case "U": return code(8)
        default: return scalar
        }
    }

    private mutating func code(_ digitCount: Int) -> Unicode.Scalar? {
        guard index + digitCount <= scalars.count else { return nil }
        let digits = String(String.UnicodeScalarView(scalars[index..<index + digitCount]))
        index += digitCount
        return UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init)
    }

    private mutating func word() -> JSONValue? {
        let start = index
        while let scalar = next, scalar.properties.isAlphabetic || "0123456789+-._".unicodeScalars.contains(scalar) {
            index += 1
        }
        let word = String(String.UnicodeScalarView(scalars[start..<index]))
        switch word {
        case "True": return .bool(true)
        case "False": return .bool(false)
        case "None": return .null
        default: return Int(word).map { .integer($0) } ?? Double(word).map { .number($0) }
        }
    }
}
