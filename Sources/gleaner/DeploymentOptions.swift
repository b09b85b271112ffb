import ArgumentParser
import Foundation
import GleanerCore
import GleanerRuntime

/// What every command takes.
struct DeploymentOptions: ParsableArguments {
    @Option(
        name: [.customShort("C"), .customLong("deployment")],
        help: ArgumentHelp("The deployment's folder.", valueName: "dir"))
    var folder = "."

    @Flag(help: "Print one JSON document for scripts.")
    var json = false

    func open() throws -> Deployment {
        let deployment = try Deployment(opening: folder)
        for note in deployment.openingNotes { Terminal.note(note) }
        return deployment
    }

    /// Prints a result: as JSON when asked to, else as `text` says.
    func print(_ document: some Encodable, _ text: () -> String) throws {
        if json {
            Terminal.out(String(decoding: try CanonicalJSON.encodePretty(document), as: UTF8.self))
        } else {
            Terminal.out(text())
        }
    }
}
