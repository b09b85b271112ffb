import Foundation
public import GleanerCore

/// Labels from Pascal VOC: a folder with an XML file for each picture, or one such file.
///
/// The sample is the name of the XML file, or of `filename` in it. A file without objects is a frame without objects.
/// Corners are pixels from 0, as Gleaner and today's tools write them.
public struct VOCLabels: LabelFormat {
    public static let entry = Registry<any LabelFormat>.Entry("voc", "a folder of Pascal VOC's XML files") { _ in
        VOCLabels()
    }

    public init() {}

    public func read(
        _ path: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws {
        let isFolder = InputFolder.isOne(path)
        for file in isFolder ? try InputFolder.files(in: path, suffixes: [".xml"]) : [PathName.last(of: path)] {
            var annotation = VOCAnnotation()
            try XMLElements.forEach(in: isFolder ? "\(path)/\(file)" : path, root: "annotation") { element, _ in
                annotation.take(element)
            }
            let sample = annotation.sample(file: file)
            do {
                let record = LabelRecord(value: .boxes(try annotation.boxes()))
                try found(IncomingLabel(sample: sample, label: record, place: file))
            } catch let fault as LabelFault {
                try rejected(RejectedLabel(place: file, sample: sample, reason: fault.reason))
            }
        }
    }
}

private struct VOCAnnotation {
    private var fileName = ""
    private var objects: [XMLElement] = []

    mutating func take(_ element: XMLElement) {
        switch element.name {
        case "filename": fileName = element.text.trimmingCharacters(in: .whitespacesAndNewlines)
        case "object": objects.append(element)
        default: break
        }
    }

    func sample(file: String) -> String {
        let own = SampleName.fromFile(file)
        let named = SampleName.fromFile(fileName)
        return SampleID(own) == nil && SampleID(named) != nil ? named : own
    }

    func boxes() throws -> [LabeledBox] {
        try objects.enumerated().map { index, object in
            do {
                return LabeledBox(label: try name(of: object), box: try box(of: object))
            } catch { throw LabelFault("object \(index + 1) \(LabelFault.reason(error))") }
        }
    }

    private func name(of object: XMLElement) throws -> String {
        let name = object.child("name")?.text.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
        guard !name.isEmpty else { throw LabelFault("has no name") }
        return name
    }

    private func box(of object: XMLElement) throws -> Box {
        guard let corners = object.child("bndbox") else { throw LabelFault("has no bndbox") }
        let sides = try ["xmin", "ymin", "xmax", "ymax"].map { key in
            guard let text = corners.child(key)?.text,
                let number = Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
            else { throw LabelFault("has no number for \(key)") }
            return number
        }
        return try BoxCheck.checked(x: sides[0], y: sides[1], width: sides[2] - sides[0], height: sides[3] - sides[1])
    }
}
