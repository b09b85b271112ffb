/// One thing that is wrong with a document, and what to do about it.
public struct Problem: Hashable, Sendable, Codable {
    /// Where: a key path such as `selection.budget.share`, or a part of the system.
    public var path: String
    public var message: String
    public var remedy: String
    public init(path: String, message: String, remedy: String) {
        self.path = path
        self.message = message
        self.remedy = remedy
    }
}

/// Collects every problem, so that a person sees them all at once and not one at a time.
public final class ProblemList {
    public private(set) var problems: [Problem] = []
    public init() {}
    public func add(_ path: String, _ message: String, remedy: String) {
        problems.append(Problem(path: path, message: message, remedy: remedy))
    }

    /// - Throws: ``GleanerError`` with code `document.malformed` for the first problem, if there is one.
    public func throwFirst() throws {
        guard let first = problems.first else { return }
        let more = problems.count > 1 ? " (and \(problems.count - 1) more)" : ""
        throw GleanerError(.malformed, "\(first.path): \(first.message)\(more)", remedy: first.remedy)
    }
}

/// Reads the keys of one section, checks types and ranges, and knows which keys nobody asked for.
///
/// A wrong value is recorded as a problem and its default is used, so that reading goes on and finds the rest.
/// Call ``finish()`` at the end: keys that were never asked for are then problems too, each with the nearest known.
public final class OptionReader {
    private var values: [String: JSONValue]
    private var known: [String] = []
    public let path: String
    public let problems: ProblemList

    /// A section that is not an object is itself a problem, and then reads as empty.
    public init(_ value: JSONValue, path: String, problems: ProblemList) {
        self.path = path
        self.problems = problems
        switch value {
        case .object(let values): self.values = values
        case .null: values = [:]
        default:
            values = [:]
            problems.add(path, "must be a section with keys, not \(value.kind)", remedy: "write `key: value` below it")
        }
    }

    /// The value of a key, if it is there; the key then counts as known.
    public func value(_ key: String) -> JSONValue? {
        if !known.contains(key) { known.append(key) }
        guard let value = values[key], value != .null else { return nil }
        return value
    }

    public func string(_ key: String) -> String? {
        read(key, "text") { if case .string(let text) = $0 { text } else { nil } }
    }

    public func bool(_ key: String, default standard: Bool) -> Bool {
        read(key, "true or false") { if case .bool(let value) = $0 { value } else { nil } } ?? standard
    }

