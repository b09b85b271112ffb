import GleanerCapture
public import GleanerCore

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

        func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : "\(deploymentFolder)/\(path)" }
    }

    /// How messages and samples name this source.
    public let name: String
    public let make: @Sendable (Environment) throws -> any FrameSource
    public init(name: String, make: @escaping @Sendable (Environment) throws -> any FrameSource) {
        self.name = name
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
