import Foundation
public import GleanerCore
import GleanerStore
import GleanerSync

/// How it goes with one destination, for `status` and `destination list`.
public struct DestinationStatus: Sendable, Codable {
    public var name: String
    public var place: String
    /// Whether the configuration names it; if not, batches for it wait for an export by hand to go on.
    public var isConfigured: Bool
    /// Sealed batches that wait.
    public var batches: Int
    /// Samples that wait: in them, and those that new batches would have.
    public var samples: Int
    /// By the wall clock: when the other side last answered as it should, and last got a batch.
    public var reachedAt: Timestamp?
    public var deliveredAt: Timestamp?
    public var bytesPerSecond: Double?
    /// How long what is sealed will take at that rate.
    public var secondsLeft: Double?
    public var trouble: String?
    public var message: String?
    public var remedy: String?

    enum CodingKeys: String, CodingKey {
        case name, place, batches, samples, trouble, message, remedy
        case isConfigured = "configured"
        case reachedAt = "reached_at"
        case deliveredAt = "delivered_at"
        case bytesPerSecond = "bytes_per_second"
        case secondsLeft = "seconds_left"
    }

    /// One line for people.
    public var text: String {
        var parts = ["\(samples) samples wait" + (batches > 0 ? ", \(batches) batches of them sealed" : "")]
        if let deliveredAt { parts.append("last batch \(deliveredAt)") }
        if let bytesPerSecond { parts.append("\(ByteCount.format(Int(bytesPerSecond)))/s") }
        if let secondsLeft { parts.append("about \(Int(secondsLeft.rounded(.up))) s left") }
        if let trouble, let message { parts.append("\(trouble): \(message)" + (remedy.map { "; \($0)" } ?? "")) }
        if !isConfigured {
            parts.append(
                "not configured: export there again, `gleaner destination add` it, or `gleaner destination forget` it")
        }
        return parts.joined(separator: "; ")
    }
}

/// Whether a batch could be delivered, for `destination test`.
public struct DestinationCheck: Sendable, Codable {
    public var name: String
    public var place: String
    public var failure: VisitReport.Failure?
}

/// What was given up with a destination, for `destination forget`.
public struct ForgottenDestination: Sendable, Codable {
    public var destination: String
    public var batches: Int
    public var samples: Int
}

extension Deployment {
    /// All that are configured, and those that batches wait for.
    public func destinationStatus() throws -> [DestinationStatus] {
        let configured = configuration.sync.destinations
        let plan = try syncPlan(for: configured)
        var found = try zip(configured, plan.destinations).map { target, plan in
            try status(
                of: target, batches: plan.batches, samples: plan.samples + plan.due.reduce(0) { $0 + $1.samples })
        }
        for place in try store.placesAwaited() where !configured.contains(where: { $0.place == place }) {
            let sealed = try store.sealedCount(for: place)
            found.append(
                DestinationStatus(
                    name: place, place: place, isConfigured: false, batches: sealed.batches, samples: sealed.samples))
        }
        return found
    }

    private func status(of target: DestinationSettings, batches: Int, samples: Int) throws -> DestinationStatus {
        let health = try health(of: target)
        let waiting = try store.unfinishedBatches(destination: target.place).reduce(0) { sum, batch in
            guard batch.state == .sealed, let found = try? BatchVerifier.manifest(in: outboxFolder(of: batch)) else {
                return sum
            }
            return sum + found.manifest.files.reduce(0) { $0 + $1.bytes }
        }
        return DestinationStatus(
            name: target.name, place: target.place, isConfigured: true, batches: batches, samples: samples,
            reachedAt: health.reachedAt, deliveredAt: health.deliveredAt, bytesPerSecond: health.bytesPerSecond,
            secondsLeft: waiting > 0 ? health.bytesPerSecond.map { Double(waiting) / $0 } : nil,
            trouble: health.failure?.trouble.rawValue, message: health.failure?.message,
            remedy: health.failure?.remedy)
    }

