public import GleanerCore
import GleanerSelection
import GleanerStore

/// How good one model is on the frames that it was offered, and what the labels behind that are.
///
/// Schema: `Schemas/report.schema.json`.
public struct ModelReport: Sendable, Codable {
    /// A share of all frames (or objects) that the model was offered, with the interval that covers the truth in 95 of
    /// 100 cases.
    public struct Estimate: Sendable, Codable {
        public var value: Double
        public var low: Double
        public var high: Double

        init(_ value: Double, _ interval: ClosedRange<Double>) {
            self.value = value
            low = interval.lowerBound
            high = interval.upperBound
        }
    }

    /// How many samples were sent out, and how many were answered.
    public struct Response: Sendable, Codable {
        public var sent: Int
        public var answered: Int
    }

    /// The model beside the one before it, on audit samples that both judged.
    public struct Comparison: Sendable, Codable {
        public var previous: SampleRecord.ModelReference
        public var pairs: Int
        public var wins: Int
        public var losses: Int
        /// The chance of such a difference between equal models.
        public var pValue: Double
        /// Whether the model's bundle says what it was trained on, and that audit samples were not: else it may have been
        /// trained on these very samples.
        public var lineageKnown: Bool

        enum CodingKeys: String, CodingKey {
            case previous, pairs, wins, losses
            case pValue = "p_value"
            case lineageKnown = "lineage_known"
        }
    }

    /// How far its confidence is from being right.
    public struct CalibrationReport: Sendable, Codable {
        /// The mean difference between confidence and accuracy, 0…1.
        public var error: Double
        /// Above 1 for a model that is too sure; `nil` for too few labels.
        public var temperature: Double?
    }

    /// Kept samples that it scored anew.
    public struct SeenAnew: Sendable, Codable {
        public var samples: Int
        /// Of which it sees another class first than the model that predicted them live.
        public var otherwise: Int
    }

    /// What accuracy might be, as long as there are too few labels to know it.
    public struct Guess: Sendable, Codable {
        /// The mean of its confidence, less what the model before it was too sure.
        public var value: Double
        /// Whether the model before it was measured, so that its error could be taken off.
        public var isCorrected: Bool

        enum CodingKeys: String, CodingKey {
            case value
            case isCorrected = "corrected"
        }
    }

    public var model: SampleRecord.ModelReference
    /// Frames that it was offered.
    public var offered: Int
    /// What became of them.
    public var lines: [LedgerReport.Line] = []
    /// The share of them that were not kept because they resembled a kept one.
    public var redundancy: Double?
    /// Frames of which all that it said was right; `nil` while there are too few labels to say.
    public var accuracy: Estimate?
    /// Of a detector: the share of its boxes that are right, and the share of objects that it found, at an overlap of
    /// one half.
    public var precision: Estimate?
    public var recall: Estimate?
    /// Labels of audit samples, how many equal ones they are worth, and of how many scenes they are.
    public var auditLabels: Int
    public var effectiveLabels: Double
    public var scenes: Int
    /// What the labels of samples that a strategy chose would suggest. They were chosen where the model is weak: it is
    /// shown as a warning.
    public var naive: Double?
    public var guess: Guess?
    public var calibration: CalibrationReport?
    public var seenAnew: SeenAnew?
    /// What makes its numbers doubtful, in words.
    public var warnings: [String] = []
    public var auditResponse: Response
    public var chosenResponse: Response
    /// The weight of its uncertainty against coverage.
    public var uncertaintyWeight: Double
    public var comparison: Comparison?

    enum CodingKeys: String, CodingKey {
        case model, offered, lines, redundancy, accuracy, precision, recall, scenes, naive, guess, calibration
        case warnings, comparison
        case seenAnew = "seen_anew"
        case auditLabels = "audit_labels"
        case effectiveLabels = "effective_labels"
        case auditResponse = "audit_response"
        case chosenResponse = "chosen_response"
        case uncertaintyWeight = "uncertainty_weight"
    }
}

