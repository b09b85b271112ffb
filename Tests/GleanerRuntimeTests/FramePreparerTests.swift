#if JPEG
    import GleanerCore
    import GleanerImaging
    import Testing

    @testable import GleanerRuntime

    @Suite struct FramePreparerTests {
        private static func input(_ side: Int) -> InputSpec {
            var spec = InputSpec(width: side, height: side)
            (spec.filter, spec.fit) = (.antialiased, .crop)
            return spec
        }

        @Test func aFrameIsDecodedForTheModelThatServesAndAnewForOneThatWantsMore() throws {
            let wish = InputWish()
            wish.serve(Self.input(48))
            let preparer = FramePreparer(wish: wish, times: StageTimes())
            let slot = FrameSlot()
            var encoder = PictureEncoder()
            slot.buffer.encoded = try encoder.encode(PixelBuffer(width: 640, height: 480), as: .jpeg)
            slot.buffer.content = .encoded
            preparer.prepare(slot)
            #expect(slot.isPrepared && slot.damage == nil)
            #expect((slot.buffer.pixels.width, slot.buffer.pixels.frameWidth) == (160, 640))
            #expect(slot.input?.letterbox?.frameWidth == 640)

            try slot.completePixels(for: Self.input(24))
            #expect(slot.buffer.pixels.width == 160, "they suffice")
            try slot.completePixels(for: Self.input(200))
            #expect((slot.buffer.pixels.width, slot.buffer.pixels.frameWidth) == (640, 640))
        }
    }
#endif