    public func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        read(key, "a whole number from \(range.lowerBound) to \(range.upperBound)") {
            if case .integer(let value) = $0, range.contains(value) { value } else { nil }
        }
    }

    public func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
        read(key, "a number from \(range.lowerBound) to \(range.upperBound)") { Self.number($0, in: range) }
    }

    /// A share of a whole: `0.02` or `2 %`.
    public func share(_ key: String, in range: ClosedRange<Double> = 0...1) -> Double? {
        read(key, "a share such as 0.02 or 2 %, from \(range.lowerBound) to \(range.upperBound)") {
            if case .string(let text) = $0, text.hasSuffix("%") {
                let percent = Double(text.dropLast().filter { $0 != " " })
                return percent.flatMap { range.contains($0 / 100) ? $0 / 100 : nil }
            }
            return Self.number($0, in: range)
        }
    }

    /// A size in bytes: a whole number, or text such as `64 KiB`, `2 GB`.
    public func byteCount(_ key: String) -> Int? {
        read(key, "a size such as 64 KiB, 500 MB or 2 GiB") {
            switch $0 {
            case .integer(let value) where value >= 0: value
            case .string(let text): ByteCount.parse(text)
            default: nil
            }
        }
    }

    public func strings(_ key: String) -> [String]? {
        read(key, "a list of texts") {
            guard case .array(let items) = $0 else { return nil }
            let texts = items.compactMap { if case .string(let text) = $0 { text } else { nil } }
            return texts.count == items.count ? texts : nil
        }
    }

    /// A list of whole numbers, all in the range.
    public func integers(_ key: String, in range: ClosedRange<Int>) -> [Int]? {
        read(key, "a list of whole numbers from \(range.lowerBound) to \(range.upperBound)") {
            guard case .array(let items) = $0 else { return nil }
            let numbers = items.compactMap { if case .integer(let number) = $0 { number } else { nil } }
            return numbers.count == items.count && numbers.allSatisfy(range.contains) ? numbers : nil
        }
    }

    /// A list of numbers, all in the range.
    public func numbers(_ key: String, in range: ClosedRange<Double>) -> [Double]? {
        read(key, "a list of numbers from \(range.lowerBound) to \(range.upperBound)") {
            Self.numbers($0, in: range)
        }
    }

    /// A list of lists of numbers, all in the range.
    public func numberLists(_ key: String, in range: ClosedRange<Double>) -> [[Double]]? {
        read(key, "a list of lists of numbers from \(range.lowerBound) to \(range.upperBound)") {
            guard case .array(let items) = $0 else { return nil }
            let lists = items.compactMap { Self.numbers($0, in: range) }
            return lists.count == items.count ? lists : nil
        }
    }

    /// A list of sections; empty when there is none.
    public func sections(_ key: String) -> [OptionReader] {
        guard let value = value(key) else { return [] }
        guard case .array(let items) = value else {
            problems.add(join(key), "must be a list, not \(value.kind)", remedy: "write a list of sections")
            return []
        }
        return items.enumerated().map { OptionReader($1, path: "\(join(key))[\($0)]", problems: problems) }
    }

    /// One of an enumeration's names.
    public func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _ type: Choice.Type) -> Choice?
    where Choice.RawValue == String {
        let names = Choice.allCases.map(\.rawValue)
        return read(key, "one of \(names.joined(separator: ", "))") {
            if case .string(let text) = $0 { Choice(rawValue: text) } else { nil }
        }
    }

    /// A section inside this one; an absent one reads as empty.
    public func section(_ key: String) -> OptionReader {
        OptionReader(value(key) ?? .null, path: join(key), problems: problems)
    }

    /// A key that asks for a component: a name, or a section with `type` and that component's options. Where there is
    /// a `standard` one, a section may leave `type` out.
    public func component(_ key: String, standard: String? = nil) -> ComponentRequest? {
        value(key).flatMap { request($0, at: join(key), standard: standard) }
    }

    /// A list of components.
    public func components(_ key: String) -> [ComponentRequest]? {
        guard let value = value(key) else { return nil }
        guard case .array(let items) = value else {
            problems.add(join(key), "must be a list, not \(value.kind)", remedy: "write `- name` lines below it")
            return nil
        }
        return items.enumerated().compactMap { request($1, at: "\(join(key))[\($0)]") }
    }

    /// Makes a problem of every key that nobody asked for.
    public func finish() {
        for key in values.keys.sorted() where !known.contains(key) {
            let nearest = NearestName.of(key, among: known).map { "did you mean '\($0)'? " } ?? ""
            let list = known.isEmpty ? "there are no keys here" : "known keys: \(known.joined(separator: ", "))"
            problems.add(join(key), "is not a known key", remedy: nearest + list)
        }
    }

    private func join(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private func read<Value>(_ key: String, _ expected: String, _ convert: (JSONValue) -> Value?) -> Value? {
        guard let value = value(key) else { return nil }
        if let converted = convert(value) { return converted }
        let json = try? CanonicalJSON.encode(value)
        let found = json.map { String(decoding: $0.prefix(60), as: UTF8.self) } ?? "a number that cannot be written"
        problems.add(join(key), "must be \(expected), not \(found)", remedy: "correct it, or remove it for the default")
        return nil
    }

    private static func number(_ value: JSONValue, in range: ClosedRange<Double>) -> Double? {
        let number: Double
        switch value {
        case .integer(let value): number = Double(value)
        case .number(let value): number = value
        default: return nil
        }
        return number.isFinite && range.contains(number) ? number : nil
    }

    private static func numbers(_ value: JSONValue, in range: ClosedRange<Double>) -> [Double]? {
        guard case .array(let items) = value else { return nil }
        let numbers = items.compactMap { number($0, in: range) }
        return numbers.count == items.count ? numbers : nil
    }

    private func request(_ value: JSONValue, at place: String, standard: String? = nil) -> ComponentRequest? {
        switch value {
        case .string(let name):
            return ComponentRequest(name: name, options: OptionReader(.object([:]), path: place, problems: problems))
        case .object(var values):
            let type = values.removeValue(forKey: "type") ?? standard.map { .string($0) }
            guard case .string(let name)? = type else {
                problems.add(place, "lacks the key 'type'", remedy: "add `type:` with the component's name")
                return nil
            }
            let options = OptionReader(.object(values), path: place, problems: problems)
            return ComponentRequest(name: name, options: options)
        default:
            problems.add(place, "must be a name or a section with 'type', not \(value.kind)", remedy: "write its name")
            return nil
        }
    }
}

/// A component that a configuration asks for, before its registry made it.
public struct ComponentRequest {
    public let name: String
    public let options: OptionReader
    public init(name: String, options: OptionReader) {
        self.name = name
        self.options = options
    }

    /// Makes it; an unknown name becomes a problem at its place, and `nil`.
    public func make<Component>(from registry: Registry<Component>) -> Component? {
        do {
            return try registry.make(name, options: options)
        } catch let error as GleanerError {
            options.problems.add(options.path, error.message, remedy: error.remedy)
        } catch {
            options.problems.add(options.path, "\(error)", remedy: "")
        }
        return nil
    }
}

/// Sizes as people write them.
public enum ByteCount {
    /// Reads `64 KiB`, `500MB`, `2 GiB`, `1.5 GB` or a plain number; `nil` for anything else.
    public static func parse(_ text: String) -> Int? {
        let trimmed = text.filter { $0 != " " && $0 != "_" }
        let digits = trimmed.prefix { $0.isNumber || $0 == "." }
        let factors: [String: Double] = [
            "": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
            "KIB": 0x1p10, "MIB": 0x1p20, "GIB": 0x1p30, "TIB": 0x1p40,
        ]
        guard let number = Double(digits), let factor = factors[trimmed.dropFirst(digits.count).uppercased()] else {
            return nil
        }
        let bytes = number * factor
        return bytes >= 0 && bytes < 0x1p62 ? Int(bytes) : nil
    }

    /// Writes three significant digits and a binary unit: `1.46 GiB`.
    public static func format(_ count: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1023.5, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        guard unit > 0 else { return "\(count) B" }
        let decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0
        let scaled = [1.0, 10, 100][decimals]
        let rounded = (value * scaled).rounded() / scaled
        let text = decimals == 0 ? "\(Int(rounded))" : "\(rounded)"
        return "\(text) \(units[unit])"
    }
}
