import Foundation
public import GleanerCore

/// Labels from COCO's object annotations.
///
/// A picture's sample is `gleaner_id`, else the name of `file_name`. Its annotations are its boxes; an annotation
/// without `bbox` is a class for the whole frame (as in COCO Camera Traps), and then none may have one.
///
/// - A picture without annotations is *not* a label, since most tools list the pictures that nobody has looked at
///   too. It is a frame without objects where it says `"labeled": true`, or with the option `empty: labeled`.
/// - An annotation with a `score` is a prediction, such as those this device exported, and its picture is rejected;
///   the option `scored: labels` takes them.
/// - One bad annotation rejects its whole picture: half of the truth would teach that the other half is background.
public struct CocoLabels: LabelFormat {
    /// What a listed picture without annotations is.
    public enum Empty: String, Sendable, CaseIterable { case unlabeled, labeled }
    /// What an annotation with a score is.
    public enum Scored: String, Sendable, CaseIterable { case predictions, labels }

    public static let entry = Registry<any LabelFormat>.Entry(
        "coco", "COCO JSON; a picture without annotations counts only if it says so"
    ) { options in
        CocoLabels(
            empty: options.choice("empty", Empty.self) ?? .unlabeled,
            scored: options.choice("scored", Scored.self) ?? .predictions)
    }

    let empty: Empty
    let scored: Scored
    public init(empty: Empty = .unlabeled, scored: Scored = .predictions) {
        self.empty = empty
        self.scored = scored
    }

    public func read(
        _ path: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws {
        var document = CocoDocument(scored: scored)
        try JSONElements.forEach(in: path, root: .object) { try document.take($0) }
        guard document.hasPictures else {
            throw GleanerError(
                .malformed, "\(path) has no list 'images'", remedy: "export it as COCO JSON, or name its real format")
        }
        for rejection in document.settlePending() { try rejected(rejection) }
        for reading in document.readings(empty: empty) {
            switch reading {
            case .label(let label): try found(label)
            case .rejected(let rejection): try rejected(rejection)
            case .unlabeled: break
            }
        }
    }
}

/// The parts of a COCO file, put together whatever their order in it.
private struct CocoDocument {
    static let pictureCountMax = 500_000
    static let annotationCountMax = 2_000_000

    /// Ids are whole numbers; some tools write text.
    private enum ID: Hashable, Decodable, CustomStringConvertible {
        case number(Int)
        case text(String)
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int.self) {
                self = .number(number)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
        var description: String {
            switch self {
            case .number(let number): "\(number)"
            case .text(let text): "'\(text.prefix(60))'"
            }
        }
    }
    private struct Picture: Decodable {
        var id: ID
        var file_name: String?
        var width: Int?
        var height: Int?
        var gleaner_id: String?
        var labeled: Bool?
    }
    private struct Annotation: Decodable {
        var image_id: ID
        var category_id: ID
        var bbox: [Double]?
        var iscrowd: Int?
        var score: Double?
    }
    private struct Category: Decodable {
        var id: ID
        var name: String
    }
    private struct Owner: Decodable { var image_id: ID }

    /// A picture with what its annotations say.
    private struct Entry {
        var place: String
        var picture: Picture
        var marks: [Mark] = []
        var fault: String?
        var sample: String { picture.gleaner_id ?? SampleName.fromFile(picture.file_name ?? "") }
    }
    private struct Mark {
        var category: ID
        /// `nil` for the whole frame.
        var box: Box?
    }
    private struct Pending {
        var picture: ID
        var number: Int
        var mark: Result<Mark, LabelFault>
    }

    let scored: CocoLabels.Scored
    private(set) var hasPictures = false
    private var entries: [Entry] = []
    private var indices: [ID: Int] = [:]
    private var categories: [ID: String] = [:]
    /// Annotations that came before their picture.
    private var pending: [Pending] = []
    private var annotationCount = 0
    private let decoder = JSONDecoder()

    init(scored: CocoLabels.Scored) { self.scored = scored }

    mutating func take(_ element: JSONElements.Element) throws {
        switch element.key {
        case "images": try takePicture(element)
        case "annotations": try takeAnnotation(element)
        case "categories":
            let category: Category = try CanonicalJSON.decode(from: element.json, named: "category \(element.number)")
            categories[category.id] = category.name
        default: break
        }
    }

    private mutating func takePicture(_ element: JSONElements.Element) throws {
        hasPictures = true
        let place = "image \(element.number)"
        let picture: Picture = try CanonicalJSON.decode(from: element.json, named: place)
        guard entries.count < Self.pictureCountMax else { throw tooMany("images", Self.pictureCountMax) }
        guard indices.updateValue(entries.count, forKey: picture.id) == nil else {
            throw GleanerError(.malformed, "\(place) has the id \(picture.id), which another image has too")
        }
        entries.append(Entry(place: place, picture: picture))
    }