    /// Asks destinations whether they could take a batch.
    public func check(_ targets: [DestinationSettings]) async -> [DestinationCheck] {
        await withTaskGroup(of: (Int, DestinationCheck).self) { group in
            for (index, target) in targets.enumerated() {
                group.addTask {
                    var check = DestinationCheck(name: target.name, place: target.place)
                    do {
                        try await target.destination.check()
                    } catch let error as GleanerError {
                        check.failure = .init(error)
                    } catch {
                        check.failure = .init(GleanerError(.destinationOffline, "\(error)"))
                    }
                    return (index, check)
                }
            }
            var checks = [DestinationCheck?](repeating: nil, count: targets.count)
            for await (index, check) in group { checks[index] = check }
            return checks.compactMap { $0 }
        }
    }

    /// Gives up what waits for a destination that is configured no more: the samples are free to leave for others, or to
    /// make room.
    ///
    /// - Throws: ``GleanerError`` when the configuration names it, or nothing waits for it.
    public func forgetDestination(_ place: String) throws -> ForgottenDestination {
        if let target = configuration.sync.destinations.first(where: { $0.place == place || $0.name == place }) {
            throw GleanerError(
                .malformed, "the destination '\(target.name)' is configured",
                remedy: "take it out of \(Configuration.fileName) first: then nothing more is sealed for it")
        }
        let lock = try store.beginExport()
        defer { withExtendedLifetime(lock) {} }
        let batches = try store.unfinishedBatches(destination: place)
        guard !batches.isEmpty else {
            throw GleanerError(
                .notFound, "no batch waits for '\(PathName.printable(place))'",
                remedy: "`gleaner destination list` has the places, as they are written here")
        }
        for batch in batches {
            let outbox = try outboxFolder(of: batch)
            try store.discardBatch(batch.number)
            try? FileManager.default.removeItem(atPath: outbox)
        }
        return ForgottenDestination(
            destination: place, batches: batches.count,
            samples: batches.reduce(0) { $0 + $1.header.sampleCount })
    }

    /// Adds a destination to a deployment's configuration, keeping every other line as it is.
    ///
    /// - Returns: its name.
    /// - Throws: ``GleanerError`` when the configuration would not be a good one; it then stays as it was.
    public static func addDestination(
        to folder: String, place: String, name: String?, purposes: [String]?, formats: [String]?,
        registries: Registries = .standard
    ) throws -> String {
        let path = "\(folder)/\(Configuration.fileName)"
        _ = try Configuration.load(folder: folder, registries: registries)
        let text = String(
            decoding: try FileReading.bytes(of: path, byteCountMax: YAMLDocument.byteCountMax), as: UTF8.self)
        var entry = ["    - to: \(quoted(place))"]
        if let name { entry.append("      name: \(quoted(name))") }
        if let purposes { entry.append("      for: [\(purposes.map(quoted).joined(separator: ", "))]") }
        if let formats { entry.append("      formats: [\(formats.map(quoted).joined(separator: ", "))]") }
        let edited = try insert(entry, into: text, named: path)
        _ = try Configuration.parse(edited, named: path, registries: registries)
        try DurableFile.write(Data(edited.utf8), to: path)
        return name ?? place
    }

    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: ".")].contains(byte)
        }
        return plain && !text.isEmpty ? text : "'\(text.replacing("'", with: "''"))'"
    }

    private static func insert(_ entry: [String], into text: String, named path: String) throws -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        while lines.last == "" { lines.removeLast() }
        guard let section = lines.firstIndex(where: { $0.hasPrefix("sync:") }) else {
            lines += ["", "sync:", "  destinations:"] + entry
            return lines.joined(separator: "\n") + "\n"
        }
        let end = lines[(section + 1)...].firstIndex { $0.first.map { $0 != " " && $0 != "#" } ?? false } ?? lines.count
        if let list = lines[section..<end].firstIndex(where: { $0 == "  destinations:" }) {
            lines.insert(contentsOf: entry, at: list + 1)
        } else if !lines[section..<end].contains(where: { $0.contains("destinations") }), lines[section] == "sync:" {
            lines.insert(contentsOf: ["  destinations:"] + entry, at: section + 1)
        } else {
            throw GleanerError(
                .malformed, "the section sync of \(path) is written in another way than the one that can be added to",
                remedy: "add these lines to its destinations:\n\(entry.joined(separator: "\n"))")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
