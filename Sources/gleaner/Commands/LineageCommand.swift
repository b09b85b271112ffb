import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Follows a sample or a model both ways.
struct LineageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage",
        abstract: "Follow a sample or a model: frame, prediction, batch, label, training, model.",
        discussion: """
            A sample is named by its id or as run-sequence, a model as name or name@version. Every link is a digest: \
            a batch by its manifest's, a model by its file's.

            EXAMPLES
              gleaner lineage 3-42
              gleaner lineage meter-digits@2
            """)

    @OptionGroup var options: DeploymentOptions
    @Argument(help: "A sample, or a model.") var reference: String

    func run() throws {
        let lineage = try options.open().lineage(of: reference)
        try options.print(lineage) {
            let rows = lineage.sample.map(Self.rows) ?? lineage.model.map(Self.rows) ?? []
            return Terminal.table(rows)
        }
    }

    // MARK: A sample

    private static func rows(_ sample: Lineage.OfSample) -> [[String]] {
        let (frame, kept) = (sample.frame, sample.kept)
        var rows = [
            ["sample", "\(sample.id)"],
            ["frame", "\(frame.origin) of \(frame.source), sha256 \(frame.sha256), pixels \(frame.pixels)"],
            [
                "kept",
                "for \(kept.reason), with the probability \(rounded(kept.inclusionProbability)); split \(kept.split)"
                    + (kept.duplicateOf.map { ", looks like \($0)" } ?? ""),
            ],
            ["predicted", words(sample.predicted)],
        ]
        rows += sample.scoredAnew.map { ["scored anew", words($0)] }
        rows += sample.batches.map { ["left", words($0.batch) + ($0.label.map { ", labeled \($0)" } ?? "")] }
        rows += sample.labels.map { label in
            let author = label.author.map { " by \($0)" } ?? ""
            return ["label", "\(label.value)\(author)" + (label.counts ? "" : ", no longer counts")]
        }
        return rows + sample.models.map { ["model", words($0)] }
    }

    private static func words(_ trained: Lineage.Trained) -> String {
        let batches = trained.batches.map { short($0.description) }.joined(separator: ", ")
        switch trained.relation {
        case .trainedOn: return "\(words(trained.model)) was trained on it, in \(batches)"
        case .heldOut: return "\(words(trained.model)) left it out of its training, as the test split of \(batches)"
        case .unknown: return "\(words(trained.model)) does not say what it was trained on"
        }
    }

    private static func words(_ said: Lineage.Said) -> String {
        let top = said.topClass.map { "\($0) (\(rounded(Double(said.score ?? 0))))" } ?? "nothing"
        let what = said.boxes.map { "\($0) objects, first of all \(top)" } ?? top
        return "\(what), by \(words(said.model))"
    }

    // MARK: A model

    private static func rows(_ lineage: Lineage.OfModel) -> [[String]] {
        var rows = [["model", "\(words(lineage.model)), \(lineage.stage), sha256 \(lineage.model.sha256)"]]
        if let reason = lineage.reason { rows.append(["because", reason]) }
        if let signer = lineage.signer { rows.append(["signed by", signer]) }
        rows += lineage.events.map { ["event", "\($0.at): \($0.message)"] }
        rows += lineage.trainedOn.map(self.rows) ?? [["trained on", "its bundle does not say"]]
        let predicted = lineage.predicted
        rows.append([
            "predicted",
            "\(predicted.samples) samples, of which \(predicted.labeled) came back with a label; "
                + "\(lineage.scoredAnew) more scored anew",
        ])
        rows += lineage.batches.map { ["left", "\(words($0.batch)), \($0.predicted) samples that it predicted"] }
        return rows
            + lineage.taught.map { taught in
                let samples = taught.batches.reduce(0) { $0 + $1.samples }
                return ["taught", "\(words(taught.model)), by \(samples) samples in \(taught.batchCount) batches"]
            }
    }

    private static func rows(_ trained: Lineage.TrainedOn) -> [[String]] {
        let test = trained.includesTest ? "their test split too" : "but for their test split"
        let head = ["trained on", "\(trained.batchCount) batches, \(trained.knownCount) of this device, \(test)"]
        return [head]
            + trained.batches.map { line in
                guard let batch = line.batch else { return ["", "\(short(line.id)), of another device"] }
                let models = (line.predictedBy ?? []).map { "\($0.samples) predicted by \(words($0.model))" }
                return ["", "\(words(batch)): \(line.samples ?? 0) samples, \(models.joined(separator: ", "))"]
            }
    }

    private static func words(_ model: Lineage.Model) -> String {
        "\(model.name)@\(model.version)" + (model.state.map { " (\($0))" } ?? "")
    }

    private static func words(_ batch: Lineage.Batch) -> String {
        "\(batch.purpose) batch \(short(batch.id.description)) to \(batch.destination), \(batch.state)"
    }

    private static func short(_ id: String) -> String { String(id.prefix(12)) }

    private static func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
