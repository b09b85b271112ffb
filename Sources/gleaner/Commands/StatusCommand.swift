import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Says how a deployment is doing.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How the deployment is doing: model, frames, queue, disk, problems.")
    @OptionGroup var options: DeploymentOptions

    func run() throws {
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
        rows += status.destinations.map { ["to \($0.name)", $0.text] }
        rows += status.problems.map { ["problem", "\($0.path): \($0.message); \($0.remedy)"] }
        return Terminal.table(rows)
    }
}
