import GleanerCore
import GleanerImaging

/// One of the few frame buffers that travel round the loop: filled by the reader, used again once its frame was turned away
/// or its picture is made.
///
/// `@unchecked Sendable`: a slot has one owner at a time. It is handed over through a ``HandoffQueue``, whose lock
/// orders the accesses.
final class FrameSlot: @unchecked Sendable {
    /// Its own among all slots of the loop, from 0.
    let number: Int
    var buffer = FrameBuffer()
    var sequence: UInt64 = 0
    /// Set when the frame could not even be read.
    var failure: GleanerError?

    // What is made of the frame before it is judged.
    var watch = StageWatch(nil)
    /// Set when its pixels could not be had.
    var damage: (any Error)?
    /// How its picture is encoded, or will be if it is kept.
    var encoding = PictureEncoding.png
    var hash = PerceptualHash(bits: 0)
    /// The frame as the model that served meanwhile takes it.
    var input: ModelInput?
    /// Whether ``input`` holds this frame.
    var isPrepared = false

    /// Whether a model has said something of the frame.
    var gotThrough = false

    private var encoder = PictureEncoder()

    init(number: Int = 0) { self.number = number }

    /// Its picture: as it was captured, or encoded now.
    func picture() throws -> [UInt8] {
        if case .pixels(let encoding) = buffer.content, buffer.encoded.isEmpty {
            buffer.encoded = try encoder.encode(buffer.pixels, as: encoding)
        }
        return buffer.encoded
    }

    /// Decodes its picture anew where that was done for a model of smaller frames than the one that asks now, as just
    /// after a change of models.
    func completePixels(for spec: InputSpec) throws {
        guard !buffer.pixels.suffices(for: spec) else { return }
        var decoder = PictureDecoder()
        _ = try buffer.encoded.withUnsafeBytes { try decoder.decode($0, into: &buffer.pixels, for: spec) }
    }
}