extension Deployment {
    /// Every model that was offered a frame, newest first.
    func modelReports() throws -> [ModelReport] {
        let feedback = try store.feedback()
        let slots = Dictionary(try store.models().map { ($0.id, $0) }) { first, _ in first }
        // The oldest first: each may be needed to judge the one after it.
        var reports: [ModelReport] = []
        for index in feedback.indices.reversed() {
            var report = try ModelReport(
                feedback[index], competence: store.competence(of: feedback[index].model),
                fixedWeight: configuration.selection.rules.fixedWeight)
            report.lines = try store.outcomes(of: feedback[index].model).map {
                .init(outcome: $0.outcome, reason: $0.reason, count: $0.count)
            }
            report.redundancy = ModelReport.redundancy(report.lines)
            report.calibration = try calibration(of: feedback[index])
            let anew = try store.seenAnew(by: feedback[index].model)
            if anew.count > 0 { report.seenAnew = .init(samples: anew.count, otherwise: anew.otherwiseCount) }
            if report.accuracy == nil {
                report.guess = ModelReport.guess(
                    feedback[index], before: feedback.indices.contains(index + 1) ? feedback[index + 1] : nil,
                    accuracy: reports.last?.accuracy)
            }
            if feedback.indices.contains(index + 1) {
                let manifest = slots[feedback[index].model]?.manifest
                let lineageKnown = manifest?.trainedOn != nil && manifest?.trainedOnTest != true
                report.comparison = try comparison(
                    of: feedback[index].model, with: feedback[index + 1].model, lineageKnown: lineageKnown)
            }
            reports.append(report)
        }
        return reports.reversed()
    }

    private static let calibrationLabelCountMax = 2000

    /// Of classifiers only: a detector has no probabilities that must be true.
    private func calibration(of feedback: ModelFeedback) throws -> ModelReport.CalibrationReport? {
        guard feedback.task == .classification else { return nil }
        let labeled = try store.auditPredictions(of: feedback.model, limit: Self.calibrationLabelCountMax)
        let observations = labeled.compactMap { prediction, truth, probability -> Calibration.Observation? in
            guard let classes = prediction.classes, prediction.scoreMin == nil, case .classified(let name) = truth
            else {
                return nil
            }
            return Calibration.Observation(
                probabilities: classes.map(\.score), truth: classes.firstIndex { $0.label == name },
                probability: probability)
        }
        return Calibration(observations).map { .init(error: $0.error, temperature: $0.temperature) }
    }

    private func comparison(
        of model: ModelID, with previous: ModelID, lineageKnown: Bool
    ) throws -> ModelReport.Comparison? {
        let paired = PairedComparison(try store.auditPairs(previous, model))
        guard paired.pairCount > 0 else { return nil }
        return ModelReport.Comparison(
            previous: .init(previous), pairs: paired.pairCount, wins: paired.wins, losses: paired.losses,
            pValue: paired.pValue, lineageKnown: lineageKnown)
    }
}

extension ModelReport {
    init(_ feedback: ModelFeedback, competence: Competence, fixedWeight: Double?) {
        let scenes = SceneNumbers(feedback.audit)
        let observations = scenes.labeled.map { sample, assessment, scene in
            AuditEstimate.Observation(
                hit: assessment.isRight ? 1 : 0,
                // A detector has no confidence in a frame as a whole.
                confidence: feedback.task == .classification ? sample.confidence : 0, probability: sample.probability,
                isDuplicate: sample.isDuplicate, scene: scene)
        }
        let population = AuditEstimate.Population(
            freshCount: Double(feedback.freshCount),
            freshConfidenceSum: feedback.task == .classification ? feedback.freshConfidenceSum : 0,
            duplicateCount: Double(feedback.duplicateCount))
        let estimate = AuditEstimate(observations, in: population)
        let offered = feedback.freshCount + feedback.duplicateCount
        self.init(
            model: .init(feedback.model), offered: offered,
            accuracy: estimate.map { Estimate($0.accuracy, $0.interval) }, precision: nil, recall: nil,
            auditLabels: observations.count, effectiveLabels: AuditEstimate.effectiveCount(observations),
            scenes: Set(observations.map(\.scene)).count,
            naive: feedback.chosenLabelCount > 0
                ? Double(feedback.chosenRightCount) / Double(feedback.chosenLabelCount) : nil,
            auditResponse: Response(
                sent: feedback.sentCount[true] ?? 0, answered: feedback.answeredCount[true] ?? 0),
            chosenResponse: Response(
                sent: feedback.sentCount[false] ?? 0, answered: feedback.answeredCount[false] ?? 0),
            uncertaintyWeight: fixedWeight ?? competence.weight, comparison: nil)
        warnings = Self.warnings(audit: auditResponse, chosen: chosenResponse)
        guard feedback.task == .detection else { return }
        precision = Self.ratio(scenes) { $0.hits + $0.falseAlarms }
        recall = Self.ratio(scenes) { $0.hits + $0.misses }
    }

