import GleanerCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Folders that a view makes inside of its own.
enum ViewFolder {
    /// Makes a folder and those that lead to it, where they are not there yet.
    static func make(_ path: String, in root: String) throws {
        for folder in BatchPath.folders(of: "\(path)/file") {
            guard mkdir("\(root)/\(folder)", 0o755) == 0 || errno == EEXIST else {
                throw GleanerError.system("cannot make the folder", "\(root)/\(folder)", errno: errno)
            }
        }
    }

    /// The part of the data that a sample is in: its split, or `unlabeled`.
    static func part(of sample: SampleRecord, _ purpose: BatchPurpose) -> String {
        purpose == .training ? sample.split.rawValue : "unlabeled"
    }
}

extension SampleRecord {
    /// The objects that a view shows: what people marked, or what the model claims.
    func shownBoxes(_ header: BatchHeader) throws -> [(label: String, box: Box, score: Float?)] {
        switch header.purpose {
        case .training: try labeledBoxes().map { ($0.label, $0.box, nil) }
        case .labeling: predictedBoxes(among: header.classes).map { ($0.label, $0.box, $0.score) }
        }
    }

    /// The classes that a view shows: what a person said, or what the model claims.
    func shownClasses(_ header: BatchHeader) throws -> [(label: String, score: Float?)] {
        switch header.purpose {
        case .training: try labeledClasses().map { ($0, nil) }
        case .labeling: predictedClasses(among: header.classes).map { ($0.label, $0.score) }
        }
    }
}

extension BatchHeader {
    /// - Throws: ``GleanerError`` when the batch is of a task that a format cannot hold.
    func require(_ task: ModelTask, by format: String, instead: String) throws {
        guard self.task != task else { return }
        throw GleanerError(
            .exportUnsupported,
            "the format \(format) holds \(task.rawValue) only, and the batch is for \(self.task.rawValue)",
            remedy: "use \(instead)")
    }
}
