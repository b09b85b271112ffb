import ArgumentParser
import Foundation
import GleanerCore

/// What options such as `--decoder-option key=value` take.
enum OptionPair {
    static func text(_ text: String, of option: String) throws -> (key: String, value: String) {
        guard let sign = text.firstIndex(of: "="), sign > text.startIndex else {
            throw ValidationError("\(option) takes two words with = between them, not '\(text)'")
        }
        return (String(text[..<sign]), String(text[text.index(after: sign)...]))
    }

    /// The value is JSON where it reads as such, else text.
    static func json(_ text: String, of option: String) throws -> (key: String, value: JSONValue) {
        let (key, value) = try Self.text(text, of: option)
        let json = try? CanonicalJSON.decode(JSONValue.self, from: Data(value.utf8), named: "the value")
        return (key, json ?? .string(value))
    }
}
