#if Network
    import Foundation
    import GleanerCore

    /// A task, as far as we look at it; names of keys are Label Studio's.
    struct LabelStudioTask: Decodable, Hashable, Sendable {
        struct Names: Decodable, Hashable, Sendable {
            /// `nil` too where others use the key for something else.
            var sample_id: String?

            private enum Keys: String, CodingKey { case sample_id }
            init(from decoder: any Decoder) throws {
                sample_id = try? decoder.container(keyedBy: Keys.self).decode(String.self, forKey: .sample_id)
            }
        }
        var id: Int
        var data: Names?
        /// Without skipped ones.
        var total_annotations: Int?
        /// RFC 3339, by the server's clock; also of the latest change of an annotation.
        var updated_at: String?
    }

    /// A page of a list of tasks.
    struct LabelStudioTaskPage<Task: Decodable & Sendable>: Decodable, Sendable {
        /// Tasks on all pages.
        var total: Int
        /// Annotations of all of them.
        var total_annotations: Int?
        var tasks: [Task]
    }

    /// Which tasks are meant: all conditions hold.
    struct LabelStudioFilter: Sendable {
        private var items: [JSONValue] = []
        private static let sample = "filter:tasks:data.sample_id"

        /// Tasks of these samples.
        static func samples(_ ids: [String]) -> Self {
            Self(items: [condition(sample, "in_list", "String", .array(ids.map { .string($0) }))])
        }

        /// Tasks with an answer for samples of a device.
        static func answered(for device: DeviceID) -> Self {
            Self(items: [
                condition(sample, "contains", "String", .string("\(device)-")),
                condition("filter:tasks:total_annotations", "greater", "Number", .integer(0)),
            ])
        }

        private static func condition(_ field: String, _ operation: String, _ type: String, _ value: JSONValue)
            -> JSONValue
        {
            .object([
                "filter": .string(field), "operator": .string(operation), "type": .string(type), "value": value,
            ])
        }

        /// The parameter `query` of a list of tasks: the one that changed last comes first.
        func query(newestFirst: Bool) throws -> String {
            let filters: JSONValue = .object(["conjunction": .string("and"), "items": .array(items)])
            let order: JSONValue = .array(newestFirst ? [.string("-tasks:updated_at")] : [.string("tasks:id")])
            return String(
                decoding: try CanonicalJSON.encode(JSONValue.object(["filters": filters, "ordering": order])),
                as: UTF8.self)
        }
    }

    extension LabelStudioServer {
        /// One page of tasks; `nil` past the last one.
        ///
        /// - Parameter isWhole: whether each has all its parts, or only those of ``LabelStudioTask``.
        func tasks<Task: Decodable>(
            _ filter: LabelStudioFilter, in project: Int, page: Int, pageSize: Int, newestFirst: Bool = false,
            isWhole: Bool = false
        ) async throws -> LabelStudioTaskPage<Task>? {
            let parts = isWhole ? ("fields", "all") : ("include", "id,data,total_annotations,updated_at")
            let answer = try await ask(
                "GET", "/api/tasks",
                [
                    ("project", "\(project)"), ("page", "\(page)"), ("page_size", "\(pageSize)"),
                    ("resolve_uri", "false"), parts, ("query", try filter.query(newestFirst: newestFirst)),
                ], to: "listing tasks", allowing: page > 1 ? [404] : [])
            return answer.isSuccess ? try document(of: answer, "the list of tasks") : nil
        }

        private static let pageSize = 100

        /// The tasks of some samples, by sample; the one to keep first, where there are several.
        ///
        /// A filter that the server does not know would give others' tasks too: they are left out here.
        func tasks(of samples: [String], in project: Int) async throws -> [String: [LabelStudioTask]] {
            let wanted = Set(samples)
            var found: [String: [LabelStudioTask]] = [:]
            var seen = 0
            for page in 1... {
                let list: LabelStudioTaskPage<LabelStudioTask>? = try await tasks(
                    .samples(samples), in: project, page: page, pageSize: Self.pageSize)
                guard let list else { break }
                for task in list.tasks {
                    guard let sample = task.data?.sample_id, wanted.contains(sample) else { continue }
                    found[sample, default: []].append(task)
                }
                seen += list.tasks.count
                if list.tasks.isEmpty || seen >= list.total { break }
            }
            return found.mapValues { $0.sorted(by: Self.isKept) }
        }

        /// What somebody worked on stays, then the older one: every device and every attempt chooses alike.
        private static func isKept(_ task: LabelStudioTask, ratherThan other: LabelStudioTask) -> Bool {
            (-(task.total_annotations ?? 0), task.id) < (-(other.total_annotations ?? 0), other.id)
        }

        func importTasks(_ tasks: [JSONValue], into project: Int, admit: @escaping @Sendable (Int) async throws -> Void)
            async throws
        {
            struct Outcome: Decodable { var task_count: Int }
            let answer = try await ask(
                "POST", "/api/projects/\(project)/import", [], .json(.array(tasks)), to: "importing tasks", admit: admit
            )
            let outcome: Outcome = try document(of: answer, "an import")
            guard outcome.task_count == tasks.count else {
                throw GleanerError(
                    .destinationRejected, "\(place) took \(outcome.task_count) of \(tasks.count) tasks",
                    remedy: "look at the server's log; the rest is sent again")
            }
        }

        func removeTask(_ id: Int) async throws {
            _ = try await ask("DELETE", "/api/tasks/\(id)/", to: "removing a task that is there twice", allowing: [404])
        }
    }
#endif
