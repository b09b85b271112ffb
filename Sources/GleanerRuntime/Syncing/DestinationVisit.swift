import GleanerCore
import GleanerStore
import GleanerSync

/// What a visit to a destination did, for `sync --json`. Schema: `Schemas/sync.schema.json`.
public struct VisitReport: Sendable, Codable {
    /// Why it ended early.
    public struct Failure: Sendable, Codable {
        public var code: String
        public var message: String
        public var remedy: String

        init(_ error: GleanerError) {
            code = error.code.rawValue
            message = error.message
            remedy = error.remedy
        }
    }

    public var destination: String
    public var place: String
    /// Batches that it acknowledged.
    public var batches: [ExportedBatch] = []
    /// What was taken in from there.
    public var arrivals: [InboxReceipt] = []
    public var failure: Failure?
}

/// One visit to one destination: labels come in, batches leave, models come in.
///
/// Whatever ends it, what was acknowledged is recorded, and the next visit goes on from there.
struct DestinationVisit {
    let deployment: Deployment
    let target: DestinationSettings
    /// Places of other destinations whose samples for labeling this one gets too.
    let sharing: [String]
    /// Whether somebody waits: then batches leave however few samples they have.
    let isOnDemand: Bool
    let progress: @Sendable (_ doneBytes: Int, _ totalBytes: Int) -> Void

    private var store: DeploymentStore { deployment.store }
    private var settings: SyncSettings { deployment.configuration.sync }

    /// - Parameter report: what was done is added to it as it is done.
    /// - Throws: ``GleanerError`` or `CancellationError`.
    func run(_ report: inout VisitReport, health: inout DestinationHealth) async throws {
        try await target.destination.check()
        health.reached(at: .now())
        let inbox = try await inboxImport()
        if let inbox { report.arrivals += try await inbox.run { $0 != .model } }
        let rejection = try await deliverAll(&report, &health)
        if let inbox { report.arrivals += try await inbox.run { $0 == .model } }
        if let rejection { throw rejection }
    }

    /// What lies there is looked up once a visit: for thousands of devices that is most of what they ask for.
    private func inboxImport() async throws -> InboxImport? {
        guard target.takesInbox, let inbox = target.destination as? any Inbox else { return nil }
        let device = try store.device()
        return InboxImport(
            deployment: deployment, place: target.place, inbox: inbox, device: device,
            items: try await inbox.items(for: device))
    }

    /// Delivers what is sealed, then seals what is due, the best first.
    ///
    /// - Returns: the failure of a batch that is not taken, after all the others were.
    private func deliverAll(_ report: inout VisitReport, _ health: inout DestinationHealth) async throws
        -> GleanerError?
    {
        var rejection: GleanerError?
        var tried: Set<Int> = []
        // A destination that does not take one batch may take none: the others are not bound to it yet.
        while let batch = try await nextBatch(after: tried, seals: rejection == nil) {
            tried.insert(batch.number)
            let begin = ContinuousClock.now
            do {
                let delivered = try await deployment.deliver(
                    batch, to: target.destination, resumed: false, limit: target.bandwidth, progress: progress)
                report.batches.append(delivered)
                health.delivered(
                    byteCount: delivered.byteCount, seconds: (ContinuousClock.now - begin) / .seconds(1), at: .now())
            } catch let error as GleanerError
                where [.destinationRejected, .batchConflict, .batchDamaged, .sampleDamaged].contains(error.code)
            {
                rejection = error
            }
        }
        return rejection
    }

    private func nextBatch(after tried: Set<Int>, seals: Bool) async throws -> StoredBatch? {
        let sealed = try store.unfinishedBatches(destination: target.place).first {
            $0.state == .sealed && !tried.contains($0.number)
        }
        if sealed != nil || !seals { return sealed }
        for purpose in target.purposes where try isDue(purpose) {
            if let batch = try await seal(purpose) { return batch }
        }
        return nil
    }

    private func isDue(_ purpose: BatchPurpose) throws -> Bool {
        let count = try dueCount(purpose)
        if count == 0 || isOnDemand || count >= settings.batchSampleCountMin { return count > 0 }
        let last = try store.lastOpened(purpose, for: target.place)?.seconds ?? 0
        return try store.collectorState().at.seconds - last >= settings.batchSecondsMax
    }

    /// How many samples a batch of a purpose could have now.
    func dueCount(_ purpose: BatchPurpose) throws -> Int {
        let owed = try store.owedCount(purpose, for: target.place, sharing: sharing)
        guard purpose == .labeling else { return owed }
        return owed + min(try deployment.labelingLimit(), try store.status().queue[.queued] ?? 0)
    }

    private func seal(_ purpose: BatchPurpose) async throws -> StoredBatch? {
        let lock = try await exportRight()
        defer { withExtendedLifetime(lock) {} }
        let limit = purpose == .labeling ? try deployment.labelingLimit() : .max
        let open = try store.openBatch(
            purpose, destination: target.place, limit: min(limit, settings.batchSampleCountMax),
            formats: target.formats, sharing: purpose == .labeling ? sharing : [],
            choosing: try deployment.labelingChoice())
        guard let open else { return nil }
        return try await blocking { [deployment] _ in try deployment.seal(open) }
    }

    /// Waits a little for an export by hand, or another destination's batch, to be sealed.
    private func exportRight() async throws -> DeploymentLock {
        for _ in 0..<100 {
            do {
                return try store.beginExport()
            } catch let error as GleanerError where error.code == .exportRunning {
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        return try store.beginExport()
    }
}
