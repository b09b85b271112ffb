import GleanerCore
import GleanerSelection
import GleanerStore

/// Puts together what is recorded of each frame, so that the run can be decided anew.
struct DecisionRecorder {
    /// The policy in force, as the configuration says it.
    private let policy: JSONValue
    /// A segment takes an eighth of the room for all at most, so that little is lost when the oldest goes.
    private let segmentFrameCount: Int
    private var framesLeft = 0
    private var model: ModelID
    private var competence = Competence()
    private var changes: [SelectorChange] = []
    private var start: JSONValue?

    /// `nil` when nothing is to be recorded.
    init?(policy: JSONValue, model: ModelID, byteCountMax: Int) {
        guard byteCountMax > 0 else { return nil }
        self.policy = policy
        self.model = model
        segmentFrameCount = min(max(byteCountMax / 8 / 64, 64), 16_384)
    }

    mutating func note(_ change: SelectorChange) {
        switch change {
        case .model(let id): model = id
        case .learned(let competence): self.competence = competence
        case .released(let samples) where samples.isEmpty: return
        case .released: break
        }
        changes.append(change)
    }

    /// Called before each frame. `state` is the selector's.
    mutating func willDecide(state: () -> JSONValue) {
        defer { framesLeft -= 1 }
        guard framesLeft <= 0 else { return }
        framesLeft = segmentFrameCount
        start = RecordedStart(policy: policy, state: state(), model: model, competence: competence).json
    }

    mutating func entry(of record: DecisionRecord) -> Entry {
        defer {
            changes = []
            start = nil
        }
        return Entry(record: record, changes: changes, start: start)
    }

    /// What is recorded of one frame; the writer makes bytes of it.
    struct Entry: Sendable {
        var record: DecisionRecord
        var changes: [SelectorChange]
        var start: JSONValue?

        func recording(_ bytes: ArraySlice<UInt8>) -> FrameOutcome.Recording {
            FrameOutcome.Recording(record: bytes, changes: changes.map(\.json), start: start)
        }
    }
}

/// What a recorded segment begins with.
struct RecordedStart {
    var policy: JSONValue
    var state: JSONValue
    var model: ModelID
    var competence: Competence

    init(policy: JSONValue, state: JSONValue, model: ModelID, competence: Competence) {
        self.policy = policy
        self.state = state
        self.model = model
        self.competence = competence
    }

    var json: JSONValue {
        .object([
            "policy": policy, "state": state, "model": SelectorChange.model(model).json,
            "competence": SelectorChange.learned(competence).json,
        ])
    }

    /// Reads ``json``; `nil` for anything else.
    init?(_ json: JSONValue) {
        guard case .object(let values) = json, let policy = values["policy"], let state = values["state"],
            case .model(let model)? = values["model"].flatMap({ SelectorChange($0) }),
            case .learned(let competence)? = values["competence"].flatMap({ SelectorChange($0) })
        else { return nil }
        self.init(policy: policy, state: state, model: model, competence: competence)
    }
}
