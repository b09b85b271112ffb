import Foundation
public import GleanerCore

/// CVAT for images 1.1: `annotations.xml`, with a `<box>` for each object or a `<tag>` for a class.
///
/// Names of pictures are their paths in the batch, so the batch's folder is what CVAT is given as its data. The part
/// of the data (a split, or `unlabeled`) is each picture's `subset`. In a batch for labeling the marks are what the
/// model claims, with `source="auto"`.
public struct CVATExport: ExportFormat {
    public static let entry = Registry<any ExportFormat>.Entry(
        "cvat", "CVAT for images 1.1: annotations.xml with boxes or tags"
    ) { _ in CVATExport() }

    public static let fileName = "annotations.xml"

    public init() {}
    public func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
        try CVATWriter(header: header, folder: folder)
    }
}

private struct CVATWriter: ExportWriter {
    let header: BatchHeader
    private let file: BufferedFile
    private var count = 0

    init(header: BatchHeader, folder: String) throws {
        self.header = header
        file = try BufferedFile("\(folder)/\(CVATExport.fileName)")
        let kind = header.task == .detection ? "rectangle" : "tag"
        let labels = header.classes.map {
            "<label><name>\(XMLText.escaped($0))</name><type>\(kind)</type><attributes></attributes></label>\n"
        }
        try file.write(
            """
            <?xml version="1.0" encoding="utf-8"?>
            <annotations>
            <version>1.1</version>
            <meta><task><size>\(header.sampleCount)</size><mode>annotation</mode><labels>
            \(labels.joined())</labels></task></meta>

            """)
    }

    mutating func append(_ sample: SampleRecord) throws {
        let part = ViewFolder.part(of: sample, header.purpose)
        let source = header.purpose == .training ? "manual" : "auto"
        try file.write(
            "<image id=\"\(count)\" name=\"\(XMLText.escaped(sample.file))\" subset=\"\(part)\" "
                + "width=\"\(sample.width)\" height=\"\(sample.height)\">\n")
        count += 1
        switch header.task {
        case .detection:
            for mark in try sample.shownBoxes(header) {
                let (box, label) = (mark.box, XMLText.escaped(mark.label))
                try file.write(
                    "<box label=\"\(label)\" source=\"\(source)\" occluded=\"0\" xtl=\"\(box.x)\" ytl=\"\(box.y)\" "
                        + "xbr=\"\(box.x + box.width)\" ybr=\"\(box.y + box.height)\" z_order=\"0\"></box>\n")
            }
        case .classification:
            if let mark = try sample.shownClass(header) {
                try file.write("<tag label=\"\(XMLText.escaped(mark.label))\" source=\"\(source)\"></tag>\n")
            }
        }
        try file.write("</image>\n")
    }

    func finish() throws {
        try file.write("</annotations>\n")
        try file.finish()
    }
}
