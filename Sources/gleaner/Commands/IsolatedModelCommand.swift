import ArgumentParser
import GleanerRuntime

/// Runs one model for another `gleaner`, which stays alive whatever the model does.
struct IsolatedModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: IsolatedModelServer.commandName, abstract: "For Gleaner's own use: runs one model.",
        shouldDisplay: false)

    func run() throws { try IsolatedModelServer.run() }
}
