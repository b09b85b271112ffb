import Foundation
public import GleanerCore
import GleanerInference
import GleanerSelection
import GleanerStore

/// `gleaner.yaml`: what one deployment does. Schema: `Schemas/configuration.schema.json`.
///
/// Every key has a default but `source`. Secrets are never in it.
public struct Configuration: Sendable {
    public static let fileName = "gleaner.yaml"

    /// Where frames come from; `nil` when the file names none.
    public var source: SourceMaker?
    var inference: InferenceSettings
    var selection: SelectionSettings
    var storage: StoreSettings
    var models: ModelSettings
    var sync: SyncSettings
    /// Classes that labels may name beside those of the active model: what it is to learn next.
    public var classes: [String]

    /// The runtime that runs the model.
    struct InferenceSettings: Sendable {
        var libraryPath: String?
        var options: SessionOptions
        var pace: LoopPace
    }

    /// What is kept, and for which part of the training data.
    struct SelectionSettings: Sendable {
        var seed: UInt64
        var rules: SelectorSettings
        /// The share of samples kept for validation while training.
        var validationShare: Double
        /// How much of each second kept samples may be scored anew by a new model.
        var rescoreMillisecondsPerSecond: Double
        /// In collecting time: a label that takes longer is no longer awaited.
        var expireAfterSeconds: Double
        /// So many samples at most are away for labeling at a time; `nil` for any number.
        var inFlightMax: Int?
        /// The section as it was written: recorded with decisions, so that they can be decided anew.
        var source: JSONValue
    }

    /// Reads a deployment's configuration, going on after each problem so that all are found at once.
    ///
    /// - Throws: ``GleanerError`` when the file cannot be read or is no YAML at all.
    public static func read(folder: String, registries: Registries) throws -> (Configuration, [Problem]) {
        let path = "\(folder)/\(fileName)"
        guard FileManager.default.fileExists(atPath: path) else {
            throw GleanerError(
                .notFound, "\(folder) is no deployment: it has no \(fileName)",
                remedy: "name the folder with --deployment DIR, or make one with: gleaner init DIR")
        }
        let problems = ProblemList()
        let root = OptionReader(try document(at: path), path: "", problems: problems)
        let configuration = Configuration(root, registries: registries)
        root.finish()
        return (configuration, problems.problems)
    }

    private static func document(at path: String) throws -> JSONValue {
        let bytes = try FileReading.bytes(of: path, byteCountMax: YAMLDocument.byteCountMax)
        guard let text = String(data: bytes, encoding: .utf8) else {
            throw GleanerError(.malformed, "\(path) is not UTF-8 text", remedy: "save it as UTF-8")
        }
        return try YAMLDocument.parse(text, named: path)
    }

    /// The same, for commands that need a configuration without a fault.
    ///
    /// - Throws: ``GleanerError`` listing every problem.
    public static func load(folder: String, registries: Registries) throws -> Configuration {
        let (configuration, problems) = try read(folder: folder, registries: registries)
        return try faultless(configuration, problems, named: "\(folder)/\(fileName)")
    }

    /// The same, of text that is not in the file yet.
    static func parse(_ text: String, named path: String, registries: Registries) throws -> Configuration {
        let problems = ProblemList()
        let root = OptionReader(try YAMLDocument.parse(text, named: path), path: "", problems: problems)
        let configuration = Configuration(root, registries: registries)
        root.finish()
        return try faultless(configuration, problems.problems, named: path)
    }

    private static func faultless(
        _ configuration: Configuration, _ problems: [Problem], named path: String
    ) throws -> Configuration {
        guard problems.isEmpty else {
            let lines = problems.map { "  \($0.path): \($0.message)\n    try: \($0.remedy)" }
            throw GleanerError(
                .malformed, "\(path) has \(problems.count) problem(s):\n\(lines.joined(separator: "\n"))")
        }
        return configuration
    }

    private init(_ root: OptionReader, registries: Registries) {
        source = root.value("source").flatMap { Self.sources($0, root.problems, registries) }
        inference = Self.inference(root.section("inference"))
        selection = Self.selection(root.value("selection") ?? .null, root.problems, registries)
        storage = Self.storage(root.section("storage"))
        models = ModelSettings(root.section("models"))
        sync = SyncSettings(root.section("sync"), registries: registries)
        classes = root.strings("classes") ?? []
        if Set(classes).count != classes.count || classes.contains("") {
            root.problems.add("classes", "names a class twice, or an empty one", remedy: "name each class once")
            classes = []
        }
    }

