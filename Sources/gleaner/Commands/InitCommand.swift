import ArgumentParser
import GleanerRuntime

/// Makes a folder a deployment.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a folder a deployment.",
        discussion: "EXAMPLE\n  gleaner init orchard")

    @Argument(help: ArgumentHelp("The folder; it is made if it is not there.", valueName: "dir"))
    var folder: String

    @Flag(help: "Print one JSON document for scripts.")
    var json = false

    private struct Document: Encodable { var deployment: String }

    func run() throws {
        try Deployment.create(folder)
        var options = DeploymentOptions()
        options.json = json
        try options.print(Document(deployment: folder)) {
            "\(folder) is a deployment now. Edit \(folder)/\(Configuration.fileName), then bring in a model:\n"
                + "  gleaner model import BUNDLE -C \(folder)"
        }
    }
}
