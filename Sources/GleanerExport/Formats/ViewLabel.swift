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
        let names = try labeledClasses()
        guard let name = names.first, names.count == 1 else {
            throw GleanerError(
                .exportLabel, "sample \(id) is labeled with \(names.count) classes, and this format holds one a frame",
                remedy: "use label-studio, coco, cvat, csv or webdataset")
        }
        return name
    }

    /// The classes that a person gave this frame: one, or any number where they do not exclude each other.
    func labeledClasses() throws -> [String] {
        switch label?.value {
        case .classified(let name)?: [name]
        case .classes(let names)?: names
        default: throw missingLabel("a class")
        }
    }

    /// The objects that a person marked.
    func labeledBoxes() throws -> [LabeledBox] {
        guard case .boxes(let boxes)? = label?.value else { throw missingLabel("boxes") }
        return boxes
    }

    /// The classes that the model claims, without those that no label may have.
    func predictedClasses(among classes: [String]) -> [PredictionRecord.ClassScore] {
        prediction.claimedClasses.filter { classes.contains($0.label) }
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
