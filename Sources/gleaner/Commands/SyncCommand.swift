import ArgumentParser
import GleanerCore
import GleanerRuntime
import Logging
import Synchronization

/// Lets batches leave, and takes in what waits.
struct SyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Let batches leave for their destinations; take in labels and models from there.",
        discussion: """
            Without a flag it goes on until it is stopped, as `gleaner run` does by itself beside collecting. With \
            --once it visits every destination once. With --to it does so with one place, which need not be \
            configured: a stick does the whole round trip.

            EXAMPLES
              gleaner sync --once
              gleaner sync --to /media/stick
              gleaner sync --now                     (wakes the process that syncs)
              gleaner sync --dry-run
            """)

    @OptionGroup var options: DeploymentOptions
    @Flag(help: "Visit every destination once, then end.") var once = false
    @Flag(help: "Try at once, whatever failed before: here, or in the process that syncs already.") var now = false
    @Option(
        name: .customLong("to"),
        help: ArgumentHelp("One destination: its name, a folder, or a URL.", valueName: "place"))
    var place: String?
    @Flag(help: "Say what would leave, and do nothing.") var dryRun = false

    func run() async throws {
        let deployment = try options.open()
        let targets = try deployment.destinations(named: place)
        if dryRun {
            let plan = try deployment.syncPlan(for: targets)
            return try options.print(plan) { Self.text(plan) }
        }
        if now, let holder = try deployment.wakeSync() {
            return try options.print(["woken": holder]) { "Woke \(holder)." }
        }
        guard once || now || place != nil else {
            var logger = Logger(label: "gleaner") { StreamLogHandler.standardError(label: $0) }
            logger.logLevel = .notice
            return try await Services.run([SyncService(deployment, logger: logger)], logger: logger)
        }
        let line = Mutex(ProgressLine("sending", .bytes))
        let report = try await deployment.sync(with: targets) { done, total in
            line.withLock { $0.update(done, of: total) }
        }
        line.withLock { $0.end() }
        try options.print(report) { report.visits.map(Self.text).joined(separator: "\n") }
        if report.visits.contains(where: { $0.failure != nil }) { throw ExitCode.failure }
    }

    private static func text(_ plan: SyncPlan) -> String {
        Terminal.table(
            plan.destinations.map { destination in
                let due = destination.due.map { "\($0.samples) samples due for \($0.purpose.rawValue)" }
                let sealed = "\(destination.batches) batches sealed (\(destination.samples) samples)"
                return [destination.destination, ([sealed] + due).joined(separator: ", ")]
            })
    }

    private static func text(_ visit: VisitReport) -> String {
        var lines = visit.batches.map {
            "\($0.folder): \($0.sampleCount) samples for \($0.purpose.rawValue), \(ByteCount.format($0.byteCount))"
        }
        lines += visit.arrivals.map { "\(visit.destination): \($0.item): \($0.outcome)" }
        if let failure = visit.failure {
            lines.append("\(visit.destination): \(failure.message)")
            if !failure.remedy.isEmpty { lines.append("  try: \(failure.remedy)") }
        }
        return lines.isEmpty ? "\(visit.destination): nothing waits on either side" : lines.joined(separator: "\n")
    }
}
