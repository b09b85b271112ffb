public import GleanerCore

/// What happens to a selector from outside, between two frames.
public enum SelectorChange: Hashable, Sendable {
    case model(ModelID)
    case learned(Competence)
    case released(Set<LocalSampleID>)

    public var json: JSONValue {
        switch self {
        case .model(let id):
            .object([
                "model": .object([
                    "name": .string(id.name), "version": .integer(id.version),
                    "sha256": .string(id.digest.description),
                ])
            ])
        case .learned(let competence):
            .object([
                "learned": .object([
                    "accuracy": .number(competence.accuracy), "labels": .number(competence.labelCount),
                ])
            ])
        case .released(let samples):
            .object(["released": .array(samples.map(\.description).sorted().map { .string($0) })])
        }
    }

    /// Reads ``json``; `nil` for anything else.
    public init?(_ json: JSONValue) {
        guard case .object(let values) = json, values.count == 1, let (kind, value) = values.first else { return nil }
        switch (kind, value) {
        case ("model", .object(let model)):
            guard case .string(let name)? = model["name"], case .integer(let version)? = model["version"],
                case .string(let text)? = model["sha256"], let digest = Digest(text)
            else { return nil }
            self = .model(ModelID(name: name, version: version, digest: digest))
        case ("learned", .object(let learned)):
            guard let accuracy = learned["accuracy"]?.double, let labels = learned["labels"]?.double,
                let competence = Competence(accuracy: accuracy, labelCount: labels)
            else { return nil }
            self = .learned(competence)
        case ("released", .array(let items)):
            let samples = items.compactMap { item -> LocalSampleID? in
                if case .string(let text) = item { LocalSampleID(text) } else { nil }
            }
            guard samples.count == items.count else { return nil }
            self = .released(Set(samples))
        default: return nil
        }
    }
}

extension JSONValue {
    fileprivate var double: Double? {
        switch self {
        case .number(let number): number
        case .integer(let number): Double(number)
        default: nil
        }
    }
}
