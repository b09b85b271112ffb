import ArgumentParser
import GleanerCore
import GleanerRuntime

/// Shows what was found out about one model.
struct ModelShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show what was found out about a model: its proof, its labels, its service.")
    @OptionGroup var options: DeploymentOptions
    @Argument(help: "name@version, or a name for its newest version.") var model: String

    func run() throws {
        let verdict = try options.open().verdict(on: model)
        try options.print(verdict) { Terminal.table(Self.rows(verdict)) }
    }

    private static func rows(_ verdict: ModelVerdict) -> [[String]] {
        var rows = [
            ["model", "\(verdict.model.name)@\(verdict.model.version), sha256 \(verdict.model.sha256)"],
            ["state", [verdict.state, verdict.stage].compactMap { $0 }.joined(separator: ", ")],
        ]
        if let reason = verdict.reason { rows.append(["because", reason]) }
        if let signer = verdict.signer { rows.append(["signed by", signer]) }
        rows += self.rows(verdict.proof)
        if let gate = verdict.gate { rows += self.rows(gate) }
        if let shadow = verdict.shadow { rows += self.rows(shadow) }
        return rows
    }

    private static func rows(_ proof: ModelVerdict.Proof) -> [[String]] {
        guard proof.failure != nil || proof.frames > 0 else { return [["proof", "it did not run here"]] }
        var rows = [
            [
                "proof", proof.failure.map { "failed: \($0.message)" } ?? "passed",
            ],
            [
                "",
                "\(proof.frames) frames, \(proof.goldenFrames) of them the bundle's own; walls: "
                    + (proof.walls.isEmpty ? "none" : proof.walls.map(\.rawValue).joined(separator: ", ")),
            ],
        ]
        if let latency = proof.latencyMilliseconds {
            let active = proof.activeLatencyMilliseconds.map { ", the active model \(tenths($0)) ms" } ?? ""
            rows.append(["", "\(tenths(latency)) ms a frame\(active)"])
        }
        if let memory = proof.memoryByteCount { rows.append(["", "\(ByteCount.format(memory)) with the runtime"]) }
        return rows
    }

    private static func rows(_ gate: ModelVerdict.Gate) -> [[String]] {
        let lineages = [
            gate.lineage.map { "its lineage \(words($0))" }, gate.activeLineage.map { "the active one's \(words($0))" },
        ].compactMap { $0 }
        var rows = [["labels", "\(gate.outcome.rawValue): \(gate.message)"]]
        if gate.labels > 0, !lineages.isEmpty { rows.append(["", lineages.joined(separator: "; ")]) }
        rows += gate.classes.prefix(20).map { line in
            [
                "",
                "\(line.label): \(percent(line.challenger)) of \(line.count), the active model \(percent(line.active))",
            ]
        }
        return rows
    }

    private static func rows(_ shadow: ModelVerdict.Shadow) -> [[String]] {
        [
            [
                "shadow",
                "\(shadow.frames) frames, \(shadow.disagreements) of them seen otherwise, \(shadow.kept) kept for it"
                    + (shadow.failure.map { "; failed: \($0.message)" } ?? ""),
            ]
        ]
    }

    private static func words(_ lineage: ModelVerdict.Gate.Lineage) -> String {
        switch lineage {
        case .disjoint: "is known, and none of these labels is in it"
        case .heldOut: "is known, and left these labels out as its test split"
        case .unknown: "is unknown: it may have been trained on these labels"
        }
    }

    private static func percent(_ share: ModelVerdict.Share) -> String {
        "\(tenths(share.share * 100)) % (\(tenths(share.low * 100))–\(tenths(share.high * 100)))"
    }

    private static func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