    static func redundancy(_ lines: [LedgerReport.Line]) -> Double? {
        let judged = lines.filter { ["stored", "rejected", "dropped"].contains($0.outcome) }
        let count = judged.reduce(0) { $0 + $1.count }
        guard count > 0 else { return nil }
        let repeated = judged.filter { $0.outcome == "rejected" && $0.reason == RejectionReason.duplicate.rawValue }
        return Double(repeated.reduce(0) { $0 + $1.count }) / Double(count)
    }

    /// Labels that come sooner for some samples than for others bend every estimate.
    private static func warnings(audit: Response, chosen: Response) -> [String] {
        guard audit.sent >= responseCountMin, chosen.sent >= responseCountMin else { return [] }
        let rates = [audit, chosen].map { Double($0.answered) / Double($0.sent) }
        guard (rates[0] - rates[1]).magnitude > responseDifferenceMax else { return [] }
        let percents = rates.map { "\(Int((100 * $0).rounded())) %" }
        return [
            "\(percents[0]) of the audit samples were answered and \(percents[1]) of the chosen ones: if whoever labels "
                + "picks the easy ones, accuracy is not what it seems"
        ]
    }

    private static let responseCountMin = 30
    private static let responseDifferenceMax = 0.1

    /// Confidence is known for every frame and costs nothing; how far to trust it, the model before says.
    static func guess(_ feedback: ModelFeedback, before: ModelFeedback?, accuracy: Estimate?) -> Guess? {
        guard feedback.task == .classification, let confidence = feedback.meanConfidence else { return nil }
        guard let accuracy, let earlier = before?.meanConfidence else {
            return Guess(value: confidence, isCorrected: false)
        }
        return Guess(value: min(max(confidence - (earlier - accuracy.value), 0), 1), isCorrected: true)
    }

    private static func ratio(_ scenes: SceneNumbers, of whole: (Assessment) -> Int) -> Estimate? {
        RatioEstimate(
            scenes.labeled.map { sample, assessment, scene in
                RatioEstimate.Observation(
                    part: assessment.hits, whole: whole(assessment), probability: sample.probability, scene: scene)
            }
        ).map { Estimate($0.share, $0.interval) }
    }
}

/// Audit samples with a label, and the scene that each belongs to, numbered over all runs.
private struct SceneNumbers {
    private(set) var labeled: [(sample: ModelFeedback.AuditSample, assessment: Assessment, scene: Int)] = []

    init(_ audit: [ModelFeedback.AuditSample]) {
        struct Key: Hashable {
            var run: UInt32
            var scene: Int?
            var alone: UInt64?
        }
        var numbers: [Key: Int] = [:]
        for sample in audit {
            guard let assessment = sample.assessment else { continue }
            // One whose scene nobody knows is a scene of its own.
            let key = Key(
                run: sample.sample.runCounter, scene: sample.scene,
                alone: sample.scene == nil ? sample.sample.sequence : nil)
            let number = numbers[key] ?? numbers.count
            numbers[key] = number
            labeled.append((sample, assessment, number))
        }
    }
}

extension ModelFeedback {
    fileprivate var meanConfidence: Double? {
        freshCount > 0 ? freshConfidenceSum / Double(freshCount) : nil
    }
}
