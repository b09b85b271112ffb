#if Video
    import Foundation
    import GleanerCore
    import Testing

    @testable import GleanerCapture

    struct StreamSourceTests {
        private func source(stop: StopSignal) throws -> StreamSource {
            // Nobody listens at port 1.
            try StreamSource(
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
            let source = try source(stop: stop)
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

        @Test func everyFrameIsGivenLateOrDamaged() throws {
            let folder = try TemporaryFolder()
            // What the decoder notices, in the second half.
            let path = try VideoFileSourceTests.damaged("moving.mp4", at: 10_000, in: folder)
            let stop = StopSignal()
            defer { stop.raise() }
            let source = try StreamSource(.file(path), settings: VideoSettings(keptAs: .png), stop: stop)
            var buffer = FrameBuffer()
            var (wholeCount, damagedCount, isOver) = (0, 0, false)
            while !isOver {
                switch try source.next(into: &buffer) {
                case .frame: wholeCount += 1 + buffer.lateCount
                case .unreadable(let error):
                    #expect(error.code == .frameUnreadable)
                    damagedCount += 1
                case .interrupted(let error):
                    #expect(error.message.contains("has ended"))
                    isOver = true
                case .end: Issue.record("nobody stopped it")
                }
            }
            #expect(damagedCount > 0 && wholeCount + damagedCount == 30)
        }

        @Test func whoComesInTheMiddleOfAStreamHasMissedNothing() throws {
            let stop = StopSignal()
            defer { stop.raise() }
            let source = try StreamSource(
                .file(VideoFileSourceTests.fixture("headless.mp4")), settings: VideoSettings(keptAs: .png), stop: stop)
            var buffer = FrameBuffer()
            var count = 0
            while case .frame = try source.next(into: &buffer) { count += 1 + buffer.lateCount }
            #expect(count == 10)
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
