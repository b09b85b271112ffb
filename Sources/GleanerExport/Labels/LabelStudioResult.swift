import GleanerCore

/// A task of Label Studio's JSON or JSON-MIN export; names of keys are its own.
struct LabelStudioResult: Decodable {
    private struct Names: Decodable {
        var sample_id: String?
        var image: String?
    }
    private enum Keys: String, CodingKey { case data, meta, annotations }

    private var annotations: [LabelStudioAnnotation]
    private var data: Names?
    private var meta: Names?

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        if container.contains(.annotations) || container.contains(.data) {
            annotations = try container.decodeIfPresent([LabelStudioAnnotation].self, forKey: .annotations) ?? []
            data = try container.decodeIfPresent(Names.self, forKey: .data)
            meta = try container.decodeIfPresent(Names.self, forKey: .meta)
        } else {
            // JSON-MIN: what was in `data` lies beside the results.
            data = try Names(from: decoder)
            annotations = [try LabelStudioAnnotation(flat: decoder)]
        }
    }

    var sample: String { data?.sample_id ?? meta?.sample_id ?? data?.image.map(SampleName.fromFile) ?? "" }

    /// Of those updated at the same time the later in the file; skipped ones say nothing.
    var newestAnnotation: LabelStudioAnnotation? {
        annotations.filter { !$0.isSkipped }.enumerated().max {
            ($0.element.order, $0.offset) < ($1.element.order, $1.offset)
        }?.element
    }
}

/// What one person said of one task.
struct LabelStudioAnnotation: Decodable {
    /// One mark, by the control that made it.
    struct Result {
        var control: String
        var region: LabelStudioRegion
    }

    var isSkipped = false
    /// RFC 3339, by the labeling tool's clock.
    var updatedAt: String?
    var author: String?
    var results: [Result]

    /// Milliseconds since 1970; an annotation without a time is the oldest.
    fileprivate var order: Int64 { updatedAt.flatMap { Timestamp($0) }?.milliseconds ?? .min }

    private enum Keys: String, CodingKey {
        case was_cancelled, updated_at, completed_by, annotator, annotation_id, result
    }
    private struct FullResult: Decodable {
        var from_name: String
        var type: String?
        var original_width: Double?
        var original_height: Double?
        var image_rotation: Double?
        var value: LabelStudioValue
    }
    private struct Person: Decodable {
        var id: Int?
        var email: String?
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        isSkipped = try container.decodeIfPresent(Bool.self, forKey: .was_cancelled) ?? false
        updatedAt = try container.decodeIfPresent(String.self, forKey: .updated_at)
        author = Self.author(container, .completed_by)
        // A skipped annotation may hold anything.
        results =
            isSkipped
            ? []
            : try container.decode([FullResult].self, forKey: .result).map { full in
                let region = LabelStudioRegion(
                    value: full.value, original_width: full.original_width, original_height: full.original_height,
                    image_rotation: full.image_rotation)
                return Result(control: full.from_name, region: region)
            }
    }

    /// From JSON-MIN, where the controls are keys like any other.
    init(flat decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        guard container.contains(.annotation_id) else {
            throw LabelFault("has neither annotations nor an annotation_id: it is no export of Label Studio")
        }
        updatedAt = try container.decodeIfPresent(String.self, forKey: .updated_at)
        author = Self.author(container, .annotator)
        results = try LabelStudioFlatResults(from: decoder).results
        guard !results.isEmpty else { throw LabelFault("has no result that JSON-MIN can tell: export as JSON") }
    }

    private static func author(_ container: KeyedDecodingContainer<Keys>, _ key: Keys) -> String? {
        if let number = try? container.decode(Int.self, forKey: key) { return "label-studio user \(number)" }
        if let text = try? container.decode(String.self, forKey: key) { return String(text.prefix(200)) }
        guard let person = try? container.decode(Person.self, forKey: key) else { return nil }
        return person.email.map { String($0.prefix(200)) } ?? person.id.map { "label-studio user \($0)" }
    }
}

/// One mark, and the picture that it is on.
struct LabelStudioRegion {
    var value: LabelStudioValue
    var original_width: Double?
    var original_height: Double?
    var image_rotation: Double?

    /// Itself, if it is a rectangle.
    var rectangle: LabelStudioRegion? { value.rectanglelabels == nil ? nil : self }

    /// The rectangle in the pixels of the frame, once for each of its labels.
    func labeledBoxes() throws -> [LabeledBox] {
        guard let x = value.x, let y = value.y, let width = value.width, let height = value.height, let original_width,
            let original_height
        else {
            throw LabelFault("has a box that lacks its place, its extent or the size of its picture")
        }
        guard value.rotation ?? 0 == 0, image_rotation ?? 0 == 0 else { throw LabelFault("has a rotated box") }
        let isSize = { (size: Double) in size >= 1 && size <= 100_000 && size == size.rounded() }
        guard isSize(original_width), isSize(original_height) else {
            throw LabelFault("has a box on a picture of \(original_width)×\(original_height)")
        }
        let scaleX = original_width / 100
        let scaleY = original_height / 100
        let box = try BoxCheck.checked(x: x * scaleX, y: y * scaleY, width: width * scaleX, height: height * scaleY)
        let fitted = try BoxCheck.fitted(box, width: Int(original_width), height: Int(original_height))
        guard let labels = value.rectanglelabels, !labels.isEmpty else { throw LabelFault("has a box without a class") }
        return labels.map { LabeledBox(label: $0, box: fitted) }
    }
}

extension LabelStudioRegion: Decodable {
    private enum Keys: String, CodingKey { case original_width, original_height, image_rotation }

    /// As JSON-MIN has it, where all lies side by side.
    init(from decoder: any Decoder) throws {
        value = try LabelStudioValue(from: decoder)
        let container = try decoder.container(keyedBy: Keys.self)
        original_width = try container.decodeIfPresent(Double.self, forKey: .original_width)
        original_height = try container.decodeIfPresent(Double.self, forKey: .original_height)
        image_rotation = try container.decodeIfPresent(Double.self, forKey: .image_rotation)
    }
}

/// The results of JSON-MIN: every key that holds what a control can give.
private struct LabelStudioFlatResults: Decodable {
    var results: [LabelStudioAnnotation.Result] = []

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
    private struct Choices: Decodable { var choices: [String] }
    /// Texts under these keys are what Label Studio and the task say of themselves.
    private static let ownKeys: Set = [
        "image", "sample_id", "id", "annotation_id", "annotator", "created_at", "updated_at", "lead_time", "meta",
    ]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys where !Self.ownKeys.contains(key.stringValue) {
            for region in try Self.regions(container, key) {
                results.append(.init(control: key.stringValue, region: region))
            }
        }
    }

    private static func regions(_ container: KeyedDecodingContainer<Key>, _ key: Key) throws -> [LabelStudioRegion] {
        if let choice = try? container.decode(String.self, forKey: key) {
            return [.init(value: .init(choices: [choice]))]
        }
        if let several = try? container.decode(Choices.self, forKey: key) {
            return [.init(value: .init(choices: several.choices))]
        }
        guard var list = try? container.nestedUnkeyedContainer(forKey: key) else { return [] }
        var regions: [LabelStudioRegion] = []
        while !list.isAtEnd { regions.append(try list.decode(LabelStudioRegion.self)) }
        return regions
    }
}
