import GleanerCore
import GleanerImaging

/// Makes of each frame what can be made without knowing the others, while the judge is at work on the one before: its
/// pixels, its hash, and the model's input.
///
/// `@unchecked Sendable`: made on one thread, then handed to the one that prepares, the only one to touch it from then on.
final class FramePreparer: @unchecked Sendable {
    private let wish: InputWish
    private let times: StageTimes
    private var decoder = PictureDecoder()

    init(wish: InputWish, times: StageTimes) {
        self.wish = wish
        self.times = times
    }

    /// A frame that cannot be prepared goes on to the judge with what is wrong.
    func prepare(_ slot: FrameSlot) {
        slot.watch = StageWatch(times)
        (slot.damage, slot.isPrepared) = (nil, false)
        guard slot.failure == nil else { return }
        do {
            slot.encoding = try takePixels(of: slot)
            slot.watch.end(.decode)
            slot.hash = PerceptualHash.of(slot.buffer.pixels)
            slot.watch.end(.hash)
            guard slot.buffer.given == nil, let spec = wish.wanted else { return }
            let input: ModelInput
            if let ready = slot.input, ready.spec == spec { input = ready } else { input = try ModelInput(spec) }
            slot.input = input
            input.fill(from: slot.buffer.pixels)
            slot.isPrepared = true
            slot.watch.end(.prepare)
        } catch {
            slot.damage = error
        }
    }

    /// Gets a frame's pixels, upright, from whatever form its source gave it in.
    ///
    /// - Returns: how its picture is encoded, or will be.
    private func takePixels(of slot: FrameSlot) throws -> PictureEncoding {
        switch slot.buffer.content {
        case .encoded:
            return try slot.buffer.encoded.withUnsafeBytes {
                try decoder.decode($0, into: &slot.buffer.pixels, for: wish.served).encoding
            }
        case .pixels(let encoding):
            slot.buffer.encoded = []
            return encoding
        }
    }
}
