import Foundation
public import GleanerCore

/// Labels from Pascal VOC: a folder with an XML file for each picture, or one such file.
///
/// The sample is the name of the XML file, or of `filename` in it. A file without objects is a frame without objects.
/// Corners are pixels from 0, as Gleaner, CVAT and Datumaro write them. Tools that follow the original to the letter
/// name the first and the last pixel of a box and count from 1; the option `first_pixel: 1` reads theirs.
public struct VOCLabels: LabelFormat {
    public static let entry = Registry<any LabelFormat>.Entry("voc", "a folder of Pascal VOC's XML files") {
        VOCLabels(firstPixel: $0.integer("first_pixel", in: 0...1) ?? 0)
    }

    let firstPixel: Int
    public init(firstPixel: Int = 0) { self.firstPixel = firstPixel }

    public func read(
        _ path: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws {
        let isFolder = InputFolder.isOne(path)
        let files = isFolder ? try InputFolder.files(in: path, suffixes: [".xml"]) : [PathName.last(of: path)]
        guard !files.isEmpty else {
            throw GleanerError(
                .malformed, "\(path) has no XML files", remedy: "name the folder that holds `Annotations`")
        }
        for file in files {
            var annotation = VOCAnnotation()
            try XMLElements.forEach(in: isFolder ? "\(path)/\(file)" : path, root: "annotation") { element, _ in
                annotation.take(element)
            }
            let sample = annotation.sample(file: file)
            do {
                let record = LabelRecord(value: .boxes(try annotation.boxes(firstPixel: Double(firstPixel))))
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
    private static let objectCountMax = 100_000

    mutating func take(_ element: XMLElement) {
        switch element.name {
        case "filename": fileName = element.text.trimmingCharacters(in: .whitespacesAndNewlines)
        case "object" where objects.count <= Self.objectCountMax: objects.append(element)
        default: break
        }
    }

    func sample(file: String) -> String {
        let own = SampleName.fromFile(file)
        let named = SampleName.fromFile(fileName)
        return SampleID(own) == nil && SampleID(named) != nil ? named : own
    }

    func boxes(firstPixel: Double) throws -> [LabeledBox] {
        guard objects.count <= Self.objectCountMax else {
            throw LabelFault("has more than \(Self.objectCountMax) objects")
        }
        return try objects.enumerated().map { index, object in
            do {
                return LabeledBox(label: try name(of: object), box: try box(of: object, firstPixel))
            } catch { throw LabelFault("object \(index + 1) \(LabelFault.reason(error))") }
        }
    }

    private func name(of object: XMLElement) throws -> String {
        let name = object.child("name")?.text.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
        guard !name.isEmpty else { throw LabelFault("has no name") }
        return name
    }

    private func box(of object: XMLElement, _ firstPixel: Double) throws -> Box {
        guard let corners = object.child("bndbox") else { throw LabelFault("has no bndbox") }
        let sides = try ["xmin", "ymin", "xmax", "ymax"].map { key in
            guard let text = corners.child(key)?.text,
                let number = Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
            else { throw LabelFault("has no number for \(key)") }
            return number
        }
        // The far edge of the last pixel is the number it has when counting from 1.
        let (x, y) = (sides[0] - firstPixel, sides[1] - firstPixel)
        return try BoxCheck.checked(x: x, y: y, width: sides[2] - x, height: sides[3] - y)
    }
}
