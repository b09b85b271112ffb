import GleanerCore
import GleanerSelection

/// A model that is asked about live frames while another one serves, in a process of its own: whatever it does there,
/// collecting goes on.
///
/// `@unchecked Sendable`: made on one thread, then handed to the judge's, the only one to touch it from then on.
final class ModelShadow: @unchecked Sendable {
    let id: ModelID
    private let settings: ModelSettings.Shadow
    private var model: IsolatedModel
    private let since = ContinuousClock.now
    private var spentSeconds = 0.0
    private var seconds: [Double] = []
    /// Frames that it was asked about by earlier runs, by this one, and how many of these were told.
    private let frameCountBefore: Int
    private var frameCount = 0
    private var toldFrameCount = 0
    private(set) var failure: GleanerError?
    var report: ModelVerdict.Shadow

    /// From so much on the two say something else.
    private static let disagreementMin = 0.5

    /// - Parameters:
    ///   - frameCountBefore: Frames that earlier runs asked it about.
    ///   - report: What they found out.
    /// - Throws: ``GleanerError`` saying what the model did.
    init(
        _ bundle: ModelBundle, _ isolation: ModelIsolation, _ settings: ModelSettings.Shadow, frameCountBefore: Int,
        report: ModelVerdict.Shadow?
    ) throws {
        id = bundle.manifest.id
        self.settings = settings
        self.frameCountBefore = frameCountBefore
        self.report = report ?? ModelVerdict.Shadow()
        model = try IsolatedModel(bundle, isolation)
    }

    /// Whether it was asked about as many frames as it had to be.
    var isComplete: Bool { frameCountBefore + frameCount >= settings.frameCount }

    /// Frames since this was asked last.
    func takeFrameCount() -> Int {
        defer { toldFrameCount = frameCount }
        return frameCount - toldFrameCount
    }

    /// How far it is from what the model that serves said of a frame; `nil` for a frame that it is not asked about.
    func disagreement(
        with prediction: Prediction, of manifest: ModelManifest, scoreMin: Float?, on picture: () throws -> [UInt8],
        sequence: UInt64
    ) -> Utility? {
        guard failure == nil, !isComplete, sequence % UInt64(settings.interval) == 0, isAffordable else { return nil }
        let began = ContinuousClock.now
        defer { spentSeconds += (ContinuousClock.now - began).seconds }
        do {
            // A picture that cannot be had is not the model's failure.
            guard let picture = try? picture(), let answer = try model.judge(picture) else { return nil }
            note(answer)
            let own = Self.claims(of: prediction, scoreMin: scoreMin)
            let other = Self.prediction(answer.prediction, in: manifest.labels)
            let utility = Disagreement.between(own, other)
            if let utility, utility.value >= Self.disagreementMin { report.disagreements += 1 }
            return utility
        } catch {
            failure = error as? GleanerError ?? GleanerError(.modelFailed, "\(id) failed", cause: error)
            report.failure = failure.map { ModelVerdict.Failure($0) }
            return nil
        }
    }

    /// The first frame is always paid for.
    private var isAffordable: Bool {
        spentSeconds <= settings.costShare * (ContinuousClock.now - since).seconds
    }

    private func note(_ answer: IsolationReply.Answer) {
        frameCount += 1
        report.frames = frameCountBefore + frameCount
        seconds.append(answer.seconds)
        if seconds.count > 101 { seconds.removeFirst() }
        report.latencyMilliseconds = seconds.sorted()[seconds.count / 2] * 1000
    }

    private static func claims(of prediction: Prediction, scoreMin: Float?) -> Prediction {
        guard case .detection = prediction else { return prediction }
        return .detection(prediction.confident(scoreMin: scoreMin ?? 0))
    }

    /// What it said, in the classes of the model that serves; a class that this one does not have is like none of its.
    private static func prediction(_ record: PredictionRecord, in labels: [String]) -> Prediction {
        let indices = Dictionary(labels.enumerated().map { ($1, $0) }) { first, _ in first }
        if record.task == .detection {
            return .detection(
                record.confidentBoxes.map {
                    Detection(box: $0.box, classIndex: indices[$0.label] ?? labels.count, score: $0.score)
                })
        }
        var probabilities = [Float](repeating: 0, count: labels.count)
        for each in record.classes ?? [] {
            if let index = indices[each.label] { probabilities[index] = each.score }
        }
        return .classification(probabilities: probabilities)
    }
}
