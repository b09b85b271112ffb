import Foundation

/// How models run.
public struct SessionOptions: Hashable, Sendable, Codable {
    /// How far ONNX Runtime rewrites a model before it runs.
    public enum Optimization: String, Sendable, Codable, CaseIterable {
        case none, basic, extended, all

        /// The runtime's own number.
        var level: Int32 {
            switch self {
            case .none: 0
            case .basic: 1
            case .extended: 2
            case .all: 99
            }
        }
    }

    /// Threads that share one run. Default: one less than there are cores, at most 4, at least 1.
    public var threadCount = min(max(ProcessInfo.processInfo.activeProcessorCount - 1, 1), 4)
    public var optimization = Optimization.all
    /// Whether threads wait for work in a busy loop. It makes a run a sixth faster and, at ten frames a second with
    /// two threads, triples the processor time of a frame: wrong for batteries and small boards. Default: no.
    public var spins = false
    /// Whether memory is kept for the next run. Without, a large model needs a third less of it and a third more
    /// time. Default: yes.
    public var usesArena = true
    /// What models run on, the preferred first, by the names of ``OnnxRuntime/availableProviders``; `cpu` always
    /// takes what the others leave. Where it is named after others that do not start, it takes all, and
    /// ``InferenceSession/setbacks`` say so; where it is not named, they have to start.
    public var providers = ["cpu"]

    /// Whether models also give the features that embeddings are made of. It costs a copy of some kilobytes a run.
    /// Without, an embedding is what a frame looks like from afar and what the model says of it. Default: yes.
    public var givesFeatures = true

    public init() {}
}
