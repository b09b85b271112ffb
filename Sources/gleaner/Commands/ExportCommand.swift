import ArgumentParser
import GleanerCore
import GleanerRuntime
import Synchronization

/// Seals a batch and delivers it to a directory.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Seal a batch of samples and write it to a directory.",
        discussion: """
            A batch is a folder of its own, complete once it has its final name. A batch that an interrupted export \
            left behind is finished first.

            For labeling, as many samples leave as the budget has granted labels: those that teach most by what the \
            newest model knows, and audit samples. The others stay for the next batch.

            EXAMPLES
              gleaner export --for labeling --format label-studio,coco --to /media/stick
              gleaner export --for labeling --format csv --to /media/stick --limit 200
              gleaner export --for training --format imagefolder --to out
            """)

    @OptionGroup var options: DeploymentOptions

    @Option(
        name: .customLong("for"), help: "labeling (samples without labels) or training (samples with them).",
        transform: Self.purpose)
    var purpose: BatchPurpose

    @Option(name: .customLong("format"), help: "Views to write, separated by commas; see gleaner components.")
    var formats: String

    @Option(name: .customLong("to"), help: ArgumentHelp("Where the batch's folder goes.", valueName: "dir"))
    var directory: String

    @Option(help: "At most so many samples, whatever the budget has granted.")
    var limit: Int?

    @Flag(name: .customLong("all"), help: "Training: samples that an earlier batch to this directory held too.")
    var includesDelivered = false

    private struct Document: Encodable { var batches: [ExportedBatch] }

    @Sendable private static func purpose(_ text: String) throws -> BatchPurpose {
        guard let purpose = BatchPurpose(rawValue: text) else {
            throw ValidationError("--for is labeling or training, not '\(text)'")
        }
        return purpose
    }

    func validate() throws {
        guard limit ?? 1 > 0 else { throw ValidationError("--limit must be at least 1") }
    }

    func run() async throws {
        let deployment = try options.open()
        let line = Mutex(ProgressLine("writing", .bytes))
        let request = ExportRequest(
            purpose: purpose, formats: formats.split(separator: ",").map(String.init), directory: directory,
            countMax: limit, includesDelivered: includesDelivered)
        let batches = try await deployment.export(request) { done, total in
            line.withLock { $0.update(done, of: total) }
        }
        line.withLock { $0.end() }
        try options.print(Document(batches: batches)) {
            guard !batches.isEmpty else { return "Nothing to export for \(purpose.rawValue)." }
            return batches.map { batch in
                let size = ByteCount.format(batch.byteCount)
                return "\(batch.folder): \(batch.sampleCount) samples, \(size)\(batch.resumed ? " (finished)" : "")"
            }.joined(separator: "\n")
        }
    }
}
