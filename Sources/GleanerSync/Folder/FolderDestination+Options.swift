public import GleanerCore

extension FolderDestination {
    /// `to: folder:/media/stick`.
    public static let entry = Registry<any Destination>.Entry(
        "folder", "A folder: a stick, a network share, the spool of another program."
    ) { options in
        let place = options.string("to") ?? ""
        let path = String(place.dropFirst("folder:".count))
        guard place.hasPrefix("folder:/") else {
            throw GleanerError(
                .malformed, "'\(place)' does not name a folder from the root",
                remedy: "write folder:/PATH, as in folder:/media/stick")
        }
        if options.value("bandwidth") != nil {
            options.problems.add(
                "\(options.path).bandwidth", "is not for folders: the system writes as fast as it can",
                remedy: "remove it; limit a share's bandwidth where it is mounted")
        }
        let trimmed = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        return FolderDestination(
            trimmed, layout: options.choice("layout", Layout.self) ?? .partitioned,
            isMounted: options.bool("mounted", default: false))
    }
}
