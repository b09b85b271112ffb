import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Times what a frame costs.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "What a frame costs on this machine, stage by stage, in milliseconds.",
        discussion: """
            It judges frames of the source with the active model and keeps none. `alone` is what the work of a stage \
            takes when nothing else happens in between. Stop the collector first: two of them share the processor.

            EXAMPLES
              gleaner bench
              gleaner bench --source video:/data/field.mp4 --frames 500
            """)
    @OptionGroup var options: DeploymentOptions
    @Option(help: "Where frames come from instead of the configured source: folder:PATH. Several take turns.")
    var source: [String] = []
    @Option(help: "How many frames are judged.") var frames = 200

    func validate() throws {
        guard (1...1_000_000).contains(frames) else { throw ValidationError("--frames must be 1 to 1000000") }
    }

    func run() async throws {
        let source = try Configuration.source(named: source, registries: .standard)
        let budget = try await options.open().budget(of: source, frameCount: frames)
        try options.print(budget) { Self.text(budget) }
    }

    private static func text(_ budget: MachineBudget) -> String {
        let head =
            "\(budget.frames) frames of \(budget.width) × \(budget.height) from \(budget.source), "
            + "\(budget.model.name)@\(budget.model.version)"
        let rows = budget.stages.map { line in
            [line.stage] + ([line.p50, line.p95, line.p99] + [line.alone].compactMap(\.self)).map(Self.number)
        }
        let last =
            "\(number(budget.framesPerSecond)) frames a second; beside the model a frame takes "
            + "\(number(budget.overParts)) times what its parts take alone."
        return [head, Terminal.table([["ms", "p50", "p95", "p99", "alone"]] + rows), last].joined(separator: "\n\n")
    }

    /// Three digits that matter.
    private static func number(_ value: Double) -> String {
        value >= 100 ? "\(Int(value.rounded()))" : "\((value * 100).rounded() / 100)"
    }
}
