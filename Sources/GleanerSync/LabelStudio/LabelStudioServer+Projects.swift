#if Network
    import Foundation
    import GleanerCore

    /// A project, as far as we look at it; names of keys are Label Studio's.
    struct LabelStudioProject: Decodable, Sendable {
        var id: Int
        var title: String
        /// The labeling interface.
        var label_config: String?
    }

    extension LabelStudioServer {
        private static let pageSize = 100
        /// All pre-labels have one version: a project shows those of a single one, and a batch may have several models'.
        static let modelVersion = "gleaner"

        /// Asks who we are.
        ///
        /// - Throws: ``GleanerError`` when nobody answers, or the token is not taken.
        func requireAccess() async throws {
            struct Person: Decodable { var id: Int }
            let answer = try await ask("GET", "/api/current-user/whoami", to: "showing the token")
            let _: Person = try document(of: answer, "who we are")
        }

        /// The oldest project of a title, which is the same for all devices; `nil` when there is none.
        func project(titled title: String) async throws -> LabelStudioProject? {
            struct Page: Decodable {
                var count: Int
                var results: [LabelStudioProject]
            }
            var found: LabelStudioProject?
            var seen = 0
            for page in 1... {
                let answer = try await ask(
                    "GET", "/api/projects/",
                    [
                        ("title", title), ("include", "id,title,label_config"), ("page", "\(page)"),
                        ("page_size", "\(Self.pageSize)"),
                    ], to: "looking for the project '\(title)'", allowing: [404])
                guard answer.isSuccess || page > 1 else {
                    throw answer.failure(
                        of: "looking for the project '\(title)'", at: place,
                        remedy: "check that \(url) is the address of a Label Studio")
                }
                // Past the last page there is nothing: projects were removed meanwhile.
                guard answer.isSuccess else { break }
                let document: Page = try document(of: answer, "the list of projects")
                for project in document.results where project.title == title {
                    if project.id < found?.id ?? .max { found = project }
                }
                seen += document.results.count
                if document.results.isEmpty || seen >= document.count { break }
            }
            return found
        }

        func makeProject(titled title: String, interface: String) async throws {
            let project: JSONValue = .object([
                "title": .string(title), "label_config": .string(interface),
                "description": .string("Frames that devices with Gleaner ask about."),
                "show_collab_predictions": .bool(true), "model_version": .string(Self.modelVersion),
            ])
            _ = try await ask("POST", "/api/projects/", [], .json(project), to: "making the project '\(title)'")
        }

        func setInterface(_ interface: String, of project: LabelStudioProject) async throws {
            _ = try await ask(
                "PATCH", "/api/projects/\(project.id)/", [], .json(.object(["label_config": .string(interface)])),
                to: "adding classes to the project '\(project.title)'")
        }

        /// Uploads pictures.
        ///
        /// - Returns: where each lies, in the order of the form.
        func upload(
            _ form: MultipartBody, to project: Int, admit: @escaping @Sendable (Int) async throws -> Void
        ) async throws -> [String] {
            struct Uploads: Decodable { var file_upload_ids: [Int] }
            struct Upload: Decodable {
                var id: Int
                var file: String
            }
            let sent = try await ask(
                "POST", "/api/projects/\(project)/import", [("commit_to_project", "false")],
                .bytes(form.finished(), type: form.contentType), to: "uploading pictures", admit: admit)
            let ids = try (document(of: sent, "an upload") as Uploads).file_upload_ids
            let listed = try await ask(
                "GET", "/api/projects/\(project)/file-uploads", [("ids", "\(ids)")], to: "finding uploaded pictures")
            let uploads: [Upload] = try document(of: listed, "the list of uploads")
            let files = Dictionary(uploads.map { ($0.id, $0.file) }) { first, _ in first }
            let paths = ids.compactMap { files[$0] }
            guard paths.count == form.fileCount else {
                throw GleanerError(
                    .destinationRejected, "\(place) took \(paths.count) of \(form.fileCount) pictures",
                    remedy: "look at the server's log")
            }
            return paths
        }
    }
#endif
