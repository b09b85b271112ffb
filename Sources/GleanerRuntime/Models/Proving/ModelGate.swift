import GleanerCore
import GleanerSelection
import GleanerStore

/// Decides what the labels of this device say of a challenger beside the model that serves.
///
/// Only audit samples count: they were kept by a coin, so that they favour neither model; and of those none that a
/// manifest says one of the two was trained on.
struct ModelGate {
    /// What both models said of one labeled frame.
    struct Answer {
        var label: LabelValue
        var challenger: PredictionRecord
        var active: PredictionRecord
    }

    let settings: ModelSettings.Gate
    /// A person wants the challenger whatever the labels say.
    var accepts = false

    // MARK: Which samples count

    /// How a model's training relates to a sample; `nil` when it was trained on it, or may have been.
    static func lineage(of sample: LabeledAuditSample, for manifest: ModelManifest) -> ModelVerdict.Gate.Lineage? {
        guard let trained = manifest.trainedOn else { return manifest.trainedOnTest == true ? nil : .unknown }
        let isInBatches = sample.trainingBatches.contains { trained.contains($0.description) }
        guard isInBatches else { return .disjoint }
        return manifest.trainedOnTest == true ? nil : .heldOut
    }

    /// The samples that say something of both, and the weakest that can be said of each one's lineage.
    static func usable(
        _ samples: [LabeledAuditSample], challenger: ModelManifest, active: ModelManifest
    ) -> (samples: [LabeledAuditSample], challenger: ModelVerdict.Gate.Lineage, active: ModelVerdict.Gate.Lineage) {
        var usable: [LabeledAuditSample] = []
        var lineages: (challenger: Set<ModelVerdict.Gate.Lineage>, active: Set<ModelVerdict.Gate.Lineage>) = ([], [])
        for sample in samples {
            guard let one = lineage(of: sample, for: challenger), let other = lineage(of: sample, for: active) else {
                continue
            }
            usable.append(sample)
            lineages.challenger.insert(one)
            lineages.active.insert(other)
        }
        return (usable, weakest(lineages.challenger, challenger), weakest(lineages.active, active))
    }

    private static func weakest(
        _ lineages: Set<ModelVerdict.Gate.Lineage>, _ manifest: ModelManifest
    ) -> ModelVerdict.Gate.Lineage {
        if manifest.trainedOn == nil { return .unknown }
        return lineages.contains(.heldOut) ? .heldOut : .disjoint
    }

    // MARK: The decision

    /// The verdict on a challenger that both were asked about.
    func decide(_ answers: [Answer], challenger: ModelID, active: ModelID) -> ModelVerdict.Gate {
        let rights = answers.compactMap { answer -> (first: Bool, second: Bool)? in
            guard let before = Assessment(of: answer.active, against: answer.label),
                let after = Assessment(of: answer.challenger, against: answer.label)
            else { return nil }
            return (before.isRight, after.isRight)
        }
        var gate = ModelVerdict.Gate(
            outcome: .passed, requirement: settings.requirement.rawValue, margin: settings.margin, message: "")
        gate.active = .init(active)
        gate.labels = rights.count
        let comparison = PairedComparison(rights)
        if !rights.isEmpty {
            gate.activeRight = Self.share(rights.count { $0.first }, of: rights.count)
            gate.challengerRight = Self.share(rights.count { $0.second }, of: rights.count)
            let interval = comparison.differenceInterval
            gate.difference = .init(
                share: comparison.difference, low: interval.lowerBound, high: interval.upperBound)
            (gate.wins, gate.losses, gate.pValue) = (comparison.wins, comparison.losses, comparison.pValue)
            gate.classes = Self.classLines(answers)
        }
        (gate.outcome, gate.message) = outcome(comparison, gate, "\(challenger)", "\(active)")
        return gate
    }

    /// The verdict where the active model cannot be asked: what needs a comparison waits for a person.
    func withoutComparison(_ message: String) -> ModelVerdict.Gate {
        let needsOne = settings.requirement == .operator || settings.requirement == .better
        return ModelVerdict.Gate(
            outcome: needsOne && !accepts ? .waits : .alone, requirement: settings.requirement.rawValue,
            margin: settings.margin, message: message)
    }

