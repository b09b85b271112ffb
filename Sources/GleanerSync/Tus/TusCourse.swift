#if Network
    import GleanerCore

    /// How the upload of one batch goes on, by what the server answered.
    ///
    /// A value that asks nobody itself: whoever holds it does what ``step`` says and hands in the answer.
    struct TusCourse: Sendable {
        enum Step: Hashable, Sendable {
            case create
            /// How far is the upload there?
            case ask(String)
            /// The next chunk, from this offset of the archive.
            case send(String, offset: Int)
            case done
        }

        /// What an upload is for.
        struct Goal: Sendable {
            var address: TusAddress
            var batch: BatchID
            /// Of the whole archive.
            var byteCount: Int
            /// The most that a chunk may have.
            var chunkByteCountMax: Int
            /// Whether the server must say the batch's digest at the end.
            var requiresReceipt: Bool
        }

        private(set) var step: Step
        /// What the next chunk has, unless the archive ends before.
        private(set) var chunkByteCount: Int
        private let goal: Goal
        private var troubleCount = 0
        /// More in one delivery are no accident.
        private static let troubleCountMax = 4
        private static let firstChunkByteCount = 64 << 10
        private static let chunkByteCountMin = 32 << 10

        /// - Parameter location: where an earlier attempt has begun it.
        init(_ goal: Goal, location: String?) {
            self.goal = goal
            chunkByteCount = min(Self.firstChunkByteCount, goal.chunkByteCountMax)
            step = location.map { .ask($0) } ?? .create
        }

        /// Where the upload is; `nil` before it was begun.
        var location: String? {
            switch step {
            case .ask(let location), .send(let location, _): location
            case .create, .done: nil
            }
        }

        /// - Throws: ``GleanerError`` when the answer ends the delivery.
        mutating func take(_ answer: HTTPAnswer) throws {
            switch step {
            case .create: try created(answer)
            case .ask(let location): try asked(location, answer)
            case .send(let location, let offset): try sent(location, offset, answer)
            case .done: preconditionFailure("nothing is asked after the end")
            }
        }

        /// A cut costs what is on its way: over a slow link that is little at a time, over a quick one much, so that its
        /// answer is waited for less often.
        mutating func sentChunk(inSeconds seconds: Double) {
            if seconds < 2 {
                chunkByteCount = min(2 * chunkByteCount, goal.chunkByteCountMax)
            } else if seconds > 10 {
                chunkByteCount = min(max(chunkByteCount / 2, Self.chunkByteCountMin), goal.chunkByteCountMax)
            }
        }

        private mutating func created(_ answer: HTTPAnswer) throws {
            guard [200, 201].contains(answer.status) else { throw failure(of: "beginning an upload", answer) }
            let offset = try self.offset(in: answer) ?? 0
            if offset == goal.byteCount { return try end(answer) }
            guard let location = answer.headers["location"] else {
                throw GleanerError(
                    .destinationRefused, "\(goal.address.text) does not say where the upload goes",
                    remedy: "look at the server: it does not speak tus 1.0.0 here")
            }
            step = .send(try goal.address.upload(at: location), offset: offset)
        }

        private mutating func asked(_ location: String, _ answer: HTTPAnswer) throws {
            switch answer.status {
            case 404, 410: try begin(anewAfter: "the upload is gone")
            case 200, 204:
                let length = answer.headers["upload-length"].flatMap { Int($0) } ?? goal.byteCount
                guard length == goal.byteCount else { return try begin(anewAfter: "another upload lies there") }
                guard let offset = try offset(in: answer) else { throw senseless(answer) }
                if offset == goal.byteCount { return try end(answer) }
                step = .send(location, offset: offset)
            default: throw failure(of: "asking for the upload", answer)
            }
        }

        private mutating func sent(_ location: String, _ offset: Int, _ answer: HTTPAnswer) throws {
            switch answer.status {
            case 200, 204:
                let end = min(offset + chunkByteCount, goal.byteCount)
                guard let reached = try self.offset(in: answer), reached > offset, reached <= end else {
                    throw senseless(answer)
                }
                if reached == goal.byteCount { return try self.end(answer) }
                step = .send(location, offset: reached)
            case 404, 410: try begin(anewAfter: "the upload is gone")
            case 409:
                try note("it has another part of the upload than it said")
                step = .ask(location)
            case 460: try note("what arrives there is not what was sent")
            default: throw failure(of: "sending a part", answer)
            }
        }

        private mutating func begin(anewAfter reason: String) throws {
            try note(reason)
            step = .create
        }

        private mutating func note(_ trouble: String) throws {
            troubleCount += 1
            guard troubleCount <= Self.troubleCountMax else {
                throw GleanerError(
                    .destinationOffline, "\(goal.address.text) gets nowhere: \(trouble), again and again",
                    remedy: "look at the server's log, and at the link, if this lasts")
            }
        }

        private mutating func end(_ answer: HTTPAnswer) throws {
            let text = answer.headers["gleaner-receipt"]
            guard text != nil || goal.requiresReceipt else { return step = .done }
            guard let text else {
                throw GleanerError(
                    .destinationRejected, "\(goal.address.text) has it all, and does not say that the batch is whole",
                    remedy: "receive with Examples/receiver, or trust the checksums alone with `receipt: checksums`")
            }
            guard Digest(text) == goal.batch.digest else {
                throw GleanerError(
                    .destinationRejected,
                    "\(goal.address.text) gave a receipt for another batch: '\(PathName.printable(text))'",
                    remedy: "look at the server's log")
            }
            step = .done
        }

        // MARK: Answers

        private func offset(in answer: HTTPAnswer) throws -> Int? {
            guard let text = answer.headers["upload-offset"] else { return nil }
            guard let offset = Int(text), (0...goal.byteCount).contains(offset) else { throw senseless(answer) }
            return offset
        }

        private func senseless(_ answer: HTTPAnswer) -> GleanerError {
            let text = answer.headers["upload-offset"].map { "'\(PathName.printable($0))'" } ?? "nothing"
            return GleanerError(
                .destinationRejected, "\(goal.address.text) says \(text) where it should say how far the upload is",
                remedy: "look at the server: it does not speak tus 1.0.0 here")
        }

        private func failure(of what: String, _ answer: HTTPAnswer) -> GleanerError {
            // It still waits for the rest of a part whose link was cut.
            if answer.status == 423 {
                return GleanerError(
                    .destinationOffline, "\(goal.address.text) is still busy with this upload",
                    remedy: "look at the server's log if this lasts")
            }
            return answer.failure(of: what, at: goal.address.text, remedy: TusServer.remedy)
        }
    }
#endif
