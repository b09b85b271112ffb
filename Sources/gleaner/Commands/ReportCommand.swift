import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Says what became of every frame, and how good the models are on them.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "What became of every frame, and how good each model is.",
        discussion: """
            Accuracy is estimated from audit samples alone, with the interval that covers the truth in 95 of 100 \
            cases; below 30 labels there is none. What the labels of chosen samples would suggest is shown beside it: \
            they were chosen where the model is weak.

            EXAMPLES
              gleaner report
              gleaner report --html report.html
            """)
    @OptionGroup var options: DeploymentOptions
    @Option(help: ArgumentHelp("Also write it as one page with drawings, which needs nothing else.", valueName: "file"))
    var html: String?

    func run() throws {
        let deployment = try options.open()
        let report = try deployment.report()
        if let html { try deployment.writeReport(report, to: html) }
        try options.print(report) {
            let total = max(1, report.lines.reduce(0) { $0 + $1.count })
            let frames = Terminal.table(
                [["outcome", "reason", "frames", "share"]]
                    + report.lines.map {
                        [$0.outcome, $0.reason, "\($0.count)", Self.percent(Double($0.count) / Double(total))]
                    })
            let labels = "labels granted \(report.labels.granted), asked for \(report.labels.sent)"
            return
                ([frames, labels, Self.starving(report)] + report.models.map { Self.text($0) } + [Self.drift(report)])
                .filter { !$0.isEmpty }.joined(separator: "\n\n")
        }
    }

    /// Only once there are labels: before, every class starves.
    private static func starving(_ report: LedgerReport) -> String {
        guard report.classes.contains(where: { $0.labels > 0 }), !report.starving.isEmpty else { return "" }
        let shown = report.starving.prefix(12).map { "\($0.name) \($0.labels)" }.joined(separator: ", ")
        let more = report.starving.count > 12 ? ", and \(report.starving.count - 12) more" : ""
        return "classes with few labels: \(shown)\(more)"
    }

    private static func drift(_ report: LedgerReport) -> String {
        report.drift.prefix(3).map { "drift: \($0.what) (\($0.at))" }.joined(separator: "\n")
    }

    private static func text(_ report: ModelReport) -> String {
        var rows = [["model", "\(report.model.name)@\(report.model.version), offered \(report.offered) frames"]]
        if let accuracy = report.accuracy {
            rows.append([
                "right", text(accuracy) + ", by \(report.auditLabels) audit labels of \(report.scenes) scenes",
            ])
        } else {
            let count = Int(report.effectiveLabels.rounded())
            rows.append(["right", "not known yet: \(count) audit labels, and 30 are needed"])
            if let guess = report.guess {
                let basis =
                    guess.isCorrected ? "its confidence, less what the model before was too sure" : "its confidence"
                rows.append(["", "(a guess: \(percent(guess.value)), by \(basis))"])
            }
        }
        if let calibration = report.calibration {
            let temperature = calibration.temperature.map { ", temperature \(Double(Int($0 * 100 + 0.5)) / 100)" }
            rows.append([
                "calibration", "confidence is off by \(percent(calibration.error)) on the mean\(temperature ?? "")",
            ])
        }
        if let anew = report.seenAnew {
            rows.append([
                "scored anew", "\(anew.samples) kept samples, \(anew.otherwise) of them seen otherwise than before",
            ])
        }
        if let redundancy = report.redundancy {
            rows.append(["repeats", "\(percent(redundancy)) of the frames resembled a kept one"])
        }
        if let precision = report.precision { rows.append(["precision", text(precision)]) }
        if let recall = report.recall { rows.append(["recall", text(recall)]) }
        if let naive = report.naive {
            rows.append(["", "(of the chosen samples \(percent(naive)): not a fair sample)"])
        }
        rows.append([
            "answers",
            "\(report.auditResponse.answered) of \(report.auditResponse.sent) audit samples, "
                + "\(report.chosenResponse.answered) of \(report.chosenResponse.sent) chosen ones",
        ])
        rows.append(["weight", "\(percent(report.uncertaintyWeight)) on its uncertainty, the rest on coverage"])
        if let comparison = report.comparison {
            let lineage = comparison.lineageKnown ? "" : "; what it was trained on is not known"
            rows.append([
                "beside",
                "\(comparison.previous.name)@\(comparison.previous.version): better on \(comparison.wins), worse on "
                    + "\(comparison.losses) of \(comparison.pairs) audit samples (p = "
                    + "\(Double(Int(comparison.pValue * 1000 + 0.5)) / 1000)\(lineage))",
            ])
        }
        rows += report.warnings.map { ["warning", $0] }
        return Terminal.table(rows)
    }

    private static func text(_ estimate: ModelReport.Estimate) -> String {
        "\(percent(estimate.value)) (\(percent(estimate.low)) to \(percent(estimate.high)))"
    }

    private static func percent(_ share: Double) -> String { "\((share * 1000).rounded() / 10) %" }
}
