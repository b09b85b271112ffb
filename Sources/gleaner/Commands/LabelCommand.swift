public import ArgumentParser
import GleanerCore
public import GleanerRuntime

/// Takes labels back.
struct LabelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "label", abstract: "Take labels back.", subcommands: [Import.self, Set.self])

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read labels from a file or folder of a labeling tool.",
            discussion: """
                Importing a file twice changes nothing; corrections win by their own time or revision.

                EXAMPLES
                  gleaner label import project-1.json --format label-studio
                  gleaner label import from-cvat --format cvat --rename-class Apple=apple --unknown drop
                """)

        @OptionGroup var options: DeploymentOptions
        @Argument(help: "The file, or for some formats the folder.") var path: String
        @Option(help: "What wrote it; see gleaner components.") var format: String
        @Option(help: ArgumentHelp("An option of the format; may be given more than once.", valueName: "key=value"))
        var formatOption: [String] = []
        @Option(
            help: ArgumentHelp(
                "A class that is called otherwise here; may be given more than once.", valueName: "old=new"))
        var renameClass: [String] = []
        @Option(
            help: """
                Classes that neither the model nor gleaner.yaml knows: reject their labels, add them, or drop such boxes \
                from their frames.
                """)
        var unknown = ClassMapping.Unknown.reject

        func run() throws {
            let deployment = try options.open()
            var line = ProgressLine("labels")
            var formatOptions: [String: JSONValue] = [:]
            for option in formatOption {
                let (key, value) = try OptionPair.json(option, of: "--format-option")
                formatOptions[key] = value
            }
            var mapping = ClassMapping(unknown: unknown)
            for rename in renameClass {
                let (old, new) = try OptionPair.text(rename, of: "--rename-class")
                mapping.renames[old] = new
            }
            let report = try deployment.importLabels(path, format: format, options: formatOptions, mapping: mapping) {
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
        @Argument(help: "A class (several with commas, or none, where they do not exclude each other), or unusable.")
        var value: String

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
        lines += report.unknownClasses.map { unknown in
            let nearest = unknown.nearest.map { ", much like '\($0)'" } ?? ""
            return
                "  class '\(unknown.name)' is not known here\(nearest): \(unknown.count) labels, \(unknown.decision.done)"
        }
        let shownMax = 20
        lines += report.rejected.prefix(shownMax).map { "  \($0.place): \($0.sample): \($0.reason)" }
        if report.rejected.count > shownMax {
            lines.append("  … \(report.rejected.count - shownMax) more (--json lists all)")
        }
        return lines.joined(separator: "\n")
    }
}

extension ClassMapping.Unknown: ExpressibleByArgument {
    /// What was decided, as of something done.
    fileprivate var done: String {
        switch self {
        case .reject: "rejected (--rename-class, or --unknown add or drop)"
        case .add: "added"
        case .drop: "dropped"
        }
    }
}
