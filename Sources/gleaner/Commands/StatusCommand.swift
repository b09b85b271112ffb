import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Says how a deployment is doing.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How the deployment is doing: model, frames, speed, queue, disk, problems.",
        discussion: """
            --prometheus prints all numbers in Prometheus' text format. Without a server of its own a device can write \
            them for the node exporter that runs there:

              gleaner status --prometheus > gleaner.prom.new && mv gleaner.prom.new /var/lib/node_exporter/gleaner.prom
            """)
    @OptionGroup var options: DeploymentOptions
    @Flag(help: "Print Prometheus' text format.") var prometheus = false

    func validate() throws {
        guard !(prometheus && options.json) else { throw ValidationError("--prometheus and --json are two formats") }
    }

    func run() throws {
        if prometheus { return Terminal.out(try options.open().prometheusText(), end: "") }
        let status = try options.open().status()
        try options.print(status) { Self.text(status) }
    }

    private static func text(_ status: DeploymentStatus) -> String {
        let queue = status.queue
        var rows = [
            ["model", status.model.map { "\($0.name)@\($0.version)" } ?? "none"],
            ["collector", status.collector ?? "not running"],
            [
                "frames",
                "\(status.frames.offered) offered = \(status.frames.stored) stored + \(status.frames.rejected) rejected "
                    + "+ \(status.frames.dropped) dropped",
            ],
        ]
        rows += status.loop.map { [["speed", speed($0)]] } ?? []
        rows += [
            [
                "queue",
                "\(queue.queued) queued, \(queue.exported) exported, \(queue.labeled) labeled, "
                    + "\(queue.unusable) unusable, \(queue.expired) expired; pixels of \(queue.evicted) evicted",
            ],
            [
                "disk",
                "\(ByteCount.format(status.disk.usedBytes)) of \(ByteCount.format(status.disk.quotaBytes))",
            ],
        ]
        if !status.temperatures.isEmpty {
            let heat = status.temperatures.map { "\($0.zone) \(Int($0.celsius.rounded())) °C" }
            rows.append(["heat", heat.joined(separator: ", ")])
        }
        rows += status.destinations.map { ["to \($0.name)", $0.text] }
        rows += status.problems.map { ["problem", "\($0.path): \($0.message); \($0.remedy)"] }
        return Terminal.table(rows)
    }

    private static func speed(_ loop: LoopReport) -> String {
        let rate = (loop.framesPerSecond * 10).rounded() / 10
        let slow = loop.stages.filter { ["decode", "infer", "frame"].contains($0.stage) }.map { line in
            "\(line.stage) \(milliseconds(line.p50)) ms (99 %: \(milliseconds(line.p99)))"
        }
        return (["\(rate) frames a second at \(loop.at)"] + slow).joined(separator: "; ")
    }

    private static func milliseconds(_ seconds: Double) -> Double { (seconds * 10_000).rounded() / 10 }
}
