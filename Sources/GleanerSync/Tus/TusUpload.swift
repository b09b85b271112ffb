#if Network
    import GleanerCore

    /// Takes one batch to a server, from where an earlier attempt was cut off.
    struct TusUpload: Sendable {
        private let server: TusServer
        private let address: TusAddress
        private let archive: BatchArchive
        private let delivery: Delivery
        private let chunkByteCountMax: Int
        private let requiresReceipt: Bool

        init(
            _ batch: any SealedBatch, to server: TusServer, at address: TusAddress, _ delivery: Delivery,
            chunkByteCountMax: Int, requiresReceipt: Bool
        ) {
            self.server = server
            self.address = address
            self.delivery = delivery
            self.chunkByteCountMax = chunkByteCountMax
            self.requiresReceipt = requiresReceipt
            archive = BatchArchive(batch)
        }

        private var batch: any SealedBatch { archive.batch }
        private var noteKey: String { "upload of \(batch.id.short)" }

        /// Returns when the server has the batch.
        func run() async throws {
            do {
                try await upload()
            } catch let error as GleanerError where [.batchDamaged, .sampleDamaged].contains(error.code) {
                // Nothing of it may be taken for whole the next time.
                if let location = noted { try? await server.terminate(location) }
                try await remember(nil)
                throw error
            }
        }

        private func upload() async throws {
            let goal = TusCourse.Goal(
                address: address, batch: batch.id, byteCount: archive.byteCount, chunkByteCountMax: chunkByteCountMax,
                requiresReceipt: requiresReceipt)
            var course = TusCourse(goal, location: noted)
            var chunk: Chunk?
            var reported = 0
            while course.step != .done {
                let before = course.location
                let begin = ContinuousClock.now
                let answer = try await answer(to: course.step, size: course.chunkByteCount, &chunk)
                let isChunk = if case .send = course.step { true } else { false }
                try course.take(answer)
                if isChunk { course.sentChunk(inSeconds: (ContinuousClock.now - begin) / .seconds(1)) }
                if let location = course.location, location != before { try await remember(location) }
                if case .send(_, let offset) = course.step { report(upTo: offset, &reported) }
            }
            report(upTo: archive.byteCount, &reported)
        }

        private func answer(to step: TusCourse.Step, size: Int, _ chunk: inout Chunk?) async throws -> HTTPAnswer {
            switch step {
            case .create: return try await server.create(byteCount: archive.byteCount, metadata: metadata)
            case .ask(let location): return try await server.ask(location)
            case .send(let location, let offset):
                let next = try await chunk.next(at: offset, of: archive, byteCount: size)
                chunk = next
                return try await server.send(next.bytes, to: location, offset: offset, admit: delivery.admit)
            case .done: preconditionFailure("nothing is asked after the end")
            }
        }

        private var metadata: [(name: String, value: String)] {
            [
                ("filename", "batch-\(batch.id.short).tar"), ("batch", "\(batch.id)"),
                ("device", "\(batch.manifest.header.device)"), ("date", "\("\(batch.sealedAt)".prefix(10))"),
            ]
        }

        /// Counts the bytes of files that are there now; an upload that is begun anew counts none twice.
        private func report(upTo offset: Int, _ reported: inout Int) {
            let now = archive.fileByteCount(before: offset)
            guard now > reported else { return }
            delivery.progress(now - reported)
            reported = now
        }

        // MARK: Notes

        private var noted: String? {
            // What was written down may come from another configuration.
            delivery.notes[noteKey].flatMap { try? address.upload(at: $0) }
        }

        private func remember(_ location: String?) async throws {
            try await blocking { [delivery, noteKey] _ in try delivery.notes.set(noteKey, to: location) }
        }
    }

    /// A part of an archive that is being sent, and the reader that goes on after it.
    private struct Chunk: Sendable {
        let offset: Int
        let bytes: [UInt8]
        let reader: BatchArchiveReader
    }

    extension Chunk? {
        /// The chunk at an offset: the same one again, the one after it, or one anywhere.
        fileprivate func next(at offset: Int, of archive: BatchArchive, byteCount: Int) async throws -> Chunk {
            if let self, self.offset == offset { return self }
            let follower = self?.reader
            return try await blocking { cancellation in
                var reader =
                    if let follower, follower.offset == offset { follower } else {
                        try BatchArchiveReader(archive, at: offset, cancellation)
                    }
                return Chunk(offset: offset, bytes: try reader.read(byteCount), reader: reader)
            }
        }
    }
#endif
