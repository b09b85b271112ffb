#if Video
    import Foundation
    import GleanerCore
    import GleanerCapture
    import Testing

    struct StreamSourceTests {
        private func source(stop: StopSignal) -> StreamSource {
            // Nobody listens at port 1.
            StreamSource(
                .network("http://me:secret@127.0.0.1:1/video"), settings: VideoSettings(keptAs: .png), stop: stop)
        }

        @Test func aCameraThatIsNotThereIsSaidOnceAndAwaited() throws {
            // The quickest of three must do: a busy machine may hold up one.
            var quickest = Double.infinity
            for _ in 0..<3 where quickest > 0.5 { quickest = min(quickest, try secondsToStop()) }
            #expect(quickest <= 0.5)
        }

        private func secondsToStop() throws -> Double {
            let stop = StopSignal()
            let source = source(stop: stop)
            var buffer = FrameBuffer()
            guard case .interrupted(let error) = try source.next(into: &buffer) else {
                Issue.record("nothing was said")
                return 0
            }
            #expect(error.code == .sourceUnavailable)
            #expect(error.message.contains("http://…@127.0.0.1:1/video") && !"\(error)".contains("secret"))
            let begin = ContinuousClock.now
            Thread.detachNewThread { stop.raise() }
            guard case .end = try source.next(into: &buffer) else {
                Issue.record("it is said twice")
                return 0
            }
            return (ContinuousClock.now - begin) / .seconds(1)
        }

        @Test func aStopBeforeTheFirstFrameEndsIt() throws {
            let stop = StopSignal()
            stop.raise()
            var buffer = FrameBuffer()
            guard case .end = try source(stop: stop).next(into: &buffer) else {
                Issue.record("it goes on after its stop signal was raised")
                return
            }
        }
    }
#endif
