import GleanerStore

/// The keeper: makes the pictures of frames that are to be kept, so that the judge need not wait for an encoder.
extension Collector {
    func keep(_ keeper: FrameKeeper) {
        defer { finished.close() }
        while var finding = judged.pop() {
            if case .frame(var frame) = finding, let kept = frame.kept {
                pulse.work(.keeper)
                frame.outcome.outcome = keeper.outcome(of: kept)
                frame.kept = nil
                finding = .frame(frame)
                _ = empty.push(kept.slot)
                pulse.rest(.keeper)
            }
            guard finished.push(finding) else { return judged.close() }
        }
    }
}
