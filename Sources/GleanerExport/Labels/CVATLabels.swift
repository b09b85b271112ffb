import Foundation
public import GleanerCore

/// Labels from CVAT for images 1.1: an XML file such as `annotations.xml`, or a folder with some.
///
/// An image's `<box>`es are its objects, a `<tag>` its class. An image without either is *not* a label, since CVAT lists
/// those that nobody has looked at too, unless the option `empty: labeled` says so. Boxes with `source="auto"` are
/// predictions until someone has looked at them; the option `scored: labels` takes them.
public struct CVATLabels: LabelFormat {
    public static let entry = Registry<any LabelFormat>.Entry(
        "cvat", "CVAT for images 1.1: an XML file, or a folder with some"
    ) {
        options in
        CVATLabels(
            empty: options.choice("empty", CocoLabels.Empty.self) ?? .unlabeled,
            scored: options.choice("scored", CocoLabels.Scored.self) ?? .predictions)
    }

    let empty: CocoLabels.Empty
    let scored: CocoLabels.Scored
    public init(empty: CocoLabels.Empty = .unlabeled, scored: CocoLabels.Scored = .predictions) {
        self.empty = empty
        self.scored = scored
    }

    public func read(
        _ path: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws {
        guard InputFolder.isOne(path) else { return try read(file: path, found: found, rejected: rejected) }
        let files = try InputFolder.files(in: path, suffixes: [".xml"]).filter { !$0.contains("/") }
        guard !files.isEmpty else {
            throw GleanerError(.malformed, "\(path) has no XML file in it", remedy: "name the folder that does")
        }
        for file in files { try read(file: "\(path)/\(file)", found: found, rejected: rejected) }
    }

    private func read(
        file: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws {
        var hasPictures = false
        try XMLElements.forEach(in: file, root: "annotations") { element, number in
            guard element.name == "image" else { return }
            hasPictures = true
            let place = "image \(element.attributes["id"]?.prefix(40) ?? "\(number)")"
            let sample = SampleName.fromFile(element.attributes["name"] ?? "")
            do {
                guard let value = try value(of: element) else { return }
                guard !sample.isEmpty else { throw LabelFault("has no name") }
                try found(IncomingLabel(sample: sample, label: LabelRecord(value: value), place: place))
            } catch let fault as LabelFault {
                try rejected(RejectedLabel(place: place, sample: sample, reason: fault.reason))
            }
        }
        guard hasPictures else {
            throw GleanerError(
                .malformed, "\(file) has no <image>", remedy: "export it from CVAT as 'CVAT for images 1.1'")
        }
    }

    private func value(of image: XMLElement) throws -> LabelValue? {
        let marks = image.children
        if scored == .predictions, marks.contains(where: { $0.attributes["source"] == "auto" }) {
            throw LabelFault("has a mark with source=\"auto\": it is a prediction until someone has confirmed it")
        }
        let tags = marks.filter { $0.name == "tag" }
        if let other = marks.first(where: { $0.name != "tag" && $0.name != "box" }) {
            throw LabelFault("has a <\(other.name.prefix(40))>, and Gleaner reads boxes and tags")
        }
        guard !tags.isEmpty else {
            if marks.isEmpty { return empty == .labeled ? .boxes([]) : nil }
            return .boxes(try marks.enumerated().map { try box($1, number: $0 + 1) })
        }
        guard marks.count == tags.count else {
            throw LabelFault("has tags and \(marks.count - tags.count) boxes; only one kind can be taken")
        }
        let names = try tags.map { try label(of: $0) }
        if names.contains(Unusable.name) { return .unusable }
        return names.count == 1 ? .classified(names[0]) : .classes(Set(names).sorted())
    }

    private func box(_ mark: XMLElement, number: Int) throws -> LabeledBox {
        do {
            guard mark.attributes["rotation"].map({ Double($0) == 0 }) ?? true else { throw LabelFault("is rotated") }
            let sides = try ["xtl", "ytl", "xbr", "ybr"].map { key in
                guard let number = mark.attributes[key].flatMap(Double.init) else {
                    throw LabelFault("has no number for \(key)")
                }
                return number
            }
            let box = try BoxCheck.checked(
                x: sides[0], y: sides[1], width: sides[2] - sides[0], height: sides[3] - sides[1])
            return LabeledBox(label: try label(of: mark), box: box)
        } catch { throw LabelFault("box \(number) \(LabelFault.reason(error))") }
    }

    private func label(of mark: XMLElement) throws -> String {
        guard let label = mark.attributes["label"], !label.isEmpty else { throw LabelFault("has no label") }
        return label
    }
}
