#if Network
    import Foundation
    import GleanerCore

    /// One batch on its way into one project.
    struct LabelStudioShipment: Sendable {
        let server: LabelStudioServer
        let project: Int
        let view: LabelStudioView
        let delivery: Delivery

        /// A cut costs at most so many samples of work; their ids still fit an address.
        private static let groupCount = 16
        /// A form has at least one picture, and more only up to this size.
        private static let formByteCountMax = 1 << 20
        private static let uploadsNote = "uploads"

        /// Sends what is not there.
        func send() async throws {
            var byteCount = 0
            try await forEachGroup { group in
                try await send(group)
                let done = group.reduce(0) { $0 + $1.picture.bytes }
                delivery.progress(done)
                byteCount += done
            }
            // The other views and the manifest have no place there.
            delivery.progress(view.batch.byteCount - byteCount)
        }

        /// Reads back that each sample is there, and once.
        ///
        /// - Throws: ``GleanerError`` with code `destination.rejected` when one is not.
        func confirm() async throws {
            try await forEachGroup { group in
                let found = try await server.tasks(of: group.map(\.sample), in: project)
                if let lost = group.first(where: { found[$0.sample] == nil }) {
                    throw GleanerError(
                        .destinationRejected, "\(server.url) took sample \(lost.sample) and does not show it",
                        remedy: "if somebody removed it, it is sent again; else look at the server's log")
                }
                for task in found.values.flatMap({ $0.dropFirst() }) where task.total_annotations ?? 0 == 0 {
                    try await server.removeTask(task.id)
                }
            }
        }

        private func forEachGroup(_ body: ([LabelStudioView.Entry]) async throws -> Void) async throws {
            var groups = LabelStudioView.Groups(of: view, count: Self.groupCount)
            while true {
                try Task.checkCancellation()
                let (group, rest) = try await blocking { [groups] _ in
                    var groups = groups
                    let group = try groups.next()
                    return (group, groups)
                }
                if group.isEmpty { return }
                groups = rest
                try await body(group)
            }
        }

        // MARK: One group

        private func send(_ group: [LabelStudioView.Entry]) async throws {
            let there = try await server.tasks(of: group.map(\.sample), in: project)
            let missing = group.filter { there[$0.sample] == nil }
            if missing.isEmpty { return }
            let pictures = try await upload(missing)
            let tasks = missing.map {
                LabelStudioShipment.task($0.task, picture: address(of: pictures[$0.sample] ?? ""))
            }
            try await server.importTasks(tasks, into: project, admit: delivery.admit)
            try delivery.notes.set(Self.uploadsNote, to: nil)
        }

        /// Uploads pictures, but for those that an earlier attempt has uploaded.
        ///
        /// - Returns: where each lies, by sample.
        private func upload(_ entries: [LabelStudioView.Entry]) async throws -> [String: String] {
            var uploads = noted()
            var form = MultipartBody()
            var samples: [String] = []
            var byteCount = 0
            func flush() async throws {
                if samples.isEmpty { return }
                let paths = try await server.upload(form, to: project, admit: delivery.admit)
                for (sample, path) in zip(samples, paths) { uploads.paths[sample] = path }
                try delivery.notes.set(
                    Self.uploadsNote, to: String(decoding: CanonicalJSON.encode(uploads), as: UTF8.self))
                (form, samples, byteCount) = (MultipartBody(), [], 0)
            }
            for entry in entries where uploads.paths[entry.sample] == nil {
                let bytes = try await read(entry.picture)
                if byteCount + bytes.count > Self.formByteCountMax { try await flush() }
                form.append(
                    bytes, named: PathName.last(of: entry.picture.path), type: Self.type(of: entry.picture.path))
                samples.append(entry.sample)
                byteCount += bytes.count
            }
            try await flush()
            return uploads.paths
        }

        /// Pictures that lie there and have no task yet.
        private struct Uploads: Codable {
            var project: Int
            /// By sample.
            var paths: [String: String] = [:]
        }

        private func noted() -> Uploads {
            let note = delivery.notes[Self.uploadsNote].map { Data($0.utf8) }
            let uploads = note.flatMap { try? JSONDecoder().decode(Uploads.self, from: $0) }
            return uploads.flatMap { $0.project == project ? $0 : nil } ?? Uploads(project: project)
        }

        /// A whole picture, which is what was sealed.
        private func read(_ picture: BatchManifest.File) async throws -> [UInt8] {
            try await blocking { [batch = view.batch] cancellation in
                var bytes: [UInt8] = []
                try batch.forEachPiece(of: picture) { piece in
                    try cancellation.check()
                    bytes += piece
                }
                return bytes
            }
        }

        private static func type(of path: String) -> String {
            path.hasSuffix(".png") ? "image/png" : path.hasSuffix(".jpg") ? "image/jpeg" : "application/octet-stream"
        }

        /// How a browser that looks at the server finds an upload.
        private func address(of upload: String) -> String {
            "\(URLComponents(string: server.url)?.percentEncodedPath ?? "")/data/\(upload)"
        }

        /// A task as it is sent: with its picture's address, and pre-labels that the project shows whatever model they
        /// are of; the model is kept in `meta`.
        static func task(_ task: JSONValue, picture: String) -> JSONValue {
            guard case .object(var task) = task, case .object(var data)? = task["data"] else { return task }
            data["image"] = .string(picture)
            task["data"] = .object(data)
            guard case .array(let predictions)? = task["predictions"] else { return .object(task) }
            var meta: [String: JSONValue] = if case .object(let meta)? = task["meta"] { meta } else { [:] }
            let renamed: [JSONValue] = predictions.map { prediction in
                guard case .object(var prediction) = prediction else { return prediction }
                meta["model"] = prediction["model_version"]
                prediction["model_version"] = .string(LabelStudioServer.modelVersion)
                return .object(prediction)
            }
            task["predictions"] = .array(renamed)
            task["meta"] = .object(meta)
            return .object(task)
        }
    }
#endif
