import Foundation
public import GleanerCore

/// CVAT for images 1.1, with a `<box>` for each object or a `<tag>` for a class.
///
/// A batch for labeling gives `cvat.xml`, whose marks are what the model claims, with `source="auto"`. A batch for training
/// gives one file for each split that has samples, `cvat-train.xml`, `cvat-val.xml` and `cvat-test.xml`, as COCO does.
/// Names of pictures are their paths in the batch, so the batch's folder is what CVAT is given as its data.
public struct CVATExport: ExportFormat {
    public static let entry = Registry<any ExportFormat>.Entry(
        "cvat", "CVAT for images 1.1: boxes or tags in XML; one file for each split when training"
    ) { _ in CVATExport() }

    public init() {}
    public func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
        CVATWriter(header: header, folder: folder)
    }
}

private struct CVATWriter: ExportWriter {
    let header: BatchHeader
    let folder: String
    private var files: [String: (file: BufferedFile, count: Int)] = [:]

    init(header: BatchHeader, folder: String) {
        self.header = header
        self.folder = folder
    }

    mutating func append(_ sample: SampleRecord) throws {
        let name = header.purpose == .labeling ? "cvat.xml" : "cvat-\(sample.split.rawValue).xml"
        let (file, number) = try files[name] ?? (begin(name), 0)
        files[name] = (file, number + 1)
        try file.write(
            "<image id=\"\(number)\" name=\"\(XMLText.escaped(sample.file))\" "
                + "width=\"\(sample.width)\" height=\"\(sample.height)\">\n")
        let source = header.purpose == .training ? "manual" : "auto"
        switch header.task {
        case .detection:
            for mark in try sample.shownBoxes(header) {
                let (box, label) = (mark.box, XMLText.escaped(mark.label))
                try file.write(
                    "<box label=\"\(label)\" source=\"\(source)\" occluded=\"0\" xtl=\"\(box.x)\" ytl=\"\(box.y)\" "
                        + "xbr=\"\(box.x + box.width)\" ybr=\"\(box.y + box.height)\" z_order=\"0\"></box>\n")
            }
        case .classification:
            for mark in try sample.shownClasses(header) {
                try file.write("<tag label=\"\(XMLText.escaped(mark.label))\" source=\"\(source)\"></tag>\n")
            }
        }
        try file.write("</image>\n")
    }

    private func begin(_ name: String) throws -> BufferedFile {
        let file = try BufferedFile("\(folder)/\(name)")
        let kind = header.task == .detection ? "rectangle" : "tag"
        let labels = header.classes.map {
            "<label><name>\(XMLText.escaped($0))</name><type>\(kind)</type><attributes></attributes></label>\n"
        }
        try file.write(
            """
            <?xml version="1.0" encoding="utf-8"?>
            <annotations>
            <version>1.1</version>
            <meta><task><mode>annotation</mode><labels>
            \(labels.joined())</labels></task></meta>

            """)
        return file
    }

    func finish() throws {
        for (file, _) in files.values {
            try file.write("</annotations>\n")
            try file.finish()
        }
    }
}
