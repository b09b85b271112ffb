public import GleanerCore

#if Network
    import Foundation
#endif

extension Registry.Entry where Component == any Destination {
    /// `to: label-studio:http://labels.example:8080`.
    public static var labelStudio: Self {
        Self("label-studio", "A Label Studio server: tasks with pre-labels there, annotations back as labels.") {
            options in
            #if Network
                let url = try LabelStudioDestination.url(in: options.string("to") ?? "")
                let project = options.string("project") ?? LabelStudioDestination.defaultProject
                // Label Studio's own bounds.
                if !(3...50).contains(project.count) {
                    options.problems.add(
                        "\(options.path).project", "must have 3 to 50 characters, and has \(project.count)",
                        remedy: "give it another name")
                }
                return try LabelStudioDestination(
                    url, project: project, token: LabelStudioTokenSource(options.bearerToken()),
                    authorities: options.absolutePath("ca"))
            #else
                throw GleanerError.withoutNetwork("label-studio")
            #endif
        }
    }
}

#if Network
    extension LabelStudioDestination {
        static func url(in place: String) throws -> String {
            var url = String(place.dropFirst("label-studio:".count))
            while url.hasSuffix("/") { url.removeLast() }
            let parts = URLComponents(string: url)
            guard let parts, ["http", "https"].contains(parts.scheme), let host = parts.host, !host.isEmpty,
                parts.query == nil, parts.fragment == nil
            else {
                throw GleanerError(
                    .malformed, "it does not name a Label Studio",
                    remedy: "write label-studio:http://HOST:PORT, as in label-studio:http://labels.example:8080")
            }
            // Addresses are shown and logged.
            guard parts.user == nil, parts.password == nil else {
                throw GleanerError(
                    .malformed, "the address of \(host) holds a name or a password",
                    remedy: "take it out: Label Studio is asked with a token, which token_file or token_env name")
            }
            return url
        }
    }
#endif
