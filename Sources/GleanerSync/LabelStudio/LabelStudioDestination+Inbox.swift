#if Network
    public import Foundation
    public import GleanerCore

    /// The annotations of a device's samples, as an inbox with one item.
    ///
    /// Only tasks of the asking device are read, so that a fleet can share a project. Label Studio has no place for
    /// receipts: none are left.
    extension LabelStudioDestination: Inbox {
        private static let pageSize = 50
        /// For the room on the disk that is asked for before they are fetched.
        private static let taskByteCountGuess = 2048

        /// One item while there are annotations; its tag is another one after each change.
        public func items(for device: DeviceID) async throws -> [InboxItem] {
            guard let project = try await server.project(titled: project) else { return [] }
            let newest: LabelStudioTaskPage<LabelStudioTask>? = try await server.tasks(
                .answered(for: device), in: project.id, page: 1, pageSize: 1, newestFirst: true)
            guard let newest, newest.total > 0 else { return [] }
            let tag = "\(newest.total) \(newest.total_annotations ?? 0) \(newest.tasks.first?.updated_at ?? "")"
            return [
                InboxItem(
                    kind: .labels(format: LabelStudioView.format), name: Self.itemName(project.id, for: device),
                    tag: tag, byteCount: newest.total * Self.taskByteCountGuess)
            ]
        }

        /// Writes the annotated tasks as Label Studio's own JSON export would, without what labels do not need.
        public func fetch(_ item: InboxItem, into folder: String) async throws -> String {
            guard let (project, device) = Self.parts(of: item.name) else {
                throw GleanerError(.notFound, "'\(PathName.printable(item.name))' is no item of \(place)")
            }
            let path = "\(folder)/\(PathName.last(of: item.name))"
            let file = try DescriptorFile(path, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
            var seen = 0
            for page in 1... {
                let list: LabelStudioTaskPage<AnnotatedTask>? = try await server.tasks(
                    .answered(for: device), in: project, page: page, pageSize: Self.pageSize, isWhole: true)
                guard let list else { break }
                for task in list.tasks {
                    try file.write(Data((seen == 0 ? "[\n" : ",\n").utf8))
                    try file.write(CanonicalJSON.encode(task))
                    seen += 1
                }
                if list.tasks.isEmpty || seen >= list.total { break }
            }
            try file.write(Data((seen == 0 ? "[]\n" : "\n]\n").utf8))
            try file.flush()
            return path
        }

        /// Does nothing: Label Studio has no place for it.
        public func leave(_ receipt: Data, named name: String) async throws {}

        static func itemName(_ project: Int, for device: DeviceID) -> String {
            "device=\(device)/labels/\(LabelStudioView.format)/project-\(project).json"
        }

        static func parts(of name: String) -> (project: Int, device: DeviceID)? {
            let parts = name.split(separator: "/")
            guard parts.count == 4, parts[0].hasPrefix("device="),
                let device = DeviceID(parts[0].dropFirst("device=".count)),
                let project = Int(parts[3].dropFirst("project-".count).prefix { $0 != "." }),
                itemName(project, for: device) == name
            else { return nil }
            return (project, device)
        }
    }

    /// A task with its annotations, without what changes by itself; names of keys are Label Studio's.
    private struct AnnotatedTask: Codable, Sendable {
        struct Names: Codable { var sample_id: String }
        struct Annotation: Codable {
            var id: Int
            var result: JSONValue
            var was_cancelled: Bool?
            var updated_at: String?
            var completed_by: JSONValue?
        }
        var id: Int
        var data: Names
        var annotations: [Annotation]
    }
#endif
