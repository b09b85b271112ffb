import GleanerCore

/// The model that judges frames and, while it is in probation, the one before it, which judges what the new one cannot.
///
/// Touched by one thread alone.
final class ServingModel {
    /// What a model says of a frame.
    struct Said {
        var model: LoadedModel
        var prediction: Prediction
        var scoreMin: Float?
        var embedding: Embedding?
        var seconds: Double
    }

    /// So many latest frames tell how long one takes.
    private static let latencyCount = 15
    /// Reading the process's memory takes as long as a small model: it is done for every so manieth frame.
    private static let memoryInterval = 16

    private(set) var model: LoadedModel
    /// To go back to; out of memory where two do not fit, and `nil` if it is not at hand.
    private(set) var predecessor: LoadedModel?
    private var probation: Probation?
    private var outcome: Probation.Outcome?
    private var toldServedCount = 0
    /// In seconds, of the latest frames.
    private var latencies: [Double] = []
    private let inference: InferenceWatch

    init(_ model: LoadedModel, inference: InferenceWatch) {
        self.model = model
        self.inference = inference
    }

    // MARK: Which model serves

    /// Goes on with another model, which is watched no more.
    func serve(_ model: LoadedModel) {
        if predecessor === model { predecessor = nil }
        endProbation()
        if model !== self.model { self.model.unload() }
        begin(model)
    }

    /// Goes on with another model, and watches it.
    ///
    /// - Parameter provedSeconds: What a frame took in its predecessor when the two were compared: for a start, before which
    ///   that one judged no frame here.
    func serve(
        _ model: LoadedModel, after predecessor: LoadedModel?, limits: Probation.Limits, servedCount: Int,
        provedSeconds: Double?
    ) {
        let before = latencies.isEmpty ? provedSeconds : latencies.sorted()[latencies.count / 2]
        if self.model !== model, self.model !== predecessor { self.model.unload() }
        begin(model)
        self.predecessor = predecessor
        probation = Probation(limits: limits, servedCount: servedCount, latencyBefore: before)
        (outcome, toldServedCount) = (nil, servedCount)
    }

    private func begin(_ model: LoadedModel) {
        self.model = model
        latencies = []
    }

    /// The model has shown what it had to, or another one takes its place.
    func endProbation() {
        probation = nil
        predecessor?.unload()
        predecessor = nil
    }

    /// Serves with the predecessor again; `false` if it is not at hand.
    ///
    /// - Throws: ``GleanerError`` when it cannot be brought into memory again.
    func goBack() throws -> Bool {
        guard let predecessor else { return false }
        model.unload()
        try predecessor.load()
        probation = nil
        self.predecessor = nil
        begin(predecessor)
        return true
    }

    // MARK: The probation

    /// Frames of the probation since this was asked last.
    func takeServedCount() -> Int {
        let count = probation?.servedCount ?? toldServedCount
        defer { toldServedCount = count }
        return count - toldServedCount
    }

    /// What came of the probation.
    func takeOutcome() -> Probation.Outcome? { outcome.take() }

    private func conclude(_ outcome: Probation.Outcome?) { self.outcome = self.outcome ?? outcome }

    // MARK: Frames

    /// What is said of a frame: elsewhere and before it came; or by the model; or, if that one fails in its probation, by its
    /// predecessor, so that no frame is lost by a swap.
    func say(of slot: FrameSlot) throws -> Said {
        if let given = slot.buffer.given { return take(given, on: slot.buffer.pixels) }
        guard probation != nil else { return try ask(model, { try $0.judge(slot) }) }
        if let predecessor { try slot.completePixels(for: predecessor.manifest.input) }
        let pixels = slot.buffer.pixels
        let said: Said
        do {
            said = try ask(model) { try $0.judge(slot) }
        } catch {
            return try sayInstead(of: pixels, because: error)
        }
        if probation?.asksPredecessor == true, let predecessor, predecessor.isLoaded,
            let other = try? ask(predecessor, pixels)
        {
            probation?.predecessorServed(Self.answer(other))
        }
        conclude(probation?.served(Self.answer(said)))
        // A model that is loaded beside this one is not this one's leak.
        if let count = probation?.servedCount, count % Self.memoryInterval == 0, !inference.isLoading {
            conclude(probation?.memory(ProcessMemory.byteCount))
        }
        return said
    }

    private func take(_ given: GivenPrediction, on pixels: PixelBuffer) -> Said {
        Said(
            model: model, prediction: given.prediction, scoreMin: given.scoreMin,
            embedding: given.embedding ?? model.embedding(of: given.prediction, on: pixels), seconds: 0)
    }

    /// What the model says of a kept frame. That it fails counts in its probation: the one before it had judged the frame.
    func sayAnew(of pixels: PixelBuffer) throws -> Said {
        do {
            return try ask(model, pixels)
        } catch {
            conclude(probation?.failed(Self.words(error)))
            throw error
        }
    }

    private func sayInstead(of pixels: PixelBuffer, because error: any Error) throws -> Said {
        guard let predecessor else {
            // It is fetched once it is to serve again; until then there is nobody else to ask.
            conclude(probation?.failed(Self.words(error)))
            throw error
        }
        let isAlone = !predecessor.isLoaded
        if isAlone {
            conclude(probation?.failed(Self.words(error), isAlone: true))
            model.unload()
            try predecessor.load()
        }
        var said = try ask(predecessor, pixels)
        // It sees frames in another way than what is remembered of them.
        said.embedding = nil
        // A frame that neither can judge says nothing of the new one.
        if !isAlone { conclude(probation?.failed(Self.words(error))) }
        return said
    }

    private func ask(_ model: LoadedModel, _ pixels: PixelBuffer) throws -> Said {
        try ask(model) { try $0.judge(pixels) }
    }

    private func ask(
        _ model: LoadedModel, _ judge: (LoadedModel) throws -> (prediction: Prediction, embedding: Embedding?)
    ) throws -> Said {
        inference.begin(model.manifest.id)
        defer { inference.end() }
        let began = ContinuousClock.now
        let (prediction, embedding) = try judge(model)
        let seconds = (ContinuousClock.now - began).seconds
        if model === self.model {
            latencies.append(seconds)
            if latencies.count > Self.latencyCount { latencies.removeFirst() }
        }
        return Said(
            model: model, prediction: prediction, scoreMin: model.decoder.scoreMin, embedding: embedding,
            seconds: seconds)
    }

    private static func answer(_ said: Said) -> Probation.Answer {
        let (prediction, scoreMin) = (said.prediction, said.scoreMin)
        let isClaimed = prediction.topScore.map { $0 >= scoreMin ?? 0 } ?? false
        let labels = said.model.manifest.labels
        let top = prediction.topClassIndex.flatMap { labels.indices.contains($0) ? labels[$0] : nil }
        return .init(
            topClass: isClaimed ? top : nil, confidence: prediction.confidence(scoreMin: scoreMin),
            seconds: said.seconds)
    }

    private static func words(_ error: any Error) -> String { (error as? GleanerError)?.message ?? "\(error)" }
}
