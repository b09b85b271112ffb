public import GleanerCore

extension GleanerError.Code {
    /// A format cannot show this batch at all.
    public static let exportUnsupported = Self("export.unsupported")
    /// A sample lacks the label that a training batch needs, or has one that does not fit.
    public static let exportLabel = Self("export.label")
    /// A class has a name that labels use for something else.
    public static let exportClass = Self("export.class")
}

/// The label by which people say that a frame is done with and teaches nothing; no class may have this name.
enum Unusable { static let name = "unusable" }

extension SampleRecord {
    /// The class that a person gave this frame.
    func labeledClass() throws -> String {
        guard case .classified(let name)? = label?.value else { throw missingLabel("a class") }
        return name
    }

    /// The objects that a person marked.
    func labeledBoxes() throws -> [LabeledBox] {
        guard case .boxes(let boxes)? = label?.value else { throw missingLabel("boxes") }
        return boxes
    }

    /// The model's most probable class, if a label may be that class.
    func predictedClass(among classes: [String]) -> PredictionRecord.ClassScore? {
        prediction.classes?.first.flatMap { classes.contains($0.label) ? $0 : nil }
    }

    /// The boxes that the model claims, without those whose class no label may have.
    func predictedBoxes(among classes: [String]) -> [PredictionRecord.BoxScore] {
        prediction.confidentBoxes.filter { classes.contains($0.label) }
    }

    private func missingLabel(_ what: String) -> GleanerError {
        GleanerError(
            .exportLabel, "sample \(id) has no label with \(what), and a training batch needs one",
            remedy: "leave it out of the batch, or label it first")
    }
}

extension BatchHeader {
    /// - Throws: ``GleanerError`` when a class is named as the label that says a frame is unusable.
    func requireNoReservedClass() throws {
        guard classes.contains(Unusable.name) else { return }
        throw GleanerError(
            .exportClass, "a class is named '\(Unusable.name)', which labels use for frames that teach nothing",
            remedy: "rename the class in the model's bundle")
    }
}
