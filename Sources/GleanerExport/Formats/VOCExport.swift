import Foundation
public import GleanerCore

/// Pascal VOC: `JPEGImages/<id>.<ext>`, `Annotations/<id>.xml`, and the ids of each part in `ImageSets/Main/<part>.txt`.
///
/// Corners are in pixels from 0, with fractions, as today's tools write them; the original counted whole pixels
/// from 1. In a batch for labeling the objects are what the model claims. Detection only.
public struct VOCExport: ExportFormat {
    public static let entry = Registry<any ExportFormat>.Entry(
        "voc", "Pascal VOC: an XML file for each frame; detection only"
    ) { _ in VOCExport() }

    public init() {}
    public var filesPerSample: Int { 1 }
    public func makeWriter(for header: BatchHeader, in folder: String) throws -> any ExportWriter {
        try header.require(.detection, by: "voc", instead: "imagefolder, label-studio or csv for classification")
        return try VOCWriter(header: header, folder: folder)
    }
}

private struct VOCWriter: ExportWriter {
    let header: BatchHeader
    let folder: String
    private var lists: [String: BufferedFile] = [:]

    init(header: BatchHeader, folder: String) throws {
        self.header = header
        self.folder = folder
        for path in ["Annotations", "ImageSets/Main"] { try ViewFolder.make(path, in: folder) }
        // The classes in their order, which nothing else in this format tells.
        let labels = try BufferedFile("\(folder)/labelmap.txt")
        try labels.write("# label:color_rgb:parts:actions\nbackground:0,0,0::\n")
        for (index, name) in header.classes.enumerated() {
            try labels.write("\(name.filter { !$0.isNewline }):\(Self.color(index + 1))::\n")
        }
        try labels.finish()
    }

    /// The colour that the original gives a class: bits of its number, the lowest first, at the top of the channels.
    private static func color(_ number: Int) -> String {
        var channels = [0, 0, 0]
        for bit in 0..<8 {
            for channel in 0..<3 { channels[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit) }
        }
        return channels.map { "\($0)" }.joined(separator: ",")
    }

    func place(of sample: SampleRecord) -> FramePlace? { .file("JPEGImages/\(sample.fileName)") }

    mutating func append(_ sample: SampleRecord) throws {
        let part = ViewFolder.part(of: sample, header.purpose)
        if lists[part] == nil { lists[part] = try BufferedFile("\(folder)/ImageSets/Main/\(part).txt") }
        try lists[part]?.write("\(sample.id)\n")
        let file = try BufferedFile("\(folder)/Annotations/\(sample.id).xml")
        try file.write(
            """
            <annotation>
              <folder>JPEGImages</folder>
              <filename>\(sample.fileName)</filename>
              <source><database>\(XMLText.escaped(sample.source))</database></source>
              <size><width>\(sample.width)</width><height>\(sample.height)</height><depth>3</depth></size>
              <segmented>0</segmented>

            """)
        for mark in try sample.shownBoxes(header) { try file.write(Self.object(mark.label, mark.box)) }
        try file.write("</annotation>\n")
        try file.finish()
    }

    private static func object(_ label: String, _ box: Box) -> String {
        """
          <object>
            <name>\(XMLText.escaped(label))</name>
            <pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>
            <bndbox><xmin>\(box.x)</xmin><ymin>\(box.y)</ymin><xmax>\(box.x + box.width)</xmax><ymax>\(box.y + box.height)</ymax></bndbox>
          </object>

        """
    }

    func finish() throws { for list in lists.values { try list.finish() } }
}
