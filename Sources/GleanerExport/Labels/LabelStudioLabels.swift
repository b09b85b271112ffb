public import GleanerCore

/// Labels from Label Studio's own export as JSON or JSON-MIN (its COCO, YOLO and VOC exports lose the sample's id).
///
/// - The sample is `data.sample_id`, else `meta.sample_id`, else the name of the picture.
/// - Of several annotations of a task the one updated last counts; its time is the label's revision. Skipped
///   (`was_cancelled`) annotations, drafts and predictions are not labels.
/// - `rectanglelabels` are boxes, chosen classes are the frame's, and the choice `unusable` says that the frame
///   is done with. An annotation without any result is a frame that shows no object; JSON-MIN cannot express it.
/// - Only the control named by the option `control` is read (`label`, as in the exported labeling interface), and
///   `frame` for `unusable`.
public struct LabelStudioLabels: LabelFormat {
    public static let entry = Registry<any LabelFormat>.Entry(
        "label-studio", "Label Studio's export as JSON or JSON-MIN"
    ) { options in LabelStudioLabels(control: options.string("control") ?? defaultControl) }

    public static let defaultControl = LabelStudioConfiguration.labelControl

    let control: String
    public init(control: String = defaultControl) { self.control = control }

    public func read(
        _ path: String, found: (IncomingLabel) throws -> Void, rejected: (RejectedLabel) throws -> Void
    ) throws {
        try JSONElements.forEach(in: path, root: .array) { element in
            switch reading(element) {
            case .label(let label): try found(label)
            case .rejected(let rejection): try rejected(rejection)
            case .unlabeled: break
            }
        }
    }

    private func reading(_ element: JSONElements.Element) -> LabelReading {
        let place = "task \(element.number)"
        var sample = ""
        do {
            let task: LabelStudioResult = try CanonicalJSON.decode(from: element.json, named: "it")
            sample = task.sample
            guard let annotation = task.newestAnnotation else { return .unlabeled }
            guard !sample.isEmpty else {
                throw LabelFault("names no sample in data.sample_id, meta.sample_id or its picture")
            }
            let label = try annotation.label(control: control)
            return .label(IncomingLabel(sample: sample, label: label, place: place))
        } catch {
            let reason = LabelFault.reason(error)
            return .rejected(RejectedLabel(place: place, sample: sample, reason: reason))
        }
    }
}

extension LabelStudioAnnotation {
    /// - Throws: ``LabelFault`` when what was marked is no label of ours.
    fileprivate func label(control: String) throws -> LabelRecord {
        var revision: Int64?
        if let updatedAt {
            guard let time = Timestamp(updatedAt) else {
                throw LabelFault("has the time '\(updatedAt.prefix(40))', which is not as 2026-01-31T12:00:00Z")
            }
            revision = time.milliseconds
        }
        return LabelRecord(value: try value(control: control), revision: revision, author: author)
    }

    private func value(control: String) throws -> LabelValue {
        if results.contains(where: isUnusable) { return .unusable }
        let answers = results.filter { $0.control == control }
        if answers.isEmpty {
            guard results.isEmpty else { throw otherControls(than: control) }
            return .boxes([])
        }
        let boxes = answers.compactMap(\.region.rectangle)
        if boxes.count == answers.count {
            return .boxes(try boxes.flatMap { try $0.labeledBoxes() })
        }
        let classes = answers.flatMap { $0.region.value.choices ?? [] }
        guard boxes.isEmpty, let first = classes.first else {
            throw LabelFault(
                "has \(classes.count) classes and \(boxes.count) boxes; only classes, or only boxes, can be taken")
        }
        return classes.count == 1 ? .classified(first) : .classes(Set(classes).sorted())

        func isUnusable(_ result: Result) -> Bool {
            let isOurs = result.control == control || result.control == LabelStudioConfiguration.frameControl
            return isOurs && result.region.value.choices == [Unusable.name]
        }
    }

    private func otherControls(than control: String) -> LabelFault {
        let names = Set(results.map(\.control)).sorted().map { "'\($0.prefix(60))'" }.joined(separator: ", ")
        return LabelFault("has results of the control \(names), and none of '\(control)': set the option control")
    }
}
