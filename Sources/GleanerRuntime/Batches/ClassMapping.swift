import GleanerCore

/// What becomes of classes in labels that are named in another way than here, or not known here at all.
public struct ClassMapping: Sendable {
    /// What is done with a class that neither the model nor the configuration knows.
    public enum Unknown: String, Sendable, Codable, CaseIterable {
        /// Its labels are not taken.
        case reject
        /// Its labels are taken.
        case add
        /// Its boxes are left out of their frames, which are taken without them; a frame of that class is not taken.
        case drop
    }

    /// New names by old ones.
    public var renames: [String: String]
    public var unknown: Unknown

    public init(renames: [String: String] = [:], unknown: Unknown = .reject) {
        self.renames = renames
        self.unknown = unknown
    }
}

/// A class in a label file that is not known here, and what was decided.
public struct UnknownClass: Hashable, Sendable, Codable {
    public var name: String
    /// How many labels or boxes have it.
    public var count: Int
    public var decision: ClassMapping.Unknown
    /// A class that is known, if one is written much like it.
    public var nearest: String?

    enum CodingKeys: String, CodingKey {
        case name = "class"
        case count, decision, nearest
    }
}

/// Applies a mapping to the labels of one file, and counts what it meets.
struct ClassMapper {
    let mapping: ClassMapping
    let known: Set<String>
    private var unknownCounts: [String: Int] = [:]
    private var unused: Set<String>

    init(_ mapping: ClassMapping, known: [String]) {
        self.mapping = mapping
        self.known = Set(known)
        unused = Set(mapping.renames.keys)
    }

    /// The label with its classes named as here; `nil` when nothing of it is left.
    mutating func mapped(_ label: IncomingLabel) -> IncomingLabel? {
        var label = label
        switch label.label.value {
        case .unusable: break
        case .classified(let name):
            guard let name = mapped(name) else { return nil }
            label.label.value = .classified(name)
        case .classes(let names):
            let known = names.compactMap { mapped($0) }
            // Nothing left of something is not the same as nothing.
            guard !known.isEmpty || names.isEmpty else { return nil }
            label.label.value = .classes(known)
        case .boxes(let boxes):
            label.label.value = .boxes(
                boxes.compactMap { box in mapped(box.label).map { LabeledBox(label: $0, box: box.box) } })
        }
        return label
    }

    private mutating func mapped(_ name: String) -> String? {
        unused.remove(name)
        let name = mapping.renames[name] ?? name
        guard !known.contains(name) else { return name }
        unknownCounts[name, default: 0] += 1
        return mapping.unknown == .drop ? nil : name
    }

    /// A file that names more is no file of labels, and nobody reads so many lines.
    private static let reportedCountMax = 100

    /// The classes that are not known here, the commonest first.
    var unknownClasses: [UnknownClass] {
        let names = known.sorted()
        return unknownCounts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.reportedCountMax).map {
            UnknownClass(
                name: String($0.key.prefix(200)), count: $0.value, decision: mapping.unknown,
                nearest: $0.key.utf8.count <= 200 ? NearestName.of($0.key, among: names) : nil)
        }
    }

    /// - Throws: ``GleanerError`` when a class that was to be renamed is in no label: most likely it is mistyped.
    func requireUsed() throws {
        guard let name = unused.min() else { return }
        let seen = Set(unknownCounts.keys).union(known)
        let nearest = NearestName.of(name, among: seen.sorted()).map { "did you mean '\($0)'? " } ?? ""
        throw GleanerError(
            .malformed, "no label of the file has the class '\(name)', which was to be renamed",
            remedy: "\(nearest)nothing was imported; name it as the file does")
    }
}
