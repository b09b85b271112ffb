import Foundation
import GleanerCore
import GleanerStore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Collects, exports and takes labels back without end, and says what was reported as done, a line each.
///
/// Usage: `StoreStorm FOLDER`. Every line is written after the step returned, so what a killed run has printed must
/// be there ever after.
@main
struct StoreStorm {
    static let settings = {
        var settings = StoreSettings(quotaByteCount: 5 << 20, keepFreeByteCount: 0, inlineByteCountMax: 4000)
        // Its clock counts frames.
        settings.deleteAfterDays = 40 / 86_400
        return settings
    }()
    private static let model = ModelID(name: "storm", version: 1, digest: Digest(of: Array("storm".utf8)))

    let store: DeploymentStore
    let device: DeviceID
    let run: RunID
    /// Frames offered so far, over all runs.
    var offered: Int
    var sequence: UInt64 = 0

    static func main() {
        do {
            try storm(in: CommandLine.arguments[1])
        } catch {
            say("failed: \(error)")
            exit(1)
        }
    }

    private static func storm(in folder: String) throws {
        let lock = try DeploymentLock(.collector, in: DeploymentFolder(folder))
        var storm = try StoreStorm(folder)
        for round in 0... {
            try storm.collect()
            if round % 4 == 3 { try storm.export() }
        }
        withExtendedLifetime(lock) {}
    }

    init(_ folder: String) throws {
        store = try DeploymentStore.open(folder, settings: Self.settings)
        for note in store.openingNotes { say("note \(note)") }
        run = try store.beginRun()
        device = try store.device()
        guard case .integer(let count)? = try store.collectorState().state else {
            offered = 0
            return
        }
        offered = count
    }

    mutating func collect() throws {
        var group: [FrameOutcome] = []
        var stored: [UInt64] = []
        for _ in 0..<5 {
            let number = offered
            offered += 1
            sequence += 1
            let origin = FrameOrigin(
                source: "storm", name: "\(number)", byteCount: 1, modifiedNanoseconds: Int64(number))
            guard try store.seenOrigins(of: origin.source, named: [origin.name]).isEmpty else {
                say("repeated \(number)")
                continue
            }
            let outcome = outcome(number)
            if case .stored = outcome { stored.append(sequence) }
            group.append(FrameOutcome(sequence: sequence, origin: origin, outcome: outcome))
        }
        let report = try store.commit(group, collectorState: .integer(offered), at: Instant(seconds: Double(offered)))
        let refused = Set(report.refused.keys.map(\.sequence))
        for sequence in stored where !refused.contains(sequence) { say("stored \(device)-\(run)-\(sequence)") }
        say("offered \(offered)")
    }

    private func outcome(_ number: Int) -> FrameOutcome.Outcome {
        if number % 5 == 4 { return .rejected(reason: "budget", topClass: "a", model: Self.model, utility: 0.2) }
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number % 3 == 0 ? 3000 : 60_000)
        let record = SampleRecord(
            id: SampleID(device: device, run: run, sequence: sequence), sha256: Digest(of: bytes),
            bytes: bytes.count, encoding: .png, width: 10, height: 10, source: "storm", origin: "\(number)",
            capturedAt: nil, model: Self.model,
            prediction: PredictionRecord(
                .classification(probabilities: [0.6, 0.4]), labels: ["a", "b"], scoreMin: nil),
            utility: Double(number % 100) / 100, reason: number % 10 == 0 ? .audit : .strategy("margin"),
            inclusionProbability: 1, perceptualHash: PerceptualHash(bits: 0), split: .train)
        return .stored(record, picture: Picture(bytes), evictionKey: Double(number * 7919 % 1009))
    }

    private func export() throws {
        let lock = try store.beginExport()
        defer { withExtendedLifetime(lock) {} }
        for batch in try store.unfinishedBatches() { try deliver(batch) }
        guard let batch = try store.openBatch(.labeling, destination: "stick", limit: 6, formats: []) else { return }
        let members = try store.members(of: batch.number, from: 0, limit: 10)
        let id = BatchID(Digest(of: Array("\(device) \(batch.number)".utf8)))
        try DurableFile.makeFolder("\(store.folder.outbox)/\(id.short)")
        try store.sealBatch(batch.number, id: id)
        say("sealed \(batch.number)")
        try deliver(store.batch(batch.number))
        let labels = members.map {
            IncomingLabel(sample: $0.id.description, label: LabelRecord(value: .classified("b")), place: "storm")
        }
        _ = try store.apply(labels)
        for member in members { say("labeled \(member.id)") }
    }

    private func deliver(_ batch: StoredBatch) throws {
        guard let id = batch.id else { return }
        try store.acknowledge(batch.number, receipt: id.digest)
        say("delivered \(batch.number)")
    }
}

/// Written at once and unbuffered: what a killed process has said is all in the pipe.
private func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}
