import Foundation
import GleanerCore
import Yams

/// Reads YAML into the one tree that configuration is read from.
enum YAMLDocument {
    /// A configuration larger than this is refused unread.
    static let byteCountMax = 1 << 20
    /// No configuration of ours nests deeper; hostile files do, to exhaust the stack.
    private static let depthMax = 32
    /// Aliases arrive expanded: a few lines of them can stand for billions of values.
    private static let valueCountMax = 100_000

    /// - Throws: ``GleanerError`` with code `document.malformed`, naming the line.
    static func parse(_ text: String, named name: String) throws -> JSONValue {
        do {
            guard let root = try Yams.compose(yaml: text) else { return .null }
            var count = 0
            return try convert(root, named: name, depth: 0, count: &count)
        } catch let error as YamlError {
            throw GleanerError(
                .malformed, "\(name) is not valid YAML: \(error)", remedy: "correct the line that is named")
        }
    }

    private static func convert(
        _ node: Node, named name: String, depth: Int, count: inout Int
    ) throws -> JSONValue {
        count += 1
        guard depth < depthMax, count <= valueCountMax else {
            throw GleanerError(
                .malformed, "\(name) nests deeper than \(depthMax) levels, or holds more than \(valueCountMax) values",
                remedy: "write it without aliases")
        }
        switch node {
        case .scalar(let scalar):
            return value(of: scalar, node)
        case .sequence(let sequence):
            return .array(try sequence.map { try convert($0, named: name, depth: depth + 1, count: &count) })
        case .mapping(let mapping):
            var values: [String: JSONValue] = [:]
            for (key, value) in mapping {
                guard let text = key.string, values[text] == nil else {
                    let line = key.mark?.line ?? 0
                    throw GleanerError(.malformed, "\(name) line \(line): a key that is no text, or is there twice")
                }
                values[text] = try convert(value, named: name, depth: depth + 1, count: &count)
            }
            return .object(values)
        case .alias:
            throw GleanerError(
                .malformed, "\(name) uses a YAML alias", remedy: "write the value out where it is needed")
        }
    }

    private static func value(of scalar: Node.Scalar, _ node: Node) -> JSONValue {
        // A quoted scalar is text, whatever it looks like.
        guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
        if node.null != nil { return .null }
        if let value = node.bool { return .bool(value) }
        if let value = node.int { return .integer(value) }
        if let value = node.float, value.isFinite { return .number(value) }
        return .string(scalar.string)
    }
}
