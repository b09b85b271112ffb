#if !Network
    import GleanerCore

    extension Registry.Entry where Component == any Destination {
        /// What a build without the network says of a destination that needs it.
        static func withoutNetwork(_ name: String, _ summary: String) -> Self {
            Self(name, summary) { _ in
                throw GleanerError(
                    .destinationRefused, "this build of gleaner has no network: it cannot send to '\(name)'",
                    remedy: "build it with --traits Network, or use a folder")
            }
        }
    }
#endif
