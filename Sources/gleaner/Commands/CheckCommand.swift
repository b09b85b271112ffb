import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Looks for everything that could stop a deployment from collecting.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "List every problem of configuration, runtime, model, disk and clock.",
        discussion: "It exits with status 1 when there is one.")
    @OptionGroup var options: DeploymentOptions

    private struct Document: Encodable { var problems: [Problem] }

    func run() throws {
        let problems = DeploymentCheck.problems(of: options.folder)
        try options.print(Document(problems: problems)) {
            guard !problems.isEmpty else { return "No problems." }
            return problems.map { "\($0.path): \($0.message)\n  try: \($0.remedy)" }.joined(separator: "\n")
        }
        if !problems.isEmpty { throw ExitCode(1) }
    }
}
