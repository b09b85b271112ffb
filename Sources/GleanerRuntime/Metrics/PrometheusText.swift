import GleanerCore
import GleanerStore

extension Deployment {
    /// Everything that can be counted of the deployment, in Prometheus' text format (version 0.0.4): for the folder that
    /// its node exporter's `textfile` collector reads, or for any scraper.
    public func prometheusText() throws -> String {
        let status = try status()
        var text = PrometheusText()
        let counts = try store.status()
        text.family("gleaner_frames_total", "counter", "Frames that sources gave, by what became of them and why.")
        for (outcome, reasons) in counts.reasons.sorted(by: { $0.key < $1.key }) where outcome != "evicted" {
            for (reason, count) in reasons.sorted(by: { $0.key < $1.key }) {
                text.add(Double(count), ["outcome": outcome, "reason": reason])
            }
        }
        text.family("gleaner_samples", "gauge", "Samples by the state of their label.")
        for state in LabelState.allCases { text.add(Double(counts.queue[state] ?? 0), ["state": state.rawValue]) }
        text.family("gleaner_samples_evicted_total", "counter", "Samples that lost their pixels to make room.")
        text.add(Double(status.queue.evicted))
        text.family("gleaner_disk_used_bytes", "gauge", "What the deployment takes on the disk.")
        text.add(Double(status.disk.usedBytes))
        text.family("gleaner_disk_quota_bytes", "gauge", "What it may take.")
        text.add(Double(status.disk.quotaBytes))
        text.family("gleaner_collector_running", "gauge", "Whether a process collects at the moment.")
        text.add(status.collector == nil ? 0 : 1)
        text.family("gleaner_problems", "gauge", "Problems that `gleaner status` lists.")
        text.add(Double(status.problems.count))
        if let model = status.model {
            text.family("gleaner_model_info", "gauge", "The active model.")
            text.add(1, ["name": model.name, "version": "\(model.version)"])
        }
        text.add(destinations: status.destinations)
        text.add(loop: status.loop)
        if !status.temperatures.isEmpty {
            text.family("gleaner_temperature_celsius", "gauge", "What the sensors of the machine say.")
            for each in status.temperatures { text.add(each.celsius, ["zone": each.zone]) }
        }
        return text.text
    }
}

/// Writes Prometheus' text format: a family's head, then its lines.
private struct PrometheusText {
    private(set) var text = ""
    private var name = ""

    mutating func family(_ name: String, _ kind: String, _ help: String) {
        self.name = name
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
    }

    mutating func add(_ value: Double, _ labels: KeyValuePairs<String, String> = [:], suffix: String = "") {
        let written = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
        text += "\(name)\(suffix)\(written.isEmpty ? "" : "{\(written)}") \(Self.number(value))\n"
    }

    mutating func add(destinations: [DestinationStatus]) {
        guard !destinations.isEmpty else { return }
        family("gleaner_destination_waiting_samples", "gauge", "Samples that wait for a destination.")
        for each in destinations { add(Double(each.samples), ["destination": each.name]) }
        family("gleaner_destination_in_trouble", "gauge", "Whether the last visit failed.")
        for each in destinations { add(each.trouble == nil ? 0 : 1, ["destination": each.name]) }
        let delivered = destinations.compactMap { each in each.deliveredAt.map { (each.name, $0) } }
        guard !delivered.isEmpty else { return }
        family(
            "gleaner_destination_delivered_timestamp_seconds", "gauge", "When it last got a batch, by the wall clock.")
        for (name, at) in delivered { add(Double(at.milliseconds) / 1000, ["destination": name]) }
    }

    mutating func add(loop: LoopReport?) {
        guard let loop else { return }
        family("gleaner_frames_per_second", "gauge", "Frames that passed through the loop, lately.")
        add(loop.framesPerSecond)
        family("gleaner_loop_timestamp_seconds", "gauge", "When the loop was last looked at, by the wall clock.")
        add(Double(loop.at.milliseconds) / 1000)
        family("gleaner_stage_seconds", "histogram", "What a frame took in each stage of the loop, in this run.")
        for line in loop.stages {
            for (bound, count) in zip(LoopReport.boundsSeconds, line.counts) {
                add(Double(count), ["stage": line.stage, "le": Self.number(bound)], suffix: "_bucket")
            }
            add(Double(line.count), ["stage": line.stage, "le": "+Inf"], suffix: "_bucket")
            add(line.sumSeconds, ["stage": line.stage], suffix: "_sum")
            add(Double(line.count), ["stage": line.stage], suffix: "_count")
        }
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
