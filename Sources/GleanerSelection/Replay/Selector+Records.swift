public import GleanerCore

extension Selector {
    /// What is to be recorded of a frame that was not judged: the gate stopped it, or the model failed.
    public func record(of hash: PerceptualHash, gate: Gate, at now: Instant) -> DecisionRecord {
        var record = DecisionRecord(course: gate.stops ? .stopped : .failed, instant: now)
        record.source = gate.source
        record.hash = hash
        record.earlierHashDistance = gate.earlierHashDistance
        guard gate.stops else { return record }
        record.outcome = .duplicate
        record.like = gate.duplicateOf.map { like($0, distance: nil) }
        return record
    }

    func record(
        of evidence: Evidence, gate: Gate, verdict: Verdict, at now: Instant
    ) -> DecisionRecord {
        var record = DecisionRecord(course: .judged, instant: now)
        record.outcome = DecisionRecord.Outcome(verdict)
        record.source = gate.source
        record.hash = evidence.hash
        record.earlierHashDistance = gate.earlierHashDistance
        record.scores = evidence.frame.scores
        record.answer = evidence.answer.map { .init(strategy: $0.index, utility: Float($0.utility.value)) }
        record.like = evidence.nearest.map { like($0.sample, distance: Float($0.distance)) }
        return record
    }

    private func like(_ sample: LocalSampleID, distance: Float?) -> DecisionRecord.Like {
        .init(sequence: sample.runCounter == run.counter ? sample.sequence : nil, distance: distance)
    }
}
