import GleanerCore

/// The labeling interface of a Label Studio project: `label-studio-config.xml`.
///
/// Controls have fixed names, so that what annotators did is found again: `label` for the class or the boxes, and
/// `frame` for saying that a whole frame of boxes is unusable.
enum LabelStudioConfiguration {
    static let fileName = "label-studio-config.xml"
    static let labelControl = "label"
    static let frameControl = "frame"
    static let picture = "image"

    static func xml(_ header: BatchHeader) -> String {
        let controls =
            switch header.task {
            case .classification:
                choices(
                    labelControl, header.classes + [Unusable.name], allowsSeveral: header.allowsSeveralClasses == true)
            case .detection: rectangles(header.classes) + choices(frameControl, [Unusable.name])
            }
        return "<View>\n  <Image name=\"\(picture)\" value=\"$image\" zoom=\"true\"/>\n\(controls)</View>\n"
    }

    private static func choices(_ name: String, _ values: [String], allowsSeveral: Bool = false) -> String {
        // A lone choice is a box to tick, so that it can be taken back.
        let kind = allowsSeveral || values.count == 1 ? "multiple" : "single"
        let lines = values.map { "    <Choice value=\"\(XMLText.escaped($0))\"/>\n" }.joined()
        return "  <Choices name=\"\(name)\" toName=\"\(picture)\" choice=\"\(kind)\" showInline=\"true\">\n"
            + "\(lines)  </Choices>\n"
    }

    private static func rectangles(_ classes: [String]) -> String {
        let lines = classes.map { "    <Label value=\"\(XMLText.escaped($0))\"/>\n" }.joined()
        return "  <RectangleLabels name=\"\(labelControl)\" toName=\"\(picture)\">\n\(lines)  </RectangleLabels>\n"
    }
}
