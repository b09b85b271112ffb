import ArgumentParser
import Foundation
import GleanerCore
import GleanerRuntime

/// Makes a folder a deployment.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a folder a deployment.",
        discussion: """
            On a terminal it asks where frames come from, how many labels they may cost, and for a model. With an option, \
            or in a script, it asks nothing. It writes gleaner.yaml with every key explained; when it fails, it leaves \
            nothing behind.

            EXAMPLES
              gleaner init orchard
              gleaner init orchard --source rtsp://camera/1 --model fastestdet.tar --budget '50 a day'
            """)

    @Argument(help: ArgumentHelp("The folder; it is made if it is not there.", valueName: "dir"))
    var folder: String

    @Option(
        help: """
            Where frames come from: a folder, a video's file, a camera such as /dev/video0 or rtsp://HOST/PATH, or ingest \
            for frames from other programs.
            """)
    var source: String?

    @Option(help: "What frames may cost: '2 %' of them, or labels such as '200 a day' or '500 a week'.")
    var budget: String?

    @Option(help: "The model that frames are shown: a bundle, or an ONNX file.")
    var model: String?

    @OptionGroup(title: "Of an ONNX file without model.json") var bare: BareModelOptions

    @Flag(help: "Print one JSON document for scripts.")
    var json = false

    private struct Document: Encodable {
        var deployment: String
        var model: SampleRecord.ModelReference?
    }

    private var isWordless: Bool { source == nil && budget == nil && model == nil && !json }

    func validate() throws {
        guard try model != nil || bare.description() == ModelDescription() else {
            throw ValidationError("--name, --labels and the like tell of a model: name it with --model")
        }
    }

    func run() throws {
        let new = try NewDeployment(in: folder)
        let report = isWordless && Terminal.hasPerson ? try ask(new) : try take(new)
        try new.finish()
        if let report { ModelCommand.tellAssumptions(of: report) }
        var options = DeploymentOptions()
        options.json = json
        try options.print(Document(deployment: folder, model: report?.model)) {
            text(report, givesPredictions: new.givesPredictions)
        }
    }

    // MARK: From options

    private func take(_ new: NewDeployment) throws -> ModelImportReport? {
        if let source { try new.setSource(source) }
        if let budget { try new.setBudget(budget) }
        return try model.map { try new.importModel(at: $0, as: try bare.description()) }
    }

    // MARK: From a person

    private func ask(_ new: NewDeployment) throws -> ModelImportReport? {
        Terminal.note("\(folder) is to be a deployment. Enter alone takes what is in brackets.\n")
        try Question(
            """
            Where do frames come from? A folder, a video's file, a camera such as /dev/video0 or rtsp://HOST/PATH, or \
            ingest for frames from other programs.
            """, standard: "the folder camera in \(folder)"
        ).ask(new.setSource)
        try Question(
            "What may they cost? A share of them such as 2 %, or labels such as '200 a day' or '500 a week'.",
            standard: "2 %"
        ).ask(new.setBudget)
        guard !new.givesPredictions else { return nil }
        var report: ModelImportReport?
        // Last, so that nothing of it lies there while somebody thinks.
        try Question(
            "Which model is shown the frames? A bundle, or an ONNX file.", standard: "none yet"
        ).ask { report = try new.importModel(at: $0) }
        return report
    }

    private func text(_ report: ModelImportReport?, givesPredictions: Bool) -> String {
        let file = "\(folder)/\(Configuration.fileName)"
        guard report != nil || givesPredictions else {
            return "\(folder) is a deployment now. Edit \(file), then bring in a model:\n"
                + "  gleaner model import BUNDLE -C \(folder)"
        }
        let active = report.map { ", and \($0.model.name)@\($0.model.version) is active" } ?? ""
        return "\(folder) is a deployment now\(active). Everything else stands in \(file). Then:\n"
            + "  gleaner doctor -C \(folder) && gleaner run -C \(folder)"
    }
}

/// Something that a person is asked.
private struct Question {
    let text: String
    /// What no answer means.
    let standard: String

    init(_ text: String, standard: String) {
        self.text = text
        self.standard = standard
    }

    /// Asks until `take` takes the answer, saying why it did not; an empty answer is not handed to it.
    func ask(_ take: (String) throws -> Void) throws {
        Terminal.note(text)
        while true {
            Terminal.prompt("  [\(standard)] ")
            guard let line = readLine() else {
                throw GleanerError(
                    .notFound, "the answers ended before all was asked, and nothing was made",
                    remedy: "answer each question, or give --source, --budget and --model instead")
            }
            let answer = line.trimmingCharacters(in: .whitespaces)
            guard !answer.isEmpty else { return }
            do {
                return try take((answer as NSString).expandingTildeInPath)
            } catch let error as GleanerError {
                Terminal.note("\(error)\n")
            }
        }
    }
}
