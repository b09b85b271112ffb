#if Network
    import Foundation
    public import GleanerCore

    /// A Label Studio server: each sample of a batch becomes a task of one project, with its picture uploaded and the
    /// model's predictions as pre-labels; finished annotations come back as labels.
    ///
    /// Tasks are told apart by the sample's id in `data.sample_id`, so that several devices, batches and attempts fill
    /// one project without anything being there twice. Label Studio itself takes the same task as often as it is sent:
    /// a request that arrived although its sender was cut off leaves tasks twice, and what is read back at the end
    /// shows them. Of those the ones that nobody has worked on are removed then. Pictures of at most one request may
    /// be left without a task by a cut; nobody sees them.
    public struct LabelStudioDestination: Destination {
        let server: LabelStudioServer
        let project: String
        public let place: String

        static let defaultProject = "gleaner"

        /// - Parameters:
        ///   - url: of the server, without a slash at its end.
        ///   - project: its title; made when there is none.
        ///   - authorities: a file of certificates, in PEM, that are trusted beside none but them.
        /// - Throws: ``GleanerError`` when the certificates cannot be read.
        init(_ url: String, project: String, token: LabelStudioTokenSource, authorities: String?) throws {
            self.project = project
            place = "label-studio:\(url)" + (project == Self.defaultProject ? "" : "#\(project)")
            server = LabelStudioServer(
                url: url, place: url, transport: try HTTPTransport(place: url, authorities: authorities),
                access: LabelStudioAccess(token))
        }

        public var formats: [String] { [LabelStudioView.format] }
        /// People give labels here; what has labels goes elsewhere.
        public var purposes: [BatchPurpose] { [.labeling] }

        public func check() async throws { try await server.requireAccess() }

        public func deliver(_ batch: any SealedBatch, _ delivery: Delivery) async throws -> Receipt {
            guard batch.manifest.header.purpose == .labeling else {
                throw GleanerError(
                    .destinationRejected, "\(place) takes batches for labeling, and this one is for training",
                    remedy: "write `for: [labeling]` at this destination, and name another one for training")
            }
            let view = try await blocking { try LabelStudioView(batch, $0) }
            let project = try await project(for: view)
            let shipment = LabelStudioShipment(server: server, project: project.id, view: view, delivery: delivery)
            try await shipment.send()
            try await shipment.confirm()
            return Receipt(batch: batch.id.digest, place: "\(server.url)/projects/\(project.id)/data")
        }

        /// The project, made when there is none, with all the classes of a batch.
        private func project(for view: LabelStudioView) async throws -> LabelStudioProject {
            if let found = try await server.project(titled: project) { return try await extend(found, for: view) }
            try await server.makeProject(titled: project, interface: view.interface.xml)
            // Another device may have made one at the same moment: all take the oldest.
            guard let made = try await server.project(titled: project) else {
                throw GleanerError(
                    .destinationRefused, "\(server.url) does not show the project '\(project)' that was just made",
                    remedy: "let the token's owner see it")
            }
            return try await extend(made, for: view)
        }

        private func extend(_ found: LabelStudioProject, for view: LabelStudioView) async throws -> LabelStudioProject {
            let interface = LabelingInterface(found.label_config ?? "")
            let extended = try interface.extended(
                for: view.interface, controls: view.controls, place: "the project '\(project)'")
            if let extended { try await server.setInterface(extended, of: found) }
            return found
        }
    }
#endif
