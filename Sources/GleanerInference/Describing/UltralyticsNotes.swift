import GleanerCore

/// What Ultralytics' exporters write into a model: `names`, `imgsz`, `task`, `stride`, `args`.
///
/// YOLOv5's own exporter writes `names` and `stride` alone.
struct UltralyticsNotes {
    /// The names of the classes, in their order.
    var labels: [String]
    /// Width and height of the input.
    var size: (width: Int, height: Int)?
    /// Such as `detect`, `classify`, `segment`.
    var task: String?

    /// `nil` when there are no such notes.
    init?(_ metadata: [String: String]) {
        guard let names = metadata["names"].flatMap(PythonLiteral.parse), let labels = Self.labels(names),
            metadata["stride"] != nil || metadata["task"] != nil
        else { return nil }
        self.labels = labels
        task = metadata["task"]
        size = metadata["imgsz"].flatMap(PythonLiteral.parse).flatMap(Self.size)
    }

    /// A list, or a dictionary from 0 on without a gap.
    private static func labels(_ names: JSONValue) -> [String]? {
        let values: [JSONValue?]
        switch names {
        case .array(let list): values = list
        case .object(let numbered): values = (0..<numbered.count).map { numbered["\($0)"] }
        default: return nil
        }
        let labels = values.compactMap { if case .string(let name)? = $0 { name } else { nil } }
        return labels.count == values.count && !labels.isEmpty ? labels : nil
    }

    /// `[height, width]`, or one number for both.
    private static func size(_ value: JSONValue) -> (width: Int, height: Int)? {
        switch value {
        case .integer(let side): (side, side)
        case .array(let sides):
            if case .integer(let height)? = sides.first, case .integer(let width)? = sides.last, sides.count == 2 {
                (width, height)
            } else {
                nil
            }
        default: nil
        }
    }
}
