import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Follows a sample or a model through the loop.
struct LineageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage",
        abstract:
            "Follow a sample or a model from frame to prediction, batch, label, training and the next model, and back.",
        discussion: """
            Of a sample: the frame, why it was kept, what each model says of it, its batches and labels, and the models \
            that were trained on it or held it out. Of a model: the batches that it was trained on and who predicted \
            their samples, and what became of the samples that it predicted itself. Models and batches are followed by \
            their digests. A model's training is what its bundle says in `trained_on`.

            EXAMPLES
              gleaner lineage 3-42
              gleaner lineage meter-digits@2 --json
            """)
    @OptionGroup var options: DeploymentOptions
    @Argument(
        help: ArgumentHelp(
            "A sample's id or its short form such as 3-42; or a model as name@version, or name for its newest version.",
            valueName: "sample|model"))
    var subject: String

    func run() throws {
        let lineage = try options.open().lineage(of: subject)
        try options.print(lineage) { LineageText(lineage).text }
    }
}

/// A lineage as a tree of lines.
struct LineageText {
    private let lineage: Lineage
    init(_ lineage: Lineage) { self.lineage = lineage }

    var text: String {
        if let sample = lineage.sample { return tree(sample).text }
        if let model = lineage.model { return tree(model).text }
        return ""
    }

    // MARK: A sample

    private func tree(_ sample: Lineage.OfSample) -> TextTree {
        TextTree(
            "sample \(sample.short), \(sample.id)",
            [frame(sample.frame), kept(sample.kept), TextTree("predicted by \(words(sample.predicted))")]
                + sample.scoredAnew.map { TextTree("scored anew by \(words($0))") }
                + sample.batches.filter { $0.batch.purpose == .labeling }.map { batch($0, of: sample) }
                + sample.labels.map { label($0) }
                + sample.batches.filter { $0.batch.purpose == .training }.map { batch($0, of: sample) }
                + sample.models.filter { $0.relation == .unknown }.map {
                    TextTree("\(words($0.model)) does not say what it was trained on")
                })
    }

    private func frame(_ frame: Lineage.Frame) -> TextTree {
        let captured = frame.capturedAt.map { ", captured \($0)" } ?? ""
        return TextTree(
            "frame \(frame.origin) of \(frame.source)\(captured)",
            [TextTree("sha256 \(frame.sha256), pixels \(frame.pixels)")])
    }

    private func kept(_ kept: Lineage.Kept) -> TextTree {
        var parts = [
            "kept by \(kept.reason == "audit" ? "the audit coin" : kept.reason)",
            "inclusion probability \(hundredths(kept.inclusionProbability))", "utility \(hundredths(kept.utility))",
            "split \(kept.split.rawValue)",
        ]
        if let scene = kept.scene { parts.append("scene \(scene)") }
        if let other = kept.duplicateOf { parts.append("looks like \(other)") }
        return TextTree(parts.joined(separator: ", "))
    }

    private func label(_ label: Lineage.Label) -> TextTree {
        let revision = label.revision.map { ", revision \($0)" } ?? ""
        let author = label.author.map { ", by \($0)" } ?? ""
        let outdone = label.counts ? "" : ", and does not count any more"
        return TextTree("label \(label.value)\(revision)\(author), came \(label.receivedAt)\(outdone)")
    }

    private func batch(_ line: Lineage.BatchOfSample, of sample: Lineage.OfSample) -> TextTree {
        let models = sample.models.filter { $0.batches.contains(line.batch.id) }
        return TextTree(
            words(line.batch) + (line.label.map { ", with label \($0)" } ?? ""),
            models.map { model in
                switch model.relation {
                case .heldOut: TextTree("held out by \(words(model.model)): its split was left alone in training")
                case .trainedOn, .unknown: TextTree("\(words(model.model)) was trained on it")
                }
            })
    }

    private func words(_ said: Lineage.Said) -> String {
        let top = said.topClass.map { "\($0) \(percent(said.score ?? 0))" }
        let words =
            switch (said.boxes, top) {
            case (let count?, let top?): "\(count) boxes, surest of \(top)"
            case (let count?, nil): "\(count) boxes"
            case (nil, let top): top ?? "nothing"
            }
        return "\(self.words(said.model)): \(words)"
    }

    // MARK: A model

    private func tree(_ model: Lineage.OfModel) -> TextTree {
        let because = model.reason.map { ", because \($0)" } ?? ""
        var branches = [TextTree("sha256 \(model.model.sha256), stage \(model.stage)\(because)")]
        if let signer = model.signer { branches.append(TextTree("signed by \(signer)")) }
        branches += model.events.map { TextTree("\($0.at) \($0.message)") }
        branches += [trainedOn(model.trainedOn), predicted(model)]
        branches += model.taught.map { taught in
            TextTree(
                "\(words(taught.model)) was trained on samples that it predicted",
                taught.batches.map { TextTree("\($0.samples) in batch \($0.id.short)") }
                    + more(taught.batchCount, taught.batches.count))
        }
        return TextTree("model \(words(model.model))", branches)
    }

    private func trainedOn(_ training: Lineage.TrainedOn?) -> TextTree {
        guard let training else { return TextTree("batches that it was trained on: its bundle does not say") }
        return TextTree(
            "batches that it was trained on: \(training.batchCount), of this device \(training.knownCount)",
            training.batches.map { batch($0, includesTest: training.includesTest) }
                + more(training.batchCount, training.batches.count))
    }

    private func batch(_ line: Lineage.TrainingBatch, includesTest: Bool) -> TextTree {
        guard let batch = line.batch else { return TextTree("batch \(line.id) is not of this device") }
        let labels = (line.labels ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let shown = labels.prefix(20).map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let rest = labels.count > 20 ? ", and \(labels.count - 20) more" : ""
        let test = "\(line.test ?? 0) of them split test, \(includesTest ? "trained on too" : "held out")"
        return TextTree(
            "\(words(batch)): \(line.samples ?? 0) samples, \(test)",
            [TextTree("labels: \(shown.isEmpty ? "none shows anything" : shown)\(rest)")]
                + (line.predictedBy ?? []).map { TextTree("\($0.samples) predicted by \(words($0.model))") })
    }

    private func predicted(_ model: Lineage.OfModel) -> TextTree {
        let predicted = model.predicted
        return TextTree(
            "predicted \(predicted.samples) samples live (\(predicted.labeled) labeled, \(predicted.unusable) unusable), "
                + "scored \(model.scoredAnew) anew",
            model.batches.map { line in
                TextTree(
                    "\(words(line.batch)): \(line.predicted) that it predicted, \(line.scoredAnew) that it scored anew")
            } + more(model.batchCount, model.batches.count))
    }

    // MARK: Words

    private func more(_ count: Int, _ shown: Int) -> [TextTree] {
        count > shown ? [TextTree("and \(count - shown) more batches")] : []
    }

    private func words(_ model: Lineage.Model) -> String {
        let digest = model.sha256.description.prefix(12)
        return "\(model.name)@\(model.version) (\(model.state ?? "not here any more"), \(digest))"
    }

    private func words(_ batch: Lineage.Batch) -> String {
        let moment = batch.deliveredAt ?? batch.openedAt
        return "batch \(batch.number) \(batch.id.short) for \(batch.purpose.rawValue) to \(batch.destination), "
            + "\(batch.state) \(moment)"
    }

    private func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }
    private func percent(_ share: Float) -> String { "\(Int((share * 100).rounded())) %" }
}
