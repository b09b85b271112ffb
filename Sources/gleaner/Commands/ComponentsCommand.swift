import ArgumentParser
import GleanerRuntime

/// Lists what a configuration can ask for by name.
struct ComponentsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "components", abstract: "Everything a configuration can ask for by name.")
    @Flag(help: "Print one JSON document for scripts.") var json = false

    func run() throws {
        var options = DeploymentOptions()
        options.json = json
        let kinds = Registries.standard.components
        try options.print(["components": kinds]) {
            kinds.map { kind in
                "\(kind.kind):\n" + Terminal.table(kind.components.map { ["  " + $0.name, $0.summary] })
            }.joined(separator: "\n\n")
        }
    }
}
