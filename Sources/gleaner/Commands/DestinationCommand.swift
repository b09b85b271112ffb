import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Looks after destinations.
struct DestinationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "destination", abstract: "List, test, add and forget destinations.",
        subcommands: [List.self, Test.self, Add.self, Forget.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What waits for each destination, and how it goes.")
        @OptionGroup var options: DeploymentOptions
        private struct Document: Encodable { var destinations: [DestinationStatus] }

        func run() throws {
            let found = try options.open().destinationStatus()
            try options.print(Document(destinations: found)) {
                found.isEmpty ? "There is no destination." : Terminal.table(found.map { [$0.name, $0.text] })
            }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Find out whether a batch could be delivered now; nothing is sent.")
        @OptionGroup var options: DeploymentOptions
        @Argument(help: "Its name, a folder, or a URL. Default: all that are configured.") var place: String?
        private struct Document: Encodable { var destinations: [DestinationCheck] }

        func run() async throws {
            let deployment = try options.open()
            let found = try await deployment.check(deployment.destinations(named: place))
            try options.print(Document(destinations: found)) {
                found.map { check in
                    guard let failure = check.failure else { return "\(check.name): ready" }
                    return "\(check.name): \(failure.message)\n  try: \(failure.remedy)"
                }.joined(separator: "\n")
            }
            if found.contains(where: { $0.failure != nil }) { throw ExitCode.failure }
        }
    }

    struct Forget: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give up batches that wait for a place that is configured no more.",
            discussion: "Their samples are not lost: they leave for other destinations, or make room when it is needed."
        )
        @OptionGroup var options: DeploymentOptions
        @Argument(help: "The place, as `destination list` says it.") var place: String

        func run() throws {
            let forgotten = try options.open().forgetDestination(place)
            try options.print(forgotten) {
                "Gave up \(forgotten.batches) batches with \(forgotten.samples) samples for \(forgotten.destination)."
            }
        }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a destination to the configuration.",
            discussion: """
                EXAMPLES
                  gleaner destination add folder:/media/stick
                  gleaner destination add folder:/mnt/share --name share --for training --format coco,yolo
                """)
        @OptionGroup var options: DeploymentOptions
        @Argument(help: "Where it is, as in folder:/media/stick.") var place: String
        @Option(help: "How you call it.") var name: String?
        @Option(name: .customLong("for"), help: "labeling, training, or both with a comma. Default: both.")
        var purposes: String?
        @Option(name: .customLong("format"), help: "Views in each batch, separated by commas.") var formats: String?

        func run() throws {
            let added = try Deployment.addDestination(
                to: options.folder, place: place, name: name, purposes: purposes.map(Self.list),
                formats: formats.map(Self.list))
            try options.print(["destination": added]) { "Added \(added)." }
        }

        private static func list(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }
    }
}
