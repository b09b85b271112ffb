import GleanerCapture
public import GleanerCore
public import Logging

/// Makes a source when the collector starts: what it needs is known only then.
public struct SourceMaker: Sendable {
    /// What the collector tells a source.
    public struct Environment: Sendable {
        /// Relative paths are below this folder.
        public var deploymentFolder: String
        /// Whether the source ends after what is there now, instead of waiting for more.
        public var endsAtLast: Bool
        public var stop: StopSignal
        /// Finds the frames that are not to be given again.
        public var recorded: RecordedOrigins
        /// What was told of a frame whose origin awaits an answer, in this run or an earlier one.
        public var answer: @Sendable (FrameOrigin) throws -> FrameAnswer? = { _ in nil }
        /// Makes a model known that runs elsewhere; throws with code `model.differs` when it is another one than before.
        public var introduce: @Sendable (ModelManifest) throws -> Void = { _ in }
        public var logger = Logger(label: "gleaner")

        func absolute(_ path: String) -> String { SourceMaker.absolute(path, in: deploymentFolder) }
    }

    /// How messages and samples name this source.
    public let name: String
    /// Whether its frames bring predictions along: no model is asked here.
    public let givesPredictions: Bool
    /// Looks for what would keep the source from opening, as far as that is quick to see and disturbs nobody: what lies
    /// on this machine is looked at, what a network has is not. The path is the deployment's folder, as for ``make``.
    ///
    /// It throws a ``GleanerError`` saying what is missing, and what to do.
    public let check: @Sendable (_ deploymentFolder: String) throws -> Void
    public let make: @Sendable (Environment) async throws -> any FrameSource
    private var parts: [SourceMaker] = []
    /// Those that take turns, or this one.
    var each: [SourceMaker] { parts.isEmpty ? [self] : parts }

    public init(
        name: String, givesPredictions: Bool = false,
        check: @escaping @Sendable (_ deploymentFolder: String) throws -> Void = { _ in },
        make: @escaping @Sendable (Environment) async throws -> any FrameSource
    ) {
        self.name = name
        self.givesPredictions = givesPredictions
        self.check = check
        self.make = make
    }

    /// Several sources that take turns.
    ///
    /// - Parameter place: Where the configuration names them, for messages.
    /// - Returns: `nil` after adding a problem.
    static func combining(_ makers: [SourceMaker], at place: String, _ problems: ProblemList) -> SourceMaker? {
        guard let first = makers.first else {
            problems.add(
                place, "is an empty list", remedy: "write a line below it for each source, such as `- folder:PATH`")
            return nil
        }
        guard makers.count > 1 else { return first }
        guard makers.count <= CombinedSource.sourceCountMax else {
            problems.add(
                place, "names \(makers.count) sources, and one process takes at most \(CombinedSource.sourceCountMax)",
                remedy: "make a second deployment for the others")
            return nil
        }
        if let ingest = makers.first(where: \.givesPredictions) {
            problems.add(
                place, "names \(ingest.name) beside other sources, and its frames bring their predictions along",
                remedy: "give it a deployment of its own")
            return nil
        }
        var names: Set<String> = []
        if let twice = makers.first(where: { !names.insert($0.name).inserted }) {
            problems.add(place, "names \(twice.name) twice", remedy: "name each source once")
            return nil
        }
        var all = SourceMaker(
            name: makers.map(\.name).joined(separator: ", "),
            check: { folder in for maker in makers { try maker.check(folder) } }
        ) { environment in
            var sources: [any FrameSource] = []
            for maker in makers { sources.append(try await maker.make(environment)) }
            return CombinedSource(sources, stop: environment.stop)
        }
        all.parts = makers
        return all
    }

    /// A path as a configuration has it: a relative one is below the deployment's folder.
    static func absolute(_ path: String, in deploymentFolder: String) -> String {
        path.hasPrefix("/") ? path : "\(deploymentFolder)/\(path)"
    }
}

/// `folder:PATH`, or a section with `type: folder` and `path`.
enum FolderSourceMaker {
    static let entry = Registry<SourceMaker>.Entry(
        "folder", "Pictures of a folder and its subfolders in name order; new ones as they are written."
    ) { options in
        guard let path = options.string("path") else {
            throw GleanerError(.malformed, "the folder source lacks its path", remedy: "write `source: folder:PATH`")
        }
        return SourceMaker(
            name: "folder:\(path)", check: { try FolderSource.check(SourceMaker.absolute(path, in: $0)) }
        ) { environment in
            try FolderSource(
                path: environment.absolute(path), name: path, watches: !environment.endsAtLast, stop: environment.stop,
                recorded: environment.recorded)
        }
    }
}
