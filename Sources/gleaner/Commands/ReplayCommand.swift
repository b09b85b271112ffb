import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Decides about a recorded run anew.
struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Decide about a recorded run anew, without its frames and without the model.",
        discussion: """
            Every decision is recorded with the scores that it went by. With the policy that was in force each comes \
            out as it was. With the `selection` of another configuration you see what it would have kept: utilities, \
            looks and budget exactly, likeness to frames that only the other one keeps by a guess.

            EXAMPLES
              gleaner replay
              gleaner replay --run 3 --policy other.yaml
            """)
    @OptionGroup var options: DeploymentOptions
    @Option(name: .customLong("run"), help: ArgumentHelp("Which run; the newest one by default.", valueName: "number"))
    var runCounter: UInt32?
    @Option(help: ArgumentHelp("A configuration whose `selection` decides instead.", valueName: "file"))
    var policy: String?

    func run() throws {
        let deployment = try options.open()
        let report = try deployment.replay(run: runCounter, policy: policy)
        try options.print(report) { Self.text(report) }
    }

    private static func text(_ report: ReplayReport) -> String {
        let (before, after) = (report.recorded, report.replayed)
        var rows = [["", "recorded", "replayed"]]
        func row(_ name: String, _ value: (ReplayReport.Choices) -> Int) {
            rows.append([name, "\(value(before))", "\(value(after))"])
        }
        row("kept") { $0.kept }
        row("  by the coin") { $0.audit }
        row("  for coverage") { $0.coverage }
        row("like a kept one") { $0.duplicates }
        row("below the budget") { $0.belowBudget }
        for name in Set(before.classes.keys).union(after.classes.keys).sorted() {
            row("kept: \(name.isEmpty ? "(nothing seen)" : name)") { $0.classes[name] ?? 0 }
        }
        let head = "run \(report.run), \(report.frames) frames from \(report.first) on"
        let last =
            "alike: \(report.alike) of \(report.frames)"
            + (report.guessed > 0 ? "; likeness guessed for \(report.guessed)" : "")
        return [head, Terminal.table(rows), last].joined(separator: "\n\n")
    }
}