    private mutating func takeAnnotation(_ element: JSONElements.Element) throws {
        annotationCount += 1
        guard annotationCount <= Self.annotationCountMax else { throw tooMany("annotations", Self.annotationCountMax) }
        let place = "annotation \(element.number)"
        let annotation: Annotation
        do {
            annotation = try CanonicalJSON.decode(from: element.json, named: place)
        } catch let error as GleanerError {
            // Its picture must not be labeled without it; when not even that can be told, nothing can be used.
            guard let owner = try? decoder.decode(Owner.self, from: element.json) else { throw error }
            return assign(
                Pending(
                    picture: owner.image_id, number: element.number,
                    mark: .failure(.init(String(error.message.dropFirst(place.count + 1))))))
        }
        assign(Pending(picture: annotation.image_id, number: element.number, mark: mark(annotation)))
    }

    private func mark(_ annotation: Annotation) -> Result<Mark, LabelFault> {
        Result { () throws(LabelFault) in
            if annotation.score != nil, scored == .predictions {
                throw LabelFault("has a score: it is a prediction and no label; remove the score of what is confirmed")
            }
            guard annotation.iscrowd ?? 0 == 0 else { throw LabelFault("marks a crowd, not an object") }
            guard let numbers = annotation.bbox else { return Mark(category: annotation.category_id) }
            guard numbers.count == 4 else { throw LabelFault("has a bbox of \(numbers.count) numbers instead of 4") }
            do {
                let box = try BoxCheck.checked(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
                return Mark(category: annotation.category_id, box: box)
            } catch {
                throw LabelFault(LabelFault.reason(error))
            }
        }
    }

    private mutating func assign(_ annotation: Pending) {
        guard let index = indices[annotation.picture] else { return pending.append(annotation) }
        switch annotation.mark {
        case .success(let mark): entries[index].marks.append(mark)
        case .failure(let fault):
            entries[index].fault = entries[index].fault ?? "annotation \(annotation.number) \(fault.reason)"
        }
    }

    /// Gives the annotations that came before their picture to it; those whose picture never came are returned.
    mutating func settlePending() -> [RejectedLabel] {
        let waiting = pending
        pending = []
        for annotation in waiting { assign(annotation) }
        return pending.map {
            RejectedLabel(
                place: "annotation \($0.number)", sample: "",
                reason: "is of the image \($0.picture), which is not listed")
        }
    }

    /// What each picture says, in the file's order.
    func readings(empty: CocoLabels.Empty) -> some Sequence<LabelReading> {
        entries.lazy.map { reading($0, empty: empty) }
    }

    private func reading(_ entry: Entry, empty: CocoLabels.Empty) -> LabelReading {
        do {
            if let fault = entry.fault { throw LabelFault(fault) }
            guard let value = try value(entry, empty: empty) else { return .unlabeled }
            guard !entry.sample.isEmpty else { throw LabelFault("has neither gleaner_id nor file_name") }
            return .label(IncomingLabel(sample: entry.sample, label: LabelRecord(value: value), place: entry.place))
        } catch {
            let reason = LabelFault.reason(error)
            return .rejected(RejectedLabel(place: entry.place, sample: entry.sample, reason: reason))
        }
    }

    private func value(_ entry: Entry, empty: CocoLabels.Empty) throws -> LabelValue? {
        if entry.marks.isEmpty {
            return entry.picture.labeled == true || empty == .labeled ? .boxes([]) : nil
        }
        let boxes = try entry.marks.compactMap { mark in try mark.box.map { try labeled($0, mark, entry.picture) } }
        if boxes.count == entry.marks.count { return .boxes(boxes) }
        guard boxes.isEmpty else {
            throw LabelFault("has \(entry.marks.count) annotations, of which some have no bbox")
        }
        let names = try entry.marks.map { try name(of: $0.category) }
        return names.count == 1 ? .classified(names[0]) : .classes(Set(names).sorted())
    }

    private func labeled(_ box: Box, _ mark: Mark, _ picture: Picture) throws -> LabeledBox {
        var box = box
        if let width = picture.width, let height = picture.height {
            box = try BoxCheck.fitted(box, width: width, height: height)
        }
        return LabeledBox(label: try name(of: mark.category), box: box)
    }

    private func name(of category: ID) throws -> String {
        guard let name = categories[category] else {
            throw LabelFault("has the category \(category), which is not listed")
        }
        return name
    }

    private func tooMany(_ what: String, _ max: Int) -> GleanerError {
        GleanerError(.malformed, "the file has more than \(max) \(what)", remedy: "split it into smaller files")
    }
}