    /// Sources as the command line gives them, such as `folder:PATH`; `nil` for none.
    public static func source(named texts: [String], registries: Registries) throws -> SourceMaker? {
        guard !texts.isEmpty else { return nil }
        let makers = try texts.map { try source(absolute($0), registries: registries) }
        let problems = ProblemList()
        let maker = SourceMaker.combining(makers, at: "--source", problems)
        try problems.throwFirst()
        return maker
    }

    /// A source as `source` has it in one word.
    ///
    /// - Throws: ``GleanerError`` when it names none.
    static func source(_ text: String, registries: Registries) throws -> SourceMaker {
        let problems = ProblemList()
        let maker = source(.string(text), at: "--source", problems, registries)
        try problems.throwFirst()
        guard let maker else { throw GleanerError(.malformed, "--source \(text) names no source") }
        return maker
    }

    /// One source, or a list of those that take turns.
    private static func sources(
        _ value: JSONValue, _ problems: ProblemList, _ registries: Registries
    ) -> SourceMaker? {
        guard case .array(let items) = value else { return source(value, at: "source", problems, registries) }
        let makers = items.enumerated().map { source($1, at: "source[\($0)]", problems, registries) }
        // What is wrong with one of them was said.
        guard !makers.contains(where: { $0 == nil }) else { return nil }
        return SourceMaker.combining(makers.compactMap(\.self), at: "source", problems)
    }

    /// What a person types is below the folder they are in, not below the deployment.
    private static func absolute(_ text: String) -> String {
        guard let kind = ["folder:", "video:"].first(where: { text.hasPrefix($0) }), !text.hasPrefix("\(kind)/")
        else { return text }
        return "\(kind)\(FileManager.default.currentDirectoryPath)/\(text.dropFirst(kind.count))"
    }

    private static func source(
        _ value: JSONValue, at place: String, _ problems: ProblemList, _ registries: Registries
    ) -> SourceMaker? {
        var values: [String: JSONValue]
        switch value {
        case .string(let text) where registries.sources.names.contains(text):
            values = ["type": .string(text)]
        case .string(let text):
            guard let colon = text.firstIndex(of: ":") else {
                problems.add(place, "'\(text)' does not say what it is", remedy: "write folder:PATH")
                return nil
            }
            values = [
                "path": .string(String(text[text.index(after: colon)...])), "type": .string(String(text[..<colon])),
            ]
        case .object(let object): values = object
        default:
            problems.add(place, "must be text such as folder:PATH", remedy: "write folder:PATH")
            return nil
        }
        let wrapper = OptionReader(.object([place: .object(values)]), path: "", problems: problems)
        return wrapper.component(place)?.make(from: registries.sources)
    }

    private static func inference(_ section: OptionReader) -> InferenceSettings {
        var options = SessionOptions()
        options.threadCount = section.integer("threads", in: 1...256) ?? options.threadCount
        options.optimization = section.choice("optimization", SessionOptions.Optimization.self) ?? options.optimization
        options.spins = section.bool("spinning", default: options.spins)
        options.usesArena = section.bool("arena", default: options.usesArena)
        options.givesFeatures = section.bool("features", default: options.givesFeatures)
        options.providers = section.strings("providers") ?? options.providers
        let pace = LoopPace(
            rateMax: section.number("max_rate", in: 0.001...1000),
            dutyCycle: section.number("duty_cycle", in: 0.01...1) ?? 1)
        let settings = InferenceSettings(libraryPath: section.string("library"), options: options, pace: pace)
        section.finish()
        return settings
    }

    /// The policy of another configuration file.
    ///
    /// - Throws: ``GleanerError`` when it cannot be read, or for the first problem in it.
    static func policy(in path: String, registries: Registries) throws -> SelectionSettings {
        let problems = ProblemList()
        let root = OptionReader(try document(at: path), path: "", problems: problems)
        let configuration = Configuration(root, registries: registries)
        root.finish()
        try problems.throwFirst()
        return configuration.selection
    }

    /// A policy as it was recorded.
    ///
    /// - Throws: ``GleanerError`` for the first problem, such as a strategy that is not there any more.
    static func selection(_ source: JSONValue, registries: Registries) throws -> SelectionSettings {
        let problems = ProblemList()
        let settings = selection(source, problems, registries)
        try problems.throwFirst()
        return settings
    }

