import GleanerCore

/// How long the active model takes for a frame, against what the configuration asks of it.
struct ModelTrial {
    var model: ModelID
    /// Of a frame's way from its pixels to what the model says of it.
    var p50Seconds: Double
    var pace: LoopPace
    /// Who measured.
    var isCollectors = false

    private static let frameCountMax = 20
    private static let secondsMax = 3.0

    /// Judges a frame again and again; an empty one where there is none.
    ///
    /// - Throws: ``GleanerError`` when the model fails.
    init(_ model: LoadedModel, on slot: FrameSlot?, pace: LoopPace) throws {
        self.model = model.manifest.id
        self.pace = pace
        let pixels = slot?.buffer.pixels ?? PixelBuffer(width: 640, height: 480)
        var times = LatencyHistogram()
        let begin = ContinuousClock.now
        while times.count == 0
            || times.count < Self.frameCountMax && (ContinuousClock.now - begin).seconds < Self.secondsMax
        {
            let start = ContinuousClock.now
            _ = try model.judge(pixels)
            times.add((ContinuousClock.now - start).seconds)
        }
        p50Seconds = times.percentile(0.5) ?? 0
    }

    init(model: ModelID, p50Seconds: Double, pace: LoopPace, isCollectors: Bool = false) {
        (self.model, self.p50Seconds, self.pace, self.isCollectors) = (model, p50Seconds, pace, isCollectors)
    }

    var finding: Finding {
        let rate = pace.dutyCycle / max(p50Seconds, 1e-6)
        let rests = pace.dutyCycle < 1 ? " and inference.duty_cycle is \(pace.dutyCycle)" : ""
        let who = isCollectors ? ", as the collector measured" : ""
        let message =
            "\(model) takes \(FlushHonesty.text(p50Seconds)) a frame\(who)\(rests): at most \(Self.text(rate)) frames a second"
        let measured = ["frame_p50_ms": 1000 * p50Seconds, "frames_per_second": rate]
        guard let rateMax = pace.rateMax, rate < rateMax else {
            return Finding("model", .ok, message, measured: measured)
        }
        return Finding(
            "model", .warning, "\(message), and inference.max_rate asks for \(Self.text(rateMax))",
            remedy: "lower inference.max_rate, or take a smaller model; `gleaner bench` says what takes the time",
            measured: measured)
    }

    private static func text(_ rate: Double) -> String {
        rate >= 100 ? "\(Int(rate))" : "\((rate * 10).rounded() / 10)"
    }
}
