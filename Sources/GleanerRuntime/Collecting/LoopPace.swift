/// How fast frames may be taken, so that a small board stays cool and a battery lasts: at most so many a second, and
/// work only for a share of the time.
struct LoopPace: Hashable, Sendable {
    /// Frames a second; `nil` for as many as there are.
    var rateMax: Double?
    /// The share of the time in which a frame is worked on, in 0…1.
    var dutyCycle = 1.0

    private var dueSeconds = -Double.infinity

    init(rateMax: Double? = nil, dutyCycle: Double = 1) {
        self.rateMax = rateMax
        self.dutyCycle = dutyCycle
    }

    /// Whether the loop has to rest between two frames: then there is one at a time.
    var rests: Bool { dutyCycle < 1 }

    /// How long to wait before the next frame is taken.
    ///
    /// - Parameter workSeconds: what the frame before took.
    mutating func secondsToWait(at nowSeconds: Double, workSeconds: Double) -> Double {
        let start = max(nowSeconds + workSeconds * (1 / dutyCycle - 1), dueSeconds)
        dueSeconds = start + (rateMax.map { 1 / $0 } ?? 0)
        return start - nowSeconds
    }
}