    private static func selection(
        _ source: JSONValue, _ problems: ProblemList, _ registries: Registries
    ) -> SelectionSettings {
        let section = OptionReader(source, path: "selection", problems: problems)
        let seed = UInt64(section.integer("seed", in: 0...Int.max) ?? 1)
        let strategies = strategies(section, registries)
        var budget =
            section.component("budget", standard: "quantile")?.make(from: registries.budgets) ?? QuantileBudget()
        budget.keepFactor = section.number("keep_factor", in: 1...100) ?? 3
        let deduplicates = section.bool("deduplicate", default: true)
        let hashDistanceMax = section.integer("hash_distance_max", in: 0...32) ?? 4
        let embeddingDistanceMax = section.number("embedding_distance_max", in: 0...2) ?? 0.12
        let rules = SelectorSettings(
            strategies: strategies, budget: budget, limits: limits(section.section("limits")),
            auditShare: section.share("audit_share") ?? 0.2,
            hashDistanceMax: deduplicates ? hashDistanceMax : nil,
            embeddingDistanceMax: deduplicates ? embeddingDistanceMax : nil,
            fixedWeight: uncertaintyWeight(section))
        let settings = SelectionSettings(
            seed: seed, rules: rules, validationShare: section.share("validation_share", in: 0...0.9) ?? 0.1,
            rescoreMillisecondsPerSecond: section.number("rescore_ms_per_second", in: 0...1000) ?? 200,
            expireAfterSeconds: (section.number("expire_after_days", in: 0.001...10_000) ?? 30) * 86_400,
            inFlightMax: section.integer("in_flight_max", in: 1...10_000_000), source: source)
        section.finish()
        return settings
    }

    private static func strategies(_ section: OptionReader, _ registries: Registries) -> Combination {
        let mode = section.choice("combine", Combination.Mode.self) ?? .largest
        guard let requests = section.components("strategies") else {
            return Combination(
                [("margin", Margin()), ("box-uncertainty", BoxUncertainty()), (Disagreement.name, Disagreement())],
                mode: mode)
        }
        if requests.isEmpty {
            section.problems.add(
                "selection.strategies", "is empty: nothing would be kept but audit samples",
                remedy: "name a strategy, such as - margin")
        }
        var parts: [Combination.Part] = []
        var weights: [Double] = []
        for request in requests {
            // Read before the strategy is made, which makes a problem of every key that nobody asked for.
            let weight = mode == .weighted ? request.options.number("weight", in: 0.001...1000) : nil
            guard let strategy = request.make(from: registries.strategies) else { continue }
            parts.append((request.name, strategy))
            weights.append(weight ?? 1)
        }
        // Where two models differ is worth a label whatever else is asked for.
        if !parts.contains(where: { $0.name == Disagreement.name }) {
            parts.append((Disagreement.name, Disagreement()))
            weights.append(1)
        }
        return Combination(parts, mode: mode, weights: weights)
    }

    private static func limits(_ section: OptionReader) -> RateLimits {
        let spans = [("per_minute", 60.0), ("per_hour", 3600), ("per_day", 86_400)]
        let limits = spans.compactMap { key, seconds in
            section.integer(key, in: 1...100_000).map { RateLimits.Limit(count: $0, seconds: seconds) }
        }
        let limited = RateLimits(
            limits: limits, secondsBetween: section.number("seconds_between", in: 0...1e9) ?? 0,
            secondsBetweenOfClass: section.number("seconds_between_of_class", in: 0...1e9) ?? 0)
        section.finish()
        return limited
    }

    /// `nil` for `auto`: as audit labels measure it.
    private static func uncertaintyWeight(_ section: OptionReader) -> Double? {
        if case .string("auto")? = section.value("uncertainty_weight") { return nil }
        return section.share("uncertainty_weight")
    }

    private static func storage(_ section: OptionReader) -> StoreSettings {
        var settings = StoreSettings()
        settings.quotaByteCount = section.byteCount("quota") ?? settings.quotaByteCount
        settings.keepFreeByteCount = section.byteCount("keep_free") ?? settings.keepFreeByteCount
        settings.inlineByteCountMax = section.byteCount("inline_bytes_max") ?? settings.inlineByteCountMax
        settings.auditQuotaShare = section.share("audit_quota") ?? settings.auditQuotaShare
        settings.decisionByteCount = section.byteCount("decisions")
        settings.deleteAfterDays = section.number("delete_after_days", in: 0...10_000) ?? settings.deleteAfterDays
        if settings.quotaByteCount < StoreSettings.quotaByteCountMin {
            section.problems.add(
                "storage.quota",
                "is smaller than the least that works, \(ByteCount.format(StoreSettings.quotaByteCountMin))",
                remedy: "give it more")
        }
        section.finish()
        return settings
    }
}
