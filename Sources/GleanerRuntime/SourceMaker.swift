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
        /// Whether a frame was recorded in an earlier run, or earlier in this one.
        public var isKnown: @Sendable (FrameOrigin) -> Bool
        /// What was told of a frame whose origin awaits an answer, in this run or an earlier one.
        public var answer: @Sendable (FrameOrigin) throws -> FrameAnswer? = { _ in nil }
        /// Makes a model known that runs elsewhere; throws with code `model.differs` when it is another one than before.
        public var introduce: @Sendable (ModelManifest) throws -> Void = { _ in }
        public var logger = Logger(label: "gleaner")

        func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(deploymentFolder)/\(path)" }
    }

    /// How messages and samples name this source.
    public let name: String
    /// Whether its frames bring predictions along: no model is asked here.
    public let givesPredictions: Bool
    public let make: @Sendable (Environment) async throws -> any FrameSource
    public init(
        name: String, givesPredictions: Bool = false,
        make: @escaping @Sendable (Environment) async throws -> any FrameSource
    ) {
        self.name = name
        self.givesPredictions = givesPredictions
        self.make = make
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
        return SourceMaker(name: "folder:\(path)") { environment in
            try FolderSource(
                path: environment.absolute(path), name: path, watches: !environment.endsAtLast, stop: environment.stop,
                isKnown: environment.isKnown)
        }
    }
}
