import GleanerCore

/// The components of one kind, as `gleaner components` lists them.
public struct ComponentKind: Sendable, Codable {
    public struct Component: Sendable, Codable {
        public var name: String
        public var summary: String
    }
    public var kind: String
    public var components: [Component]

    init<Component>(_ registry: Registry<Component>) {
        kind = registry.kind
        components = registry.entries.map { .init(name: $0.name, summary: $0.summary) }
    }
}

extension Registries {
    /// Every kind and its components, in the order of the loop.
    public var components: [ComponentKind] {
        [
            ComponentKind(sources), ComponentKind(decoders), ComponentKind(strategies), ComponentKind(budgets),
            ComponentKind(exportFormats), ComponentKind(labelFormats),
            ComponentKind(destinations),
        ]
    }
}
