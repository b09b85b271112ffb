import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Takes labels back.
struct LabelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "label", abstract: "Take labels back.", subcommands: [Import.self, Set.self])

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read labels from a file of a labeling tool.",
            discussion: """
                Importing a file twice changes nothing; corrections win by their own time or revision.

                EXAMPLE
                  gleaner label import project-1.json --format label-studio
                """)

        @OptionGroup var options: DeploymentOptions
        @Argument(help: "The file.") var path: String
        @Option(help: "What wrote it; see gleaner components.") var format: String
        @Flag(help: "Take class names that neither the model nor gleaner.yaml knows.") var addClasses = false

        func run() throws {
            let deployment = try options.open()
            var line = ProgressLine("labels")
            let report = try deployment.importLabels(path, format: format, addsClasses: addClasses) {
                line.update($0, of: nil)
            }
            line.end()
            try options.print(report) { LabelCommand.text(report) }
        }
    }

    struct Set: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Label one sample by hand.", discussion: "EXAMPLE\n  gleaner label set 3-42 wasp")

        @OptionGroup var options: DeploymentOptions
        @Argument(help: "The sample's id, or its short form.") var sample: String
        @Argument(help: "A class, or unusable.") var value: String

        func run() throws {
            let report = try options.open().setLabel(sample, to: value)
            try options.print(report) { LabelCommand.text(report) }
        }
    }

    private static func text(_ report: LabelImportReport) -> String {
        var lines = [
            "\(report.applied) labels applied, \(report.corrected) corrected, \(report.unchanged) here already, "
                + "\(report.outdated) older than what is here, \(report.rejected.count) rejected"
        ]
        let shownMax = 20
        lines += report.rejected.prefix(shownMax).map { "  \($0.place): \($0.sample): \($0.reason)" }
        if report.rejected.count > shownMax {
            lines.append("  … \(report.rejected.count - shownMax) more (--json lists all)")
        }
        return lines.joined(separator: "\n")
    }
}
