#if !Network
    import GleanerCore

    extension GleanerError {
        /// This build was made without what a destination on the network needs.
        static func withoutNetwork(_ destination: String) -> GleanerError {
            GleanerError(
                .destinationRefused, "this build of gleaner has no network, which '\(destination)' needs",
                remedy: "build it with the trait Network: swift build -c release --traits Network")
        }
    }
#endif
