import GleanerCore

/// What `gleaner doctor` found of one part of a deployment or its machine.
public struct Finding: Hashable, Sendable, Codable {
    public enum State: String, Sendable, Codable {
        case ok
        /// It collects all the same; somebody should know.
        case warning
        /// It does not collect, or does not keep what it promises.
        case problem
    }

    /// Which part: `disk.flush`, `clock`, or a key of the configuration.
    public var path: String
    public var state: State
    public var message: String
    /// What to do; empty where all is well.
    public var remedy: String
    /// Numbers by name, with their unit last; `nil` where nothing was measured.
    public var measured: [String: Double]?

    init(_ path: String, _ state: State, _ message: String, remedy: String = "", measured: [String: Double]? = nil) {
        self.path = path
        self.state = state
        self.message = message
        self.remedy = remedy
        self.measured = measured?.mapValues { ($0 * 1000).rounded() / 1000 }
    }

    init(_ problem: Problem) { self.init(problem.path, .problem, problem.message, remedy: problem.remedy) }
}
