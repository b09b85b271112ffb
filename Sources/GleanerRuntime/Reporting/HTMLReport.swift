import Foundation
import GleanerCore
import GleanerStore

/// The report as one page that needs nothing else: no network, no script, no other file.
struct HTMLReport {
    let report: LedgerReport
    let hours: [LedgerEntry]
    let histograms: [(model: String, bins: [Int])]

    func text() -> String {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><title>Gleaner report</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <style>
        body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
        table { border-collapse: collapse } td, th { padding: .2em 1em .2em 0; text-align: left }
        td.n, th.n { text-align: right } h2 { margin-top: 2em } svg { max-width: 100%; height: auto } .soft { color: #666 }
        </style></head><body>
        <h1>Gleaner report</h1>
        <p>\(report.labels.granted) labels granted, \(report.labels.sent) asked for, \(report.labels.due) due.</p>
        <h2>What became of every frame</h2>
        \(outcomes)
        \(hourly)
        <h2>How good each model is</h2>
        <p class="soft">The share of frames of which all that the model said was right, from audit samples alone; the bar
        covers the truth in 95 of 100 cases. Hollow: what the labels of chosen samples would suggest, which is no fair
        sample.</p>
        \(accuracies)
        \(models)
        \(drift)
        <h2>Labels of each class</h2>
        \(classes)
        <h2>Utilities</h2>
        <p class="soft">How uncertain each model was, from 0 to 1, over all frames that it judged.</p>
        \(histogramDrawings)
        </body></html>

        """
    }

    // MARK: Tables

    private var outcomes: String {
        let total = max(1, report.lines.filter { $0.outcome != "evicted" }.reduce(0) { $0 + $1.count })
        let rows = report.lines.map { line in
            "<tr><td>\(Self.escaped(line.outcome))</td><td>\(Self.escaped(line.reason))</td><td class=\"n\">\(line.count)"
                + "</td><td class=\"n\">\(Self.percent(Double(line.count) / Double(total)))</td></tr>"
        }
        return "<table><tr><th>outcome</th><th>reason</th><th class=\"n\">frames</th><th class=\"n\">share</th></tr>"
            + rows.joined() + "</table>"
    }

    private var models: String {
        let rows = report.models.map { model in
            let accuracy = model.accuracy.map {
                "\(Self.percent($0.value)) (\(Self.percent($0.low)) to \(Self.percent($0.high)))"
            }
            let compared = model.comparison.map {
                "better on \($0.wins), worse on \($0.losses) of \($0.pairs) than \(Self.escaped($0.previous.name))@\($0.previous.version)"
            }
            return
                "<tr><td>\(Self.escaped(model.model.name))@\(model.model.version)</td><td class=\"n\">\(model.offered)</td>"
                + "<td>\(accuracy ?? "not known yet: \(Int(model.effectiveLabels.rounded())) of 30 labels")</td>"
                + "<td class=\"n\">\(model.calibration.map { Self.percent($0.error) } ?? "")</td>"
                + "<td class=\"n\">\(model.redundancy.map { Self.percent($0) } ?? "")</td>"
                + "<td>\(model.auditResponse.answered) of \(model.auditResponse.sent)</td><td>\(compared ?? "")</td></tr>"
        }
        return
            "<table><tr><th>model</th><th class=\"n\">frames</th><th>right</th><th class=\"n\">calibration error</th>"
            + "<th class=\"n\">repeats</th><th>audit answers</th><th></th></tr>"
            + rows.joined() + "</table>"
            + report.models.flatMap(\.warnings).map { "<p>Warning: \(Self.escaped($0))</p>" }.joined()
    }

    private var drift: String {
        report.drift.map { "<p>Drift, \(Self.escaped("\($0.at)")): \(Self.escaped($0.what))</p>" }.joined()
    }

    // MARK: Drawings

    /// Samples whose label shows a class, the scarcest first; at most 60 of them.
    private var classes: String {
        let shown = report.classes.prefix(60)
        let largest = Double(max(1, shown.map(\.labels).max() ?? 1))
        let rows = shown.enumerated().map { index, entry in
            let y = 18.0 * Double(index)
            return "<text x=\"0\" y=\"\(Self.number(y + 12))\" font-size=\"12\">\(Self.escaped(entry.name)) "
                + "(\(entry.labels))</text>"
                + Self.rectangle(
                    240, y + 3, 540 * Double(entry.labels) / largest, 10,
                    entry.labels < LedgerReport.starvingCount ? "#c46210" : "#5b8c7b")
        }
        let note = "Orange: fewer than \(LedgerReport.starvingCount)."
        return shown.isEmpty
            ? "" : "<p class=\"soft\">\(note)</p>" + Self.drawing(height: 18 * Double(shown.count) + 4, rows.joined())
    }

    private static let width = 800.0

    /// Frames per hour of collecting, by outcome: at most 200 bars, each of one hour or more.
    private var hourly: String {
        let shown = hours.filter { ["stored", "rejected", "dropped"].contains($0.outcome) }
        guard let last = shown.map(\.hour).max() else { return "" }
        let hoursPerBar = last / 200 + 1
        var bars = [[String: Int]](repeating: [:], count: last / hoursPerBar + 1)
        for entry in shown { bars[entry.hour / hoursPerBar][entry.outcome, default: 0] += entry.count }
        let largest = Double(max(1, bars.map { $0.values.reduce(0, +) }.max() ?? 1))
        let step = Self.width / Double(bars.count)
        var shapes = ""
        for (index, bar) in bars.enumerated() {
            var top = 120.0
            for (outcome, color) in [("stored", "#0b6e4f"), ("dropped", "#b3261e"), ("rejected", "#c9d6d0")] {
                let height = 110 * Double(bar[outcome] ?? 0) / largest
                top -= height
                shapes += Self.rectangle(Double(index) * step, top, max(step - 1, 0.5), height, color)
            }
        }
        let unit = hoursPerBar == 1 ? "hour" : "\(hoursPerBar) hours"
        return "<p class=\"soft\">Frames in each \(unit) of collecting: kept (green), lost (red), not kept (grey).</p>"
            + Self.drawing(height: 125, shapes)
    }

    private var accuracies: String {
        let rows = report.models.enumerated().map { index, model in
            let y = 26.0 * Double(index) + 8
            let name = "\(Self.escaped(model.model.name))@\(model.model.version)"
            var shapes = "<text x=\"0\" y=\"\(y + 8)\" font-size=\"12\">\(name)</text>"
            func x(_ share: Double) -> Double { 160 + 620 * share }
            shapes += Self.rectangle(x(0), y + 3, 620, 2, "#eee")
            if let accuracy = model.accuracy {
                shapes += Self.rectangle(x(accuracy.low), y + 1, x(accuracy.high) - x(accuracy.low), 6, "#8fc7b0")
                shapes += "<circle cx=\"\(Self.number(x(accuracy.value)))\" cy=\"\(y + 4)\" r=\"5\" fill=\"#0b6e4f\"/>"
            }
            if let naive = model.naive {
                shapes +=
                    "<circle cx=\"\(Self.number(x(naive)))\" cy=\"\(y + 4)\" r=\"4\" fill=\"none\" stroke=\"#888\"/>"
            }
            return shapes
        }
        let bottom = 26.0 * Double(report.models.count) + 14
        let axis = [0.0, 0.25, 0.5, 0.75, 1].map { share in
            "<text x=\"\(Self.number(160 + 620 * share))\" y=\"\(bottom)\" font-size=\"11\" fill=\"#666\" "
                + "text-anchor=\"middle\">\(Int(share * 100)) %</text>"
        }
        return report.models.isEmpty ? "" : Self.drawing(height: bottom + 6, (rows + axis).joined())
    }

    private var histogramDrawings: String {
        histograms.map { model, bins in
            let largest = Double(max(1, bins.max() ?? 1))
            let step = Self.width / Double(max(bins.count, 1))
            let shapes = bins.enumerated().map { index, count in
                // Square roots, so that the few in the tail are seen.
                let height = 70 * (Double(count) / largest).squareRoot()
                return Self.rectangle(Double(index) * step, 75 - height, step - 1, height, "#5b8c7b")
            }
            return "<p>\(Self.escaped(model))</p>" + Self.drawing(height: 78, shapes.joined())
        }.joined()
    }

    private static func drawing(height: Double, _ shapes: String) -> String {
        "<svg viewBox=\"0 0 \(number(width)) \(number(height))\" width=\"\(number(width))\" role=\"img\">\(shapes)</svg>"
    }

    private static func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ color: String)
        -> String
    {
        "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" height=\"\(number(height))\" fill=\"\(color)\"/>"
    }

    private static func number(_ value: Double) -> String { String(format: "%.1f", value) }
    private static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}

extension Deployment {
    /// Writes the report as one page with drawings.
    public func writeReport(_ report: LedgerReport, to path: String) throws {
        let histograms = try store.feedback().map { feedback in
            ("\(feedback.model)", try store.utilityHistogram(of: feedback.model))
        }
        let page = HTMLReport(report: report, hours: try store.ledger(), histograms: histograms)
        try DurableFile.write(Data(page.text().utf8), to: path)
    }
}
