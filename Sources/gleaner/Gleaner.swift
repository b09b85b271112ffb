import ArgumentParser

/// The command line of one deployment.
struct Gleaner: AsyncParsableCommand {
    /// Packages have it from `gleaner --version`.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "gleaner",
        abstract: "Collects, on an edge device, the camera frames that would teach a vision model most.",
        discussion: """
            A deployment is a folder with a gleaner.yaml. Every command takes --deployment DIR (-C); without it, the \
            current folder. With --json a command prints one JSON document and nothing else.

            EXAMPLE
              gleaner init orchard && cd orchard
              gleaner model import ~/fastestdet.tar
              gleaner run
              gleaner export --for labeling --format label-studio --to /media/stick
            """,
        version: version,
        subcommands: [
            InitCommand.self, CheckCommand.self, DoctorCommand.self, RunCommand.self, StatusCommand.self,
            SampleCommand.self, ExportCommand.self, LabelCommand.self, ModelCommand.self, ReportCommand.self,
            ReplayCommand.self, LineageCommand.self, BenchCommand.self, SyncCommand.self, DestinationCommand.self,
            ComponentsCommand.self,
        ])
}
