/// What becomes of one model on this device, from its arrival until it is confirmed or rejected.
///
///     staged ─▶ proved ─▶ gated ─▶ (shadow) ─▶ probation ─▶ confirmed
///        └─────────┴─────────────────┴────────────┴──────────────┴──▶ rejected
///
/// A value without I/O or a clock: events go in, and what is to be done comes out. Whoever holds it writes it down in
/// the transaction that does it, so that a restart goes on where the course stood.
public struct ModelCourse: Hashable, Sendable, Codable {
    public enum Stage: String, Sendable, Codable, CaseIterable {
        /// Its files are here; nothing ran yet.
        case staged
        /// It ran in a process of its own and did nothing wrong.
        case proved
        /// It was compared on the labels of this device with the model that serves.
        case gated
        /// It is asked about some live frames, and decides nothing.
        case shadow
        /// It serves, is watched, and its predecessor stands ready.
        case probation
        /// It serves, or has served, without a fault.
        case confirmed
        /// It failed.
        case rejected
    }

    public enum Event: Hashable, Sendable {
        case proved
        case proofFailed(reason: String)
        case gated
        case gateFailed(reason: String)
        /// It is to serve, or first to be asked in the shadow of the one that serves. `isAlone`: there is none to go
        /// back to.
        case activated(inShadow: Bool, isAlone: Bool)
        /// A collector takes it up. `boot` names the time since the machine was started.
        case started(boot: String)
        /// That collector ended it properly.
        case stopped
        /// It was asked about so many more live frames in the shadow.
        case asked(frameCount: Int)
        /// It served so many more frames without a fault.
        case served(frameCount: Int)
        case failed(reason: String)
        /// Another model serves from now on.
        case replaced
        /// It is brought in again. `insists`: a person wants it although it failed while it served.
        case importedAgain(insists: Bool)
    }

    public enum Action: Hashable, Sendable {
        case none
        /// Make it the active model.
        case serve
        /// Make it the one in the shadow.
        case shadow
        /// Make the previous model the active one, if this one is; it is rejected for this reason.
        case goBack(reason: String)
        /// Do nothing, and say why.
        case refuse(reason: String)
    }

    /// How much a model in probation may do wrong, and for how long it is watched.
    public struct Limits: Hashable, Sendable, Codable {
        /// Frames of the shadow and of the probation; 0 for none.
        public var shadowFrameCount = 0
        public var probationFrameCount = 200
        /// Processes that may die under it while the machine stays up.
        public var crashCountMax = 2
        /// Such ends and those by a power cut together: a model can also bring the whole machine down.
        public var cutCountMax = 3
        public init() {}
    }

    public private(set) var stage = Stage.staged
    /// Why it was rejected.
    public private(set) var reason: String?
    /// Whether it was rejected for what it did on live frames: that is for good.
    public private(set) var failedInService = false
    /// Frames of its shadow or probation so far.
    public private(set) var servedCount = 0
    public private(set) var crashCount = 0
    public private(set) var cutCount = 0
    /// The boot in which a collector took it up and has not ended it: after a start it tells that one died.
    public private(set) var openBoot: String?

    public init() {}

    /// Takes in what happened.
    ///
    /// What comes from a collector may be old news when it arrives and is then passed over; what a person asks for and
    /// cannot be is refused in words.
    public mutating func handle(_ event: Event, limits: Limits = Limits()) -> Action {
        switch event {
        case .importedAgain(let insists): importedAgain(insists)
        case .activated(let inShadow, let isAlone): activated(inShadow: inShadow, isAlone: isAlone)
        case _ where stage == .rejected: .none
        case .proved: advance(from: [.staged, .proved, .gated], to: stage == .gated ? .gated : .proved)
        case .gated: advance(from: [.proved, .gated], to: .gated)
        case .proofFailed(let reason), .gateFailed(let reason): reject(reason)
        case .failed(let reason): fail(reason)
        case .started(let boot): started(boot, limits)
        case .stopped: stopped()
        case .asked(let frameCount): asked(frameCount, limits)
        case .served(let frameCount): served(frameCount, limits)
        case .replaced: replaced()
        }
    }

    private mutating func advance(from stages: Set<Stage>, to next: Stage) -> Action {
        if stages.contains(stage) { stage = next }
        return .none
    }

    private mutating func importedAgain(_ insists: Bool) -> Action {
        guard stage == .rejected else { return .none }
        if failedInService, !insists { return .refuse(reason: refusal) }
        self = ModelCourse()
        return .none
    }

    private mutating func activated(inShadow: Bool, isAlone: Bool) -> Action {
        switch stage {
        case .rejected: return .refuse(reason: refusal)
        case .staged: return .refuse(reason: "it was not proved yet")
        case .probation: return .none
        case .proved, .gated, .shadow, .confirmed: break
        }
        begin(isAlone ? .confirmed : inShadow ? .shadow : .probation)
        return stage == .shadow ? .shadow : .serve
    }

    private var refusal: String { "it was rejected: \(reason ?? "it failed")" }

    /// Each stage counts anew.
    private mutating func begin(_ next: Stage) {
        stage = next
        (servedCount, crashCount, cutCount, openBoot) = (0, 0, 0, nil)
    }

    private mutating func started(_ boot: String, _ limits: Limits) -> Action {
        guard stage == .probation else { return .none }
        defer { if stage == .probation { openBoot = boot } }
        guard let openBoot else { return .none }
        if openBoot == boot { crashCount += 1 } else { cutCount += 1 }
        if crashCount >= limits.crashCountMax {
            return fail("the collector died \(crashCount) times under it")
        }
        if crashCount + cutCount >= limits.cutCountMax {
            return fail("the collector or the machine went down \(crashCount + cutCount) times under it")
        }
        return .none
    }

    private mutating func stopped() -> Action {
        openBoot = nil
        return .none
    }

    private mutating func asked(_ frameCount: Int, _ limits: Limits) -> Action {
        guard stage == .shadow else { return .none }
        servedCount += frameCount
        guard servedCount >= limits.shadowFrameCount else { return .none }
        begin(.probation)
        return .serve
    }

    private mutating func served(_ frameCount: Int, _ limits: Limits) -> Action {
        guard stage == .probation else { return .none }
        servedCount += frameCount
        if servedCount >= limits.probationFrameCount { begin(.confirmed) }
        return .none
    }

    /// What was not confirmed may be activated again, and begins anew then.
    private mutating func replaced() -> Action {
        if stage == .probation || stage == .shadow { begin(.gated) }
        openBoot = nil
        return .none
    }

    private mutating func fail(_ reason: String) -> Action {
        failedInService = [.shadow, .probation, .confirmed].contains(stage)
        return reject(reason)
    }

    /// One that serves makes way, whatever it is rejected for.
    private mutating func reject(_ reason: String) -> Action {
        let served = stage == .probation || stage == .confirmed
        let reason = String(reason.prefix(1000))
        (stage, self.reason, openBoot) = (.rejected, reason, nil)
        return served ? .goBack(reason: reason) : .none
    }
}
