public import GleanerCore
import GleanerSync

/// The section `sync`: where batches go by themselves, and when.
struct SyncSettings: Sendable {
    var destinations: [DestinationSettings] = []
    /// A destination that answers is visited so often.
    var everySeconds = 900.0
    /// A batch waits for so many samples…
    var batchSampleCountMin = 20
    /// …but not longer than this, in collecting time.
    var batchSecondsMax = 86_400.0
    /// A cut link loses nothing of a batch that is through: smaller ones are through earlier.
    var batchSampleCountMax = 500

    init(_ section: OptionReader, registries: Registries) {
        everySeconds = section.number("every_minutes", in: 0.01...10_000).map { $0 * 60 } ?? everySeconds
        batchSampleCountMin = section.integer("batch_samples_min", in: 1...10_000) ?? batchSampleCountMin
        batchSecondsMax = section.number("batch_hours", in: 0...100_000).map { $0 * 3600 } ?? batchSecondsMax
        batchSampleCountMax = section.integer("batch_samples_max", in: 1...10_000) ?? batchSampleCountMax
        for options in section.sections("destinations") {
            guard let settings = DestinationSettings(options, registries: registries) else { continue }
            if let twin = destinations.first(where: { $0.name == settings.name || $0.place == settings.place }) {
                section.problems.add(
                    options.path, "is '\(twin.name)' again", remedy: "give each destination one entry and one name")
            }
            destinations.append(settings)
        }
        section.finish()
    }
}

/// One entry of `destinations`: a place, and what goes there.
public struct DestinationSettings: Sendable {
    public let name: String
    public let destination: any Destination
    /// What batches go there.
    public let purposes: [BatchPurpose]
    /// Views that each batch has.
    public let formats: [String]
    /// Whether labels and models that lie there are taken in.
    public let takesInbox: Bool
    let bandwidth: BandwidthLimit?
    let hours: DailyWindows?

    public var place: String { destination.place }

    /// `nil` when it has a problem that makes it useless; the reader then knows it.
    init?(_ options: OptionReader, registries: Registries) {
        let to = options.string("to")
        name = options.string("name") ?? to ?? ""
        let named = options.strings("for")
        takesInbox = options.bool("inbox", default: true)
        bandwidth = options.byteCount("bandwidth").flatMap { $0 > 0 ? BandwidthLimit(bytesPerSecond: $0) : nil }
        var hours: DailyWindows?
        let asked = options.strings("formats") ?? []
        do {
            hours = try DailyWindows(options.strings("hours") ?? [])
            for format in asked { _ = try registries.exportFormats.make(format) }
        } catch let error as GleanerError {
            options.problems.add(options.path, error.message, remedy: error.remedy)
        } catch {
            options.problems.add(options.path, "\(error)", remedy: "")
        }
        self.hours = hours
        guard let to, let colon = to.firstIndex(of: ":") else {
            options.problems.add(
                options.path, "does not say where it is", remedy: "write `to: folder:/PATH`; see gleaner components")
            return nil
        }
        let request = ComponentRequest(name: String(to[..<colon]), options: options)
        guard let made = request.make(from: registries.destinations) else { return nil }
        destination = made
        formats = asked + made.formats.filter { !asked.contains($0) }
        purposes = Self.purposes(named, of: made, options)
    }

    /// What batches go there: those that are named, else all that it takes.
    private static func purposes(
        _ named: [String]?, of destination: any Destination, _ options: OptionReader
    ) -> [BatchPurpose] {
        guard let named else { return destination.purposes }
        let purposes = named.compactMap(BatchPurpose.init)
        let path = "\(options.path).for"
        if purposes.count != named.count || named.isEmpty || Set(named).count != named.count {
            options.problems.add(path, "must be labeling, training or both", remedy: "name each once")
        } else if !purposes.allSatisfy(destination.purposes.contains) {
            let taken = destination.purposes.map(\.rawValue).joined(separator: ", ")
            options.problems.add(
                path, "\(destination.place) takes batches for \(taken) only", remedy: "write `for: [\(taken)]`")
        }
        return purposes
    }

    /// A destination as the command line names it: a folder's path, or what `to` would say.
    ///
    /// - Throws: ``GleanerError`` for the first problem.
    static func named(_ text: String, currentFolder: String, registries: Registries) throws -> DestinationSettings {
        let schemes = registries.destinations.names
        let isPlace = text.firstIndex(of: ":").map { schemes.contains(String(text[..<$0])) } ?? false
        var place = isPlace ? text : "folder:\(text)"
        if place.hasPrefix("folder:"), !place.hasPrefix("folder:/") {
            place = "folder:\(currentFolder)/\(place.dropFirst("folder:".count))"
        }
        let problems = ProblemList()
        let options = OptionReader(.object(["to": .string(place)]), path: "--to", problems: problems)
        let settings = DestinationSettings(options, registries: registries)
        try problems.throwFirst()
        guard let settings else { throw GleanerError(.malformed, "--to \(text) names no destination") }
        return settings
    }
}
