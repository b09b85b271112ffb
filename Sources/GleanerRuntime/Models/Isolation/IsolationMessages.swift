import GleanerCore
import GleanerInference

/// What a process that is to run one model is told first.
struct IsolationJob: Codable, Sendable {
    /// The bundle's folder.
    var folder: String
    /// The runtime's library; `nil` to look for it.
    var library: String?
    var options: SessionOptions
    /// Memory that it may take once the runtime is there.
    var memoryByteCount: Int
    /// Processor time that it may take; `nil` for any.
    var processorSeconds: Int?

    /// A job longer than this is no job of ours.
    static let byteCountMax = 64 << 10
}

/// What stands around a process that runs one model.
public enum IsolationWall: String, Sendable, Codable, CaseIterable {
    /// It has no network, not even to itself.
    case network
    /// It can write no file, and read only the system's, the runtime's and its own.
    case files
    /// Its memory is bounded.
    case memory
    /// Its processor time is bounded.
    case processor
}

/// A line that comes back: exactly one of its fields is there.
struct IsolationReply: Codable, Sendable {
    struct Ready: Codable, Sendable {
        var loadSeconds: Double
        var walls: [IsolationWall]
    }

    struct Answer: Codable, Sendable {
        var prediction: PredictionRecord
        /// What the model took, without reading the picture.
        var seconds: Double
        /// Memory of the whole process after it.
        var memoryByteCount: Int
    }

    var ready: Ready?
    var answer: Answer?
    var failure: ModelVerdict.Failure?
    /// `true`: the picture cannot be read, which says nothing of the model.
    var isUnreadable: Bool?

    /// A line longer than this was not written by us.
    static let byteCountMax = 1 << 20
}

extension GleanerError.Code {
    /// A model failed in a way that nothing else says better.
    static let modelFailed = Self("model.failed")
    /// It took the process down that ran it.
    static let modelCrashed = Self("model.crashed")
    /// It did not come back in time.
    static let modelHung = Self("model.hung")
    /// It wants more memory than it may have.
    static let modelMemory = Self("model.memory")
    /// It is slower than it may be.
    static let modelSlow = Self("model.slow")
}
