import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Looks at kept frames.
struct SampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample", abstract: "Look at kept frames, keep them for good or drop them.",
        subcommands: [List.self, Show.self, Keep.self, Drop.self, Sheet.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List samples, newest first.")
        @OptionGroup var options: DeploymentOptions
        @Option(help: "At most so many.") var limit = 50
        @Flag(help: "The largest utility first instead of the newest.") var byUtility = false
        private struct Document: Encodable { var samples: [SampleLine] }

        func run() throws {
            let samples = try options.open().samples(limit: limit, byUtility: byUtility)
            try options.print(Document(samples: samples)) {
                guard !samples.isEmpty else { return "No samples yet." }
                return Terminal.table(
                    [["sample", "state", "pixels", "reason", "utility", "prediction", "label", "frame"]]
                        + samples.map { Self.row($0) })
            }
        }

        private static func row(_ line: SampleLine) -> [String] {
            let sample = line.sample
            let top = sample.prediction.top.map { "\($0.label) \(percent(Double($0.score)))" } ?? "nothing"
            return [
                line.short, line.state, line.pixels, sample.reason, percent(sample.utility), top,
                line.label ?? "-", sample.origin,
            ]
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Everything about one sample.")
        @OptionGroup var options: DeploymentOptions
        @Argument(help: "Its id, or its short form such as 3-42.") var sample: String

        func run() throws {
            let line = try options.open().sample(sample)
            try options.print(line) {
                (try? CanonicalJSON.encodePretty(line)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            }
        }
    }

    struct Keep: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Never evict this sample.")
        @OptionGroup var options: DeploymentOptions
        @Argument(help: "Its id, or its short form.") var sample: String

        func run() throws {
            let line = try options.open().keepSample(sample)
            try options.print(line) { "\(line.short) is kept for good." }
        }
    }

    struct Drop: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete this sample's pixels; its record stays.")
        @OptionGroup var options: DeploymentOptions
        @Argument(help: "Its id, or its short form.") var sample: String

        func run() throws {
            let line = try options.open().dropSample(sample)
            try options.print(line) { "\(line.short) is dropped." }
        }
    }

    struct Sheet: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Draw kept frames on a contact sheet.",
            discussion: "EXAMPLE\n  gleaner sample sheet --to sheet.png --by-utility")
        @OptionGroup var options: DeploymentOptions
        @Option(name: .customLong("to"), help: ArgumentHelp("The PNG to write.", valueName: "file")) var path: String
        @Option(help: "At most so many frames.") var limit = 48
        @Flag(help: "The largest utility first instead of the newest.") var byUtility = false
        private struct Document: Encodable { var file: String; var samples: Int }

        func run() throws {
            let count = try options.open().drawSheet(to: path, limit: limit, byUtility: byUtility)
            try options.print(Document(file: path, samples: count)) { "\(path): \(count) samples" }
        }
    }

    private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
}
