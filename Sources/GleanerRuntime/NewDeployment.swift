import Foundation
public import GleanerCore
import GleanerStore

/// A folder on its way to be a deployment.
///
/// `gleaner.yaml` makes a folder a deployment, and is written last: until ``finish()`` there is none, and what was made
/// beside it is gone with this value. Should the machine stop meanwhile, it can be begun anew in the same folder.
public final class NewDeployment {
    /// As it was named.
    public let folder: String
    private let path: String
    private let registries: Registries
    private let executable: String
    private var source: String?
    /// Whether its source needs no model.
    public private(set) var givesPredictions = false
    private var budget: Budget?
    /// Folders that did not exist, the innermost first.
    private let missing: [String]
    private let namesBefore: Set<String>
    private var isFinished = false

    /// - Parameters:
    ///   - folder: It is made if it is not there.
    ///   - executable: As for ``Deployment``.
    /// - Throws: ``GleanerError`` when it is a deployment already.
    public init(
        in folder: String, registries: Registries = .standard, executable: String = "/proc/self/exe"
    ) throws {
        path = Deployment.absolute(folder)
        guard !FileManager.default.fileExists(atPath: "\(path)/\(Configuration.fileName)") else {
            throw GleanerError(
                .fileSystem, "\(folder) is a deployment already: it has a \(Configuration.fileName)",
                remedy: "choose another folder, or edit that file")
        }
        self.folder = folder
        self.registries = registries
        self.executable = executable
        missing = Self.missing(path)
        namesBefore = Set((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
    }

    deinit { if !isFinished { removeWhatWasMade() } }

    // MARK: Answers

    /// Takes a source as a person types it: `folder:PATH`, `rtsp://HOST/PATH`, `ingest`, …, or a path alone: a folder, a
    /// video's file, or a camera such as `/dev/video0`. A relative path is below the current folder.
    ///
    /// - Throws: ``GleanerError`` when it names no source, or one that is not there.
    public func setSource(_ text: String) throws {
        let full = Self.inFull(text, registries)
        // Where it is in the deployment it may be moved with it.
        let source = full.replacing(":\(path)/", with: ":", maxReplacements: 1)
        let maker = try Configuration.source(source, registries: registries)
        try maker.check(path)
        self.source = source
        givesPredictions = maker.givesPredictions
    }

    /// With its kind, and with its path from the root on if it has one.
    private static func inFull(_ text: String, _ registries: Registries) -> String {
        let isPath = text.hasPrefix("/") || text.hasPrefix(".") || !text.contains(":")
        guard isPath, !registries.sources.names.contains(text) else {
            let kind = ["folder:", "video:", "v4l2:"].first { text.hasPrefix($0) && text != $0 }
            return kind.map { $0 + Deployment.absolute(String(text.dropFirst($0.count))) } ?? text
        }
        let path = Deployment.absolute(text)
        if path.hasPrefix("/dev/video") { return "v4l2:\(path)" }
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        return isThere && !isFolder.boolValue ? "video:\(path)" : "folder:\(path)"
    }

    /// Takes a budget as a person types it: `2 %` of all frames, or labels such as `200 a day` and `500 a week`.
    ///
    /// - Throws: ``GleanerError`` when it is none of these.
    public func setBudget(_ text: String) throws { budget = try Budget(text) }

    /// What frames cost that a person is to label.
    struct Budget {
        /// A line of the section `selection.budget`.
        let line: String

        init(_ text: String) throws {
            let words = /\s*([0-9]+(?:\.[0-9]+)?)\s*(?:(%)|(?:labels?)?\s*(?:a|per|\/)\s*(day|week))\s*/
            guard let found = text.wholeMatch(of: words), let number = Double(found.1) else {
                throw GleanerError(
                    .malformed, "'\(PathName.printable(text))' is no budget",
                    remedy: "write a share of all frames such as 2 %, or labels such as '200 a day' or '500 a week'")
            }
            if found.2 != nil {
                guard (0.001...100).contains(number) else {
                    throw GleanerError(
                        .malformed, "\(found.1) % is no share of all frames",
                        remedy: "write 0.001 to 100 %")
                }
                line = "share: \(found.1) %"
                return
            }
            let perDay = found.3 == "week" ? (number / 7 * 100).rounded() / 100 : number
            guard (0.01...10_000_000).contains(perDay) else {
                throw GleanerError(
                    .malformed, "\(found.1) labels a \(found.3 ?? "day") are no budget",
                    remedy: "write at least one label in a hundred days, and at most ten million a day")
            }
            line = "labels_per_day: \(perDay == perDay.rounded() ? "\(Int(perDay))" : "\(perDay)")"
        }
    }

    /// Brings a model in, just as ``Deployment/importModel(at:as:wishes:)`` does.
    ///
    /// - Throws: ``GleanerError`` saying what is wrong with it. Nothing is left of it then.
    public func importModel(at path: String, as description: ModelDescription = ModelDescription()) throws
        -> ModelImportReport
    {
        do {
            try DurableFile.makeFolder(self.path)
            let deployment = try Deployment(
                at: self.path, configuration: configuration(), registries: registries, executable: executable)
            return try deployment.importModel(at: path, as: description)
        } catch {
            removeWhatWasMade()
            throw error
        }
    }

    // MARK: Making it

    /// Makes the folder a deployment: writes its configuration, with every key explained.
    public func finish() throws {
        _ = try configuration()
        try DurableFile.makeFolder(path)
        try DurableFile.write(Data(text.utf8), to: "\(path)/\(Configuration.fileName)")
        isFinished = true
    }

    private var text: String {
        source.map { Configuration.template(source: $0, budget: budget?.line) }
            ?? Configuration.template(budget: budget?.line)
    }

    private func configuration() throws -> Configuration {
        try Configuration.parse(text, named: "\(folder)/\(Configuration.fileName)", registries: registries)
    }

    /// Folders on the way to a path that do not exist, the innermost first.
    private static func missing(_ path: String) -> [String] {
        var missing: [String] = []
        var next = path
        while next != "/", next != ".", !FileManager.default.fileExists(atPath: next) {
            missing.append(next)
            next = PathName.parent(of: next)
        }
        return missing
    }

    /// What others may have put there meanwhile stays.
    private func removeWhatWasMade() {
        for name in DeploymentFolder.names where !namesBefore.contains(name) {
            try? FileManager.default.removeItem(atPath: "\(path)/\(name)")
        }
        for folder in missing { rmdir(folder) }
    }
}
