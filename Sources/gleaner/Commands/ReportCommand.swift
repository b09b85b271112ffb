import ArgumentParser
import GleanerRuntime

/// Says what became of every frame.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "What became of every frame, by reason.")
    @OptionGroup var options: DeploymentOptions

    func run() throws {
        let report = try options.open().report()
        try options.print(report) {
            let total = max(1, report.lines.reduce(0) { $0 + $1.count })
            return Terminal.table(
                [["outcome", "reason", "frames", "share"]]
                    + report.lines.map {
                        [$0.outcome, $0.reason, "\($0.count)", "\((1000 * $0.count + total / 2) / total / 10) %"]
                    })
        }
    }
}
