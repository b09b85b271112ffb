import GleanerCore
import GleanerStore

/// The first frames of a swapped-in model: fails all of them and it goes.
struct SwapTrial {
    private var previous: LoadedModel?
    private var failedFrameCount = 0
    private let failedFrameCountMax: Int

    init(failedFrameCountMax: Int) { self.failedFrameCountMax = failedFrameCountMax }

    mutating func begin(previous: LoadedModel) {
        self.previous = previous
        failedFrameCount = 0
    }

    /// Returns the model to go back to once the new one has failed its first frames in a row.
    mutating func served(_ outcome: FrameOutcome.Outcome) -> LoadedModel? {
        switch outcome {
        case .dropped(_, _, let model, _):
            // Only a frame that reached the model says something about it.
            if model != nil { failedFrameCount += 1 }
        case .stored: previous = nil
        case .rejected(_, _, let model, _):
            // Frames rejected before inference say nothing about the model.
            if model != nil { previous = nil }
        }
        guard failedFrameCount >= failedFrameCountMax else { return nil }
        return previous.take()
    }
}