    private func outcome(
        _ comparison: PairedComparison, _ gate: ModelVerdict.Gate, _ challenger: String, _ active: String
    ) -> (ModelVerdict.Gate.Outcome, String) {
        let figures = Self.words(comparison, gate)
        if settings.requirement == .operator { return (accepts ? .passed : .waits, "a person decides: \(figures)") }
        if settings.requirement == .nothing { return (.passed, "nothing is required: \(figures)") }
        guard comparison.pairCount >= settings.labelCountMin else {
            return (
                .tooFewLabels, "\(settings.labelCountMin) labeled audit samples are needed to compare: \(figures)"
            )
        }
        let isBetter = comparison.pValueOfBetter <= 0.05
        let isWorse = comparison.pValueOfWorse <= 0.05 || comparison.difference < -settings.margin
        if settings.requirement == .better, !isBetter {
            return (
                accepts ? .overruled : .refused, "\(challenger) is not shown to be better than \(active): \(figures)"
            )
        }
        if isWorse { return (accepts ? .overruled : .refused, "\(challenger) is worse than \(active): \(figures)") }
        return (.passed, "\(challenger) is \(isBetter ? "better" : "not worse") than \(active): \(figures)")
    }

    private static func words(_ comparison: PairedComparison, _ gate: ModelVerdict.Gate) -> String {
        guard let before = gate.activeRight, let after = gate.challengerRight else { return "there are none yet" }
        func percent(_ share: ModelVerdict.Share) -> String {
            "\(tenths(share.share)) % (\(tenths(share.low))–\(tenths(share.high)))"
        }
        let p = comparison.pValue < 0.001 ? "< 0.001" : "\((comparison.pValue * 1000).rounded() / 1000)"
        return "right of \(percent(after)) of \(gate.labels) labeled frames, the active model of \(percent(before)); "
            + "only it \(gate.wins), only the active one \(gate.losses), p \(p)"
    }

    private static func tenths(_ share: Double) -> Double { (share * 1000).rounded() / 10 }

    private static func share(_ count: Int, of total: Int) -> ModelVerdict.Share {
        let interval = WilsonInterval.of(count, in: total)
        return .init(
            share: Double(count) / Double(total), low: interval.lowerBound, high: interval.upperBound)
    }

    // MARK: Class by class

    /// Of the frames that show a class, how many each model says it of; the most frequent classes first.
    private static func classLines(_ answers: [Answer]) -> [ModelVerdict.Gate.ClassLine] {
        var counts: [String: (all: Int, challenger: Int, active: Int)] = [:]
        for answer in answers {
            for label in Set(answer.label.classNames) {
                var count = counts[label] ?? (0, 0, 0)
                count.all += 1
                if answer.challenger.finds(label, of: answer.label) { count.challenger += 1 }
                if answer.active.finds(label, of: answer.label) { count.active += 1 }
                counts[label] = count
            }
        }
        return counts.sorted { ($1.value.all, $0.key) < ($0.value.all, $1.key) }.prefix(100).map { label, count in
            .init(
                label: label, count: count.all, challenger: share(count.challenger, of: count.all),
                active: share(count.active, of: count.all))
        }
    }
}

extension LabelValue {
    fileprivate var classNames: [String] {
        switch self {
        case .classified(let name): [name]
        case .classes(let names): names
        case .boxes(let boxes): boxes.map(\.label)
        case .unusable: []
        }
    }
}

extension PredictionRecord {
    /// Whether it says everything of one class that is true of the frame.
    fileprivate func finds(_ label: String, of truth: LabelValue) -> Bool {
        guard case .boxes(let boxes) = truth else { return claimedClasses.contains { $0.label == label } }
        var own = self
        own.boxes = self.boxes?.filter { $0.label == label }
        let assessment = Assessment(of: own, against: .boxes(boxes.filter { $0.label == label }))
        return assessment?.misses == 0
    }
}
