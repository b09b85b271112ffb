import ArgumentParser
import Foundation
import GleanerCore
import GleanerRuntime

/// Tries a deployment on its machine.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Try the disk, the clock, the source, the model, memory and heat on this machine.",
        discussion: """
            Where check only looks, doctor tries: it writes up to 32 MiB beside the queue and removes them, waits for a \
            frame, and times the model. It keeps no frame. Beside a running collector it asks for what that has measured. \
            It exits with status 1 when there is a problem, and not for a warning.
            """)
    @OptionGroup var options: DeploymentOptions
    @Option(help: "How long the source may take for a frame.") var seconds = DeploymentDoctor.sourceSecondsStandard

    private struct Document: Encodable { var findings: [Finding] }

    func validate() throws {
        guard (0.1...3600).contains(seconds) else { throw ValidationError("--seconds must be 0.1 to 3600") }
    }

    func run() async throws {
        var findings: [Finding] = []
        await DeploymentDoctor.examine(options.folder, sourceSecondsMax: seconds) { finding in
            findings.append(finding)
            // Some parts take seconds: each is said as soon as it is known.
            if !options.json { Terminal.out(Self.text(finding)) }
        }
        if options.json { try options.print(Document(findings: findings)) { "" } }
        if findings.contains(where: { $0.state == .problem }) { throw ExitCode(1) }
    }

    private static func text(_ finding: Finding) -> String {
        let head = finding.state.rawValue.padding(toLength: 9, withPad: " ", startingAt: 0)
        let remedy = finding.remedy.isEmpty ? "" : "\n           try: \(finding.remedy)"
        return "\(head)\(finding.path): \(finding.message)\(remedy)"
    }
}
