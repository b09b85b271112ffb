/// The truth about a sample, as it came back.
public enum LabelValue: Hashable, Sendable {
    /// The frame shows this class.
    case classified(String)
    /// The frame shows these classes and no others, of a model whose classes do not exclude each other; an empty list is
    /// a frame that shows none. Sorted, each once.
    case classes([String])
    /// The frame shows these objects and no others; an empty list is a frame that shows none.
    case boxes([LabeledBox])
    /// Nobody can or wants to say: the frame is done with, and teaches nothing.
    case unusable
}

/// An object that a person marked.
public struct LabeledBox: Hashable, Sendable, Codable {
    public var label: String
    /// In the pixels of the frame.
    public var box: Box
    public init(label: String, box: Box) {
        self.label = label
        self.box = box
    }
}

/// A label with its provenance, as it is stored and sent.
public struct LabelRecord: Hashable, Sendable, Codable {
    public var value: LabelValue
    /// Of two labels for one sample the larger revision counts, whichever came first: the labeling tool's own time
    /// in milliseconds, or a number from the file. `nil` when the file has none: then the one imported last counts,
    /// and any label that has a revision beats it.
    public var revision: Int64?
    /// Who or what said so.
    public var author: String?

    public init(value: LabelValue, revision: Int64? = nil, author: String? = nil) {
        self.value = value
        self.revision = revision
        self.author = author
    }

    enum CodingKeys: String, CodingKey { case kind, `class`, classes, boxes, revision, author }
    private enum Kind: String, Codable { case classified = "class", classes, boxes, unusable }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch try container.decode(Kind.self, forKey: .kind) {
        case .classified: value = .classified(try container.decode(String.self, forKey: .class))
        case .classes: value = .classes(try container.decode([String].self, forKey: .classes))
        case .boxes: value = .boxes(try container.decode([LabeledBox].self, forKey: .boxes))
        case .unusable: value = .unusable
        }
        revision = try container.decodeIfPresent(Int64.self, forKey: .revision)
        author = try container.decodeIfPresent(String.self, forKey: .author)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch value {
        case .classified(let name):
            try container.encode(Kind.classified, forKey: .kind)
            try container.encode(name, forKey: .class)
        case .classes(let names):
            try container.encode(Kind.classes, forKey: .kind)
            try container.encode(names, forKey: .classes)
        case .boxes(let boxes):
            try container.encode(Kind.boxes, forKey: .kind)
            try container.encode(boxes, forKey: .boxes)
        case .unusable:
            try container.encode(Kind.unusable, forKey: .kind)
        }
        try container.encodeIfPresent(revision, forKey: .revision)
        try container.encodeIfPresent(author, forKey: .author)
    }
}

/// One line of a label file, read but not yet checked against the queue.
public struct IncomingLabel: Hashable, Sendable {
    /// The sample's id as the file has it; it may name no sample of ours.
    public var sample: String
    public var label: LabelRecord
    /// Where in the file it stands, for messages: `line 12`, `task 7`.
    public var place: String
    /// What its boxes count; those who know the frame make pixels of it.
    public var boxUnit: BoxUnit
    public init(sample: String, label: LabelRecord, place: String, boxUnit: BoxUnit = .pixels) {
        self.sample = sample
        self.label = label
        self.place = place
        self.boxUnit = boxUnit
    }
}

/// What the numbers of a box count.
public enum BoxUnit: Sendable {
    case pixels
    /// Shares of the frame's width and height.
    case fraction
}

/// A label that was not taken, and why.
public struct RejectedLabel: Hashable, Sendable, Codable {
    public var place: String
    public var sample: String
    public var reason: String
    public init(place: String, sample: String, reason: String) {
        self.place = place
        self.sample = sample
        self.reason = reason
    }
}

/// Reads labels from a file of another tool.
public protocol LabelFormat: Sendable {
    /// Hands each label to `found`, and what cannot be a label (a box that is not finite, a missing id) to
    /// `rejected`, in the file's order. Names of classes and ids of samples are checked later.
    ///
    /// - Throws: ``GleanerError`` with code `document.malformed` when the file as a whole cannot be read. Nothing
    ///   of it may then be used.
    func read(
        _ path: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws
}
