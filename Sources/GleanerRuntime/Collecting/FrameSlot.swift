import GleanerCore

/// One of the few frame buffers that travel round the loop: filled by the reader, emptied by the judge, used again.
///
/// `@unchecked Sendable`: a slot has one owner at a time. It is handed over through a ``HandoffQueue``, whose lock
/// orders the accesses.
final class FrameSlot: @unchecked Sendable {
    var buffer = FrameBuffer()
    var sequence: UInt64 = 0
    /// Set when the frame could not even be read.
    var failure: GleanerError?
}
