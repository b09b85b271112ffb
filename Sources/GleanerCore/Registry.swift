/// The components of one kind by name: what configuration files may ask for.
///
/// Registration is an explicit list, never a side effect, so that `gleaner components` can print it, a test can
/// compare it with the schema, and a name with a typing error fails at once with the nearest known one.
public struct Registry<Component>: Sendable {
    /// One component: its name, what it does in a sentence, and how it is made from options.
    public struct Entry: Sendable {
        public let name: String
        public let summary: String
        let make: @Sendable (OptionReader) throws -> Component
        public init(_ name: String, _ summary: String, make: @escaping @Sendable (OptionReader) throws -> Component) {
            self.name = name
            self.summary = summary
            self.make = make
        }
    }

    /// What one of them is called in messages, such as `query strategy`.
    public let kind: String
    public private(set) var entries: [Entry]

    /// Traps when two entries share a name.
    public init(_ kind: String, _ entries: [Entry]) {
        precondition(Set(entries.map(\.name)).count == entries.count, "two of a \(kind) share a name")
        self.kind = kind
        self.entries = entries
    }

    /// Adds one more; traps when its name is taken.
    public mutating func register(_ entry: Entry) {
        precondition(!names.contains(entry.name), "there is a \(kind) named \(entry.name) already")
        entries.append(entry)
    }

    public var names: [String] { entries.map(\.name) }

    /// Makes the component of a name; unknown options are recorded in the reader as problems.
    ///
    /// - Throws: ``GleanerError`` with code `name.unknown` naming the nearest known name.
    public func make(_ name: String, options: OptionReader) throws -> Component {
        guard let entry = entries.first(where: { $0.name == name }) else { throw unknown(name) }
        let component = try entry.make(options)
        options.finish()
        return component
    }

    /// Makes the component of a name without options, all at their defaults.
    public func make(_ name: String) throws -> Component {
        let problems = ProblemList()
        let component = try make(name, options: OptionReader(.object([:]), path: name, problems: problems))
        try problems.throwFirst()
        return component
    }

    private func unknown(_ name: String) -> GleanerError {
        let nearest = NearestName.of(name, among: names).map { "did you mean '\($0)'? " } ?? ""
        return GleanerError(
            .unknownName, "there is no \(kind) named '\(name)'",
            remedy: "\(nearest)known: \(names.joined(separator: ", "))")
    }
}

/// The known name that a mistyped one most likely meant.
public enum NearestName {
    /// The name with the smallest edit distance, if it is close enough to be a typing error.
    public static func of(_ name: String, among known: some Sequence<String>) -> String? {
        let best = known.map { ($0, distance(name, $0)) }.min { $0.1 < $1.1 }
        guard let (candidate, distance) = best, distance <= max(1, name.count / 3) else { return nil }
        return candidate
    }

    /// Levenshtein's edit distance.
    static func distance(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let change = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(change, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
