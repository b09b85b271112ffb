import Foundation
import GleanerCore
import GleanerInference

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How models are run in a process of their own.
struct ModelIsolation: Sendable {
    /// The `gleaner` command, which runs the model when it is told to.
    var executable: String
    var library: String?
    var options: SessionOptions
    var memoryByteCount: Int
    var loadSecondsMax: Double
    var frameSecondsMax: Double
}

/// A model in a process of its own: whatever it does there, this process goes on and says what happened.
///
/// A crash, a hang or a leak are then answers as any other, which is what a model from outside must be met with.
struct IsolatedModel: ~Copyable {
    let id: ModelID
    let ready: IsolationReply.Ready
    private let limits: ModelIsolation
    private var process: ChildProcess?
    private var frameCount = 0

    /// Starts the process and waits until the model is loaded and has run on a frame of nothing.
    ///
    /// - Parameter processorSeconds: Processor time for all that it will do; `nil` for any.
    /// - Throws: ``GleanerError`` saying what the model did, with what to do about it.
    init(_ bundle: ModelBundle, _ isolation: ModelIsolation, processorSeconds: Int? = nil) throws {
        let job = IsolationJob(
            folder: bundle.folder.path(percentEncoded: false), library: isolation.library, options: isolation.options,
            memoryByteCount: isolation.memoryByteCount, processorSeconds: processorSeconds)
        var process: ChildProcess? = try ChildProcess(
            isolation.executable, arguments: ["gleaner", IsolatedModelServer.commandName])
        let deadline = ContinuousClock.now + .seconds(isolation.loadSecondsMax)
        let reply: IsolationReply
        do {
            let line = try CanonicalJSON.encode(job) + Data("\n".utf8)
            try line.withUnsafeBytes { try process?.send($0, before: deadline) }
            reply = try Self.reply(from: &process, before: deadline)
        } catch let silence as ChildProcess.Silence {
            throw Self.error(silence, of: process.take(), bundle.manifest.id, isolation, frame: nil)
        }
        if let failure = reply.failure { throw Self.explained(failure, bundle.manifest.id, isolation) }
        guard let ready = reply.ready else { throw Self.nonsense(bundle.manifest.id) }
        self.id = bundle.manifest.id
        self.ready = ready
        limits = isolation
        self.process = consume process
    }

    /// What the model says of a picture; `nil` when the picture cannot be read.
    ///
    /// - Throws: ``GleanerError`` saying what the model did. After a crash or a hang every call throws.
    mutating func judge(_ picture: [UInt8]) throws -> IsolationReply.Answer? {
        guard process != nil else { throw GleanerError(.modelCrashed, "\(id) has no process any more") }
        frameCount += 1
        let deadline = ContinuousClock.now + .seconds(limits.frameSecondsMax)
        let reply: IsolationReply
        do {
            try withUnsafeBytes(of: UInt32(picture.count).littleEndian) { try process?.send($0, before: deadline) }
            try picture.withUnsafeBytes { try process?.send($0, before: deadline) }
            reply = try Self.reply(from: &process, before: deadline)
        } catch let silence as ChildProcess.Silence {
            throw Self.error(silence, of: process.take(), id, limits, frame: frameCount)
        }
        if reply.isUnreadable == true { return nil }
        if let failure = reply.failure { throw Self.explained(failure, id, limits) }
        guard let answer = reply.answer, answer.seconds.isFinite else { throw Self.nonsense(id) }
        return answer
    }

    private static func reply(
        from process: inout ChildProcess?, before deadline: ContinuousClock.Instant
    ) throws -> IsolationReply {
        guard let line = try process?.line(byteCountMax: IsolationReply.byteCountMax, before: deadline) else {
            throw ChildProcess.Silence.ended
        }
        // A model that writes over its process's memory can make it say anything.
        guard let reply = try? CanonicalJSON.decode(IsolationReply.self, from: line, named: "a reply") else {
            throw ChildProcess.Silence.tooLong
        }
        return reply
    }

    // MARK: What happened, in words

    private static func error(
        _ silence: ChildProcess.Silence, of process: consuming ChildProcess?, _ id: ModelID, _ limits: ModelIsolation,
        frame: Int?
    ) -> GleanerError {
        var process = process
        let place = frame.map { "on frame \($0) of its trial" } ?? "while it was loaded"
        switch silence {
        case .late:
            let seconds = frame == nil ? limits.loadSecondsMax : limits.frameSecondsMax
            let key = frame == nil ? "load_seconds_max" : "frame_seconds_max"
            return GleanerError(
                .modelHung, "\(id) hangs: it did not come back \(place) within \(seconds) s",
                remedy: "try it where it was trained; if it is only slow, raise models.proof.\(key)")
        case .tooLong: return nonsense(id)
        case .ended: break
        }
        guard let (ending, memoryByteCount) = process?.end() else { return nonsense(id) }
        if case .signalled(SIGXCPU) = ending {
            return GleanerError(
                .modelSlow, "\(id) used up the processor time that it may have, \(place)",
                remedy: "use a smaller model, or raise models.proof.frame_seconds_max")
        }
        if memoryByteCount > limits.memoryByteCount / 10 * 9 { return outOfMemory(id, limits, place) }
        return GleanerError(
            .modelCrashed, "\(id) crashes: the process that ran it ended with \(words(ending)) \(place)",
            remedy: "try it with this version of ONNX Runtime where it was trained, and export it anew")
    }

    private static func words(_ ending: ChildProcess.Ending) -> String {
        switch ending {
        case .exited(let status): "status \(status)"
        case .signalled(let signal): "signal \(signal) (\(String(cString: strsignal(signal))))"
        }
    }

    /// The runtime says that it got no memory in several ways, and none of them names the limit.
    private static func explained(
        _ failure: ModelVerdict.Failure, _ id: ModelID, _ limits: ModelIsolation
    ) -> GleanerError {
        let text = failure.message.lowercased()
        guard
            ["bad_alloc", "bad alloc", "failed to allocate", "alloc failed", "out of memory"].contains(
                where: text.contains)
        else { return failure.error }
        var error = outOfMemory(id, limits, "when it ran")
        error.cause = failure.error
        return error
    }

    private static func outOfMemory(_ id: ModelID, _ limits: ModelIsolation, _ place: String) -> GleanerError {
        GleanerError(
            .modelMemory,
            "\(id) needs more memory than the \(ByteCount.format(limits.memoryByteCount)) that it may have, \(place)",
            remedy: "use a smaller model, or raise models.proof.memory")
    }

    private static func nonsense(_ id: ModelID) -> GleanerError {
        GleanerError(
            .modelCrashed, "\(id) damages the process that runs it: what came back makes no sense",
            remedy: "export it anew, and try it where it was trained")
    }
}
