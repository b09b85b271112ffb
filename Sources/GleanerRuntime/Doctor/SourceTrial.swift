import GleanerCapture
import GleanerCore
import GleanerImaging
import Synchronization

/// Whether the source gives a frame, and soon enough. None is kept, and none counts as seen.
struct SourceTrial {
    enum Outcome {
        case frame(FrameSlot, afterSeconds: Double)
        /// It opened, and other programs may hand frames over.
        case open
        /// It has none yet, and waits.
        case empty
        /// Nothing came in so long.
        case silent
        case failed(GleanerError)
    }

    let source: SourceMaker
    let secondsMax: Double
    var outcome = Outcome.silent

    /// Opens the source and asks it for a frame.
    init(_ source: SourceMaker, in deploymentFolder: String, secondsMax: Double) async {
        self.source = source
        self.secondsMax = secondsMax
        let stop = StopSignal()
        let environment = SourceMaker.Environment(
            deploymentFolder: deploymentFolder, endsAtLast: !source.givesPredictions, stop: stop,
            recorded: { _, _ in [] })
        let alarm = Task {
            try await Task.sleep(for: .seconds(secondsMax))
            stop.raise()
        }
        defer {
            alarm.cancel()
            // A camera is followed until somebody says that it is enough.
            stop.raise()
        }
        do {
            let frames = try await source.make(environment)
            outcome = source.givesPredictions ? .open : await Self.first(of: frames, stop)
            await frames.close()
        } catch let error as GleanerError {
            outcome = .failed(error)
        } catch {
            outcome = .failed(GleanerError(.sourceUnavailable, "\(source.name) cannot be opened: \(error)"))
        }
    }

    /// On a thread of its own, since a source blocks its caller.
    private static func first(of frames: any FrameSource, _ stop: StopSignal) async -> Outcome {
        let found = Mutex<Outcome>(.silent)
        await Collector.onThread("doctor") {
            let outcome = Self.wait(for: frames, stop)
            found.withLock { $0 = outcome }
        }
        return found.withLock { $0 }
    }

    private static func wait(for source: any FrameSource, _ stop: StopSignal) -> Outcome {
        var source = source
        let slot = FrameSlot()
        let begin = ContinuousClock.now
        do {
            // A source gives up one that is damaged and goes on.
            var damage: GleanerError?
            for _ in 0..<3 {
                switch try source.next(into: &slot.buffer) {
                case .frame:
                    FramePreparer(wish: InputWish(), times: StageTimes()).prepare(slot)
                    if let error = slot.damage {
                        damage = error as? GleanerError ?? GleanerError(.frameUnreadable, "\(error)")
                        continue
                    }
                    return .frame(slot, afterSeconds: (ContinuousClock.now - begin).seconds)
                case .unreadable(let error): damage = error
                case .interrupted(let error): return .failed(error)
                case .end: return stop.isRaised ? .silent : damage.map { .failed($0) } ?? .empty
                }
            }
            return damage.map { .failed($0) } ?? .empty
        } catch {
            return .failed(error as? GleanerError ?? GleanerError(.sourceUnavailable, "\(error)"))
        }
    }

    /// - Parameter cameras: Which ones there are, in words.
    func finding(cameras: String) -> Finding {
        let isCamera = source.name.hasPrefix("v4l2:")
        let here = isCamera ? "; \(cameras)" : ""
        switch outcome {
        case .frame(let slot, let seconds):
            let pixels = slot.buffer.pixels
            return Finding(
                "source", .ok,
                "\(source.name) gave a frame of \(pixels.frameWidth) × \(pixels.frameHeight) after "
                    + "\(FlushHonesty.text(seconds))\(here)", measured: ["first_frame_seconds": seconds])
        case .open: return Finding("source", .ok, "\(source.name) is open, and awaits frames of other programs")
        case .empty:
            return Finding(
                "source", .warning, "\(source.name) has no frame yet", remedy: "look whether what writes them runs")
        case .silent:
            return Finding(
                "source", .problem, "\(source.name) gave no frame in \(Int(secondsMax)) s\(here)",
                remedy: "look whether the camera is on and shows a picture elsewhere, then try again")
        case .failed(let error):
            return Finding("source", .problem, "\(error.message)\(here)", remedy: error.remedy)
        }
    }
}
